/** Programs in Python: docs/client.py, and pyca/cryptography speaking the protocol. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  exec,
  missing,
  prints,
  type Run,
  sameBytes,
  sample,
  succeeds,
  testIf,
} from "../cli/support.ts";
import { text } from "../cli/support.ts";
import { pythonWithCryptography } from "../interop/python.ts";
import { startDaemon } from "../support/daemon.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());

const python = await pythonWithCryptography();
const NO_CRYPTOGRAPHY = typeof python === "string" ? undefined : python.skip;
const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const env = {
  ...daemon.env,
  CRYPTO_SOCKET: daemon.socket,
  PYTHONPATH: DOCS,
  PYTHONDONTWRITEBYTECODE: "1",
};

function script(name: string, args: readonly string[], stdin?: Uint8Array): Promise<Run> {
  const path = fileURLToPath(new URL(name, import.meta.url));
  return exec([python as string, path, ...args], { env, stdin });
}

testIf(
  missing("python3"),
  "docs/client.py encrypts, decrypts and tells errors by code",
  async () => {
    const program = `
import json
from client import Crypto
crypto = Crypto()
message = crypto.encrypt("a value ü", context="row 7")
def code(**more):
    try:
        return crypto.decrypt(message, **more)
    except RuntimeError as error:
        return str(error)
print(json.dumps([
    crypto.status()["protocol"], message[:10],
    crypto.decrypt(message, context="row 7"), code(), code(key="nobody"),
]))`;
    const { code, stdout, stderr } = await exec(["python3", "-c", program], { env });
    assert.deepEqual([code, stderr], [0, ""]);
    const seen = [1, "crypto:v1:", "a value ü", "decryption_failed", "denied"];
    assert.deepEqual(JSON.parse(text(stdout)), seen);
  },
);

Deno.test("docs/client.py has at most thirty lines, and needs Python alone", async () => {
  const source = await Deno.readTextFile(`${DOCS}/client.py`);
  assert.ok(source.trimEnd().split("\n").length <= 30);
  const imports = [...source.matchAll(/^(?:import|from) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(imports, ["json", "os", "socket"]);
  assert.ok(source.split("\n").every((line) => line.length <= 100));
});

const SIZES = [0, 1, 16_383, 16_384, 16_385, 3_000_000];

testIf(NO_CRYPTOGRAPHY, "messages that Python makes with envelope.create open here", async () => {
  for (const size of SIZES) {
    const made = await script("enveloped.py", ["encrypt", "row 7"], sample(size));
    assert.equal(made.code, 0, made.stderr);
    const options = { env: daemon.env, stdin: made.stdout };
    sameBytes(await succeeds(["decrypt", "-c", "row 7"], options), sample(size), `${size}`);
  }
});

testIf(NO_CRYPTOGRAPHY, "messages made here open in Python with envelope.open", async () => {
  for (const size of SIZES) {
    const options = { env: daemon.env, stdin: sample(size) };
    const message = await succeeds(["encrypt", "-c", "row 7"], options);
    const opened = await script("enveloped.py", ["decrypt", "row 7"], message);
    assert.equal(opened.code, 0, opened.stderr);
    sameBytes(opened.stdout, sample(size), `${size}`);
    const other = await script("enveloped.py", ["decrypt", "row 8"], message);
    assert.notEqual(other.code, 0);
  }
});

testIf(NO_CRYPTOGRAPHY, "the older service's clients, tokens and key go on working", async () => {
  const generate = "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())";
  const key = text((await exec([python as string, "-c", generate], { env })).stdout);
  const args = ["key", "import", "fernet", "--purpose", "fernet"];
  await succeeds(args, { env: daemon.env, stdin: key });
  const { code, stdout, stderr } = await script("legacy.py", [key.trim()]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(text(stdout)), {
    "encrypted": "success",
    "opened here": true,
    "opened there": { status: "success", decrypted: "an old secret ü" },
    "round trip": true,
    "refused": ["error", "error", "error"],
    "unknown": "error",
  });
});

testIf(
  NO_CRYPTOGRAPHY,
  "a token made here opens with Python's Fernet, and the reverse",
  async () => {
    const own = "A".repeat(43) + "=";
    const args = ["key", "import", "tokens", "--purpose", "fernet"];
    await succeeds(args, { env: daemon.env, stdin: own });
    const token = await prints(["encrypt", "-k", "tokens"], { env: daemon.env, stdin: "a secret" });
    const use = (verb: string, data: string) => {
      const program = "import sys; from cryptography.fernet import Fernet; " +
        `print(Fernet(sys.argv[1]).${verb}(sys.argv[2].encode()).decode(), end="")`;
      return exec([python as string, "-c", program, own, data], { env });
    };
    assert.equal(text((await use("decrypt", token.trim())).stdout), "a secret");
    const { stdout } = await use("encrypt", "theirs");
    assert.equal(await prints(["decrypt"], { env: daemon.env, stdin: stdout }), "theirs");
  },
);
