/** Threads that take turns, for real. */
import assert from "node:assert/strict";
import { Sequencer } from "../../platform/sequencer.ts";
import type { SequencerTask } from "./sequencer_probe.ts";

const PIECES = 20_000;
const THREADS = 3;

function counters(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/** Has threads work on as many pieces. Gives the numbers of those that were written, in order. */
async function work(bad?: number): Promise<{ written: number[]; shares: number[] }> {
  const task: SequencerTask = {
    shared: new Sequencer().shared,
    read: counters(1),
    written: counters(1 + PIECES),
    pieces: PIECES,
    begun: counters(1),
    // One that fails ends those that have no piece yet.
    threads: bad === undefined ? THREADS : 0,
    bad,
  };
  const shares = await Promise.all(Array.from({ length: THREADS }, () => runThread(task)));
  return { written: [...task.written.subarray(1, 1 + task.written[0]!)], shares };
}

async function runThread(task: SequencerTask): Promise<number> {
  const worker = new Worker(new URL("sequencer_probe.ts", import.meta.url), { type: "module" });
  const done = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => done.resolve(data);
  worker.onerror = ({ message }) => done.reject(new Error(message));
  worker.postMessage(task);
  return await done.promise.finally(() => worker.terminate());
}

Deno.test("each piece is read once and written in order, whichever thread has it", async () => {
  const { written, shares } = await work();
  assert.deepEqual(written, Array.from({ length: PIECES }, (_, i) => i));
  assert.ok(shares.every((share) => share > 0), `${shares}`);
});

Deno.test("when a thread fails all end, and nothing from its piece on is written", async () => {
  for (const bad of [0, 1, PIECES / 2, PIECES - 1]) {
    const { written } = await work(bad);
    assert.ok(written.length <= bad, `${written.length} of ${bad}`);
    assert.deepEqual(written, Array.from(written, (_, i) => i));
  }
});

Deno.test("after the last piece, and after a failure to read, there is none", () => {
  const sequencer = new Sequencer();
  assert.deepEqual(sequencer.read(10, () => 10), { number: 0, length: 10, isLast: false });
  assert.throws(() => sequencer.read(10, () => assert.fail()));
  assert.deepEqual(sequencer.read(10, () => 0), { number: 1, length: 0, isLast: true });
  assert.equal(sequencer.read(10, () => 10), undefined);
});
