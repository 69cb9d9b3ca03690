/** Messages on two threads: the same as on one, for any length and whatever is wrong with them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CHUNK, SEALED_CHUNK } from "../../core/engine.ts";
import { BODY_PREFIX_LENGTH, ENVELOPE_LENGTH } from "../../core/message.ts";
import {
  exec,
  failedWith,
  fails,
  Folder,
  PROGRAM,
  sameBytes,
  sample,
  succeeds,
  testIf,
} from "../cli/support.ts";
import { startDaemon } from "../support/daemon.ts";
import { must } from "../support/process.ts";
import type { Order } from "./lanes_probe.ts";

const PIECE = 16 * CHUNK;
const SEALED_PIECE = 16 * SEALED_CHUNK;
const START = ENVELOPE_LENGTH + BODY_PREFIX_LENGTH;
const LENGTHS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, PIECE - 1, PIECE, PIECE + 1]
  .flatMap((length) => [length, 3 * PIECE + length, 10 * PIECE + length]);

const LARGE = 1 << 28;

const ALONE = navigator.hardwareConcurrency < 2 ? "there is one processor" : undefined;
const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;

/** Has it done on two threads. */
async function onTwo(...orders: Order[]): Promise<string[]> {
  const probe = fileURLToPath(new URL("lanes_probe.ts", import.meta.url));
  const args = ["run", "--quiet", "--no-check", "--allow-all", probe];
  const command = [Deno.execPath(), ...args, daemon.socket, JSON.stringify(orders)];
  return JSON.parse(await must(command, { env: { ...Deno.env.toObject(), NO_COLOR: "1" } }));
}

/** As large as what two threads are for. */
function makeLarge(folder: Folder): string {
  const path = folder.write("large", sample(1 << 20));
  Deno.truncateSync(path, LARGE);
  return path;
}

testIf(ALONE, "what two threads encrypt one decrypts, and the other way round", async () => {
  using folder = new Folder();
  const orders: Order[] = [];
  for (const length of LENGTHS) {
    const plain = folder.write(`${length}`, sample(length));
    await succeeds(["encrypt", plain, "-o", `${plain}.one`], { env });
    orders.push({ operation: "encrypt", from: plain, to: `${plain}.two` });
    orders.push({ operation: "decrypt", from: `${plain}.one`, to: `${plain}.back` });
  }
  assert.deepEqual(await onTwo(...orders), orders.map(() => "done"));
  for (const length of LENGTHS) {
    const plain = folder.read(`${length}`);
    sameBytes(folder.read(`${length}.back`), plain, `${length} decrypted`);
    assert.equal(folder.read(`${length}.two`).length, folder.read(`${length}.one`).length);
    const opened = await succeeds(["decrypt", folder.at(`${length}.two`), "-o", "-"], { env });
    sameBytes(opened, plain, `${length} encrypted`);
  }
});

testIf(
  ALONE,
  "what is cut or changed does not decrypt, and no more comes out than was whole",
  async () => {
    using folder = new Folder();
    const plain = sample(6 * PIECE + 100);
    const sealed = folder.at("sealed");
    await succeeds(["encrypt", folder.write("plain", plain), "-o", sealed], { env });
    const whole = folder.read("sealed");
    const cuts = [0, 1, SEALED_CHUNK, SEALED_PIECE, 3 * SEALED_PIECE, 6 * SEALED_PIECE];
    const changes = [
      0,
      SEALED_PIECE,
      3 * SEALED_PIECE - 1,
      6 * SEALED_PIECE,
      whole.length - START - 1,
    ];
    const changed = (at: number) => {
      const bytes = whole.slice();
      bytes[START + at]! ^= 1;
      return { at, bytes };
    };
    const cut = (at: number) => ({ at, bytes: whole.slice(0, START + at) });
    const bad = [...cuts.map(cut), ...changes.map(changed)];
    const orders = bad.map(({ bytes }, i): Order => {
      return {
        operation: "decrypt",
        from: folder.write(`bad${i}`, bytes),
        to: folder.at(`out${i}`),
      };
    });
    assert.deepEqual(await onTwo(...orders), orders.map(() => "decryption_failed"));
    for (const [i, { at }] of bad.entries()) {
      const out = folder.read(`out${i}`);
      assert.ok(out.length <= Math.floor(at / SEALED_PIECE) * PIECE, `${i}: ${out.length}`);
      sameBytes(out, plain.subarray(0, out.length), `${i}`);
    }
  },
);

testIf(ALONE, "a large file decrypts to itself, whether by two threads or by one", async () => {
  using folder = new Folder();
  const large = makeLarge(folder);
  const wrapper = ["taskset", "-c", "0"];
  await succeeds(["encrypt", large, "-o", folder.at("two")], { env });
  await succeeds(["encrypt", large, "-o", folder.at("one")], { env, wrapper });
  await succeeds(["decrypt", folder.at("two"), "-o", folder.at("back one")], { env, wrapper });
  await succeeds(["decrypt", folder.at("one"), "-o", folder.at("back two")], { env });
  for (const back of ["back one", "back two"]) await must(["cmp", large, folder.at(back)]);
});

testIf(
  ALONE,
  "of a large file nothing is left when the disk is full or the message changed",
  async () => {
    using folder = new Folder();
    const large = makeLarge(folder);
    const line = 'exec "$0" encrypt --quiet "$1" -o - > /dev/full';
    failedWith("io", await exec(["sh", "-c", line, PROGRAM, large], { env }));
    await succeeds(["encrypt", large, "-o", folder.at("sealed")], { env });
    using file = Deno.openSync(folder.at("sealed"), { write: true });
    await file.seek(LARGE / 2, Deno.SeekMode.Start);
    await file.write(new Uint8Array(1));
    await fails("decryption_failed", ["decrypt", folder.at("sealed"), "-o", folder.at("out")], {
      env,
    });
    assert.deepEqual(folder.names().sort(), ["large", "sealed"]);
  },
);
