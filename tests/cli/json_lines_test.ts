/** `crypto encrypt --json-lines` and `crypto decrypt --json-lines`. */
import assert from "node:assert/strict";
import { startDaemon } from "../support/daemon.ts";
import { crypto, failedWith, fails, Folder, prints, text } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;

const ENCRYPT = ["encrypt", "--json-lines"];
const DECRYPT = ["decrypt", "--json-lines"];

function lines(...values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value) + "\n").join("");
}

function parse(output: string): unknown[] {
  return output.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("1,500 texts are encrypted in one call, and decrypted to themselves in order", async () => {
  const values = Array.from({ length: 1_500 }, (_, i) => `number ${i} \u{1f44b}\n"`);
  const sealed = await prints(ENCRYPT, { env, stdin: lines(...values) });
  const messages = parse(sealed);
  assert.ok(messages.every((one) => typeof one === "string" && one.startsWith("crypto:v1:")));
  assert.deepEqual(parse(await prints(DECRYPT, { env, stdin: sealed })), values);
});

Deno.test("objects have the protocol's members, and the flags are for lines without their own", async () => {
  const given = [
    { text: "a", context: "own" },
    { data: "AA", contextData: "AQ" },
    { text: "b" },
    "c",
  ];
  const flags = ["--context", "all", "--key", "default"];
  const sealed = parse(await prints([...ENCRYPT, ...flags], { env, stdin: lines(...given) }));
  const [a, data, b, c] = sealed as [...Record<"message" | "key", string>[], string];
  assert.equal((a as { key: string }).key, "default");
  const asked = lines(
    { message: (a as { message: string }).message, context: "own" },
    { message: (data as { message: string }).message, contextData: "AQ", as: "data" },
    { message: (b as { message: string }).message },
    c,
  );
  const opened = parse(await prints([...DECRYPT, ...flags], { env, stdin: asked }));
  const by = { key: "default", version: 1 };
  assert.deepEqual(opened, [
    { text: "a", ...by },
    { data: "AA", ...by },
    { text: "b", ...by },
    "c",
  ]);
});

Deno.test("a line that fails says so in its place, the others go on, and the exit status is its", async () => {
  const sealed = parse(await prints(ENCRYPT, { env, stdin: lines("x") }))[0];
  const asked = lines(sealed, "hello", sealed, { message: sealed, context: "wrong" }) + "{\n5\n";
  const run = await crypto(DECRYPT, {
    env,
    stdin: asked + lines({ message: sealed, odd: 1 }, sealed),
  });
  failedWith("malformed", run);
  assert.match(run.stderr, /line 2: .*\n.*5 lines failed/);
  const outcomes = parse(text(run.stdout)).map((one) => {
    return typeof one === "string" ? one : (one as { error: { code: string } }).error.code;
  });
  assert.deepEqual(outcomes, [
    ...["x", "malformed", "x", "decryption_failed"],
    ...["parse_error", "parse_error", "invalid_params", "x"],
  ]);
});

Deno.test("nothing in is nothing out, a last line needs no end, and one too long ends it", async () => {
  assert.equal(await prints(ENCRYPT, { env, stdin: "" }), "");
  assert.equal(parse(await prints(ENCRYPT, { env, stdin: '"x"' })).length, 1);
  await fails("line_too_long", ENCRYPT, { env, stdin: `"${"x".repeat(1_048_576)}"` });
});

Deno.test("files go where --output says, and other forms are refused", async () => {
  using folder = new Folder();
  const input = folder.write("in.jsonl", lines("x", "y"));
  await fails("usage", [...ENCRYPT, input], { env });
  assert.equal(await prints([...ENCRYPT, input, "--output", folder.at("out")], { env }), "");
  assert.equal(parse(text(folder.read("out"))).length, 2);
  for (const other of [["--armor"], ["--text", "x"], ["--passphrase"]]) {
    await fails("usage", [...ENCRYPT, "--quiet", ...other], { env, stdin: "" });
  }
});
