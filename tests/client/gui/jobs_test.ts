/** Files on their way through, without a browser: why one failed, whenever that is asked. */
import assert from "node:assert/strict";
import { type Bytes, utf8 } from "../../../core/bytes.ts";
import { CryptoError } from "../../../core/errors.ts";
import { Jobs } from "../../../client/gui/jobs.ts";
import type { FileJob } from "../../../client/gui/wire.ts";

const JOB: FileJob = { do: "decrypt", name: "a", size: 3 };
const EMPTY = () => new Blob().stream();

/** Jobs that give these parts, and then fail. */
function failing(...parts: Bytes[]): Jobs {
  const crypt = () =>
    new ReadableStream<Bytes>({
      pull(controller) {
        const part = parts.shift();
        if (part) controller.enqueue(part);
        else controller.error(new CryptoError("decryption_failed"));
      },
    }, { highWaterMark: 0 });
  return new Jobs({ crypt, send: () => Promise.reject(new Error("nothing is sent here")) });
}

const fails = (asked: Promise<unknown>) => assert.rejects(asked, { code: "decryption_failed" });

Deno.test("what fails at once tells why to who asks before, and to who asks afterwards", async () => {
  const jobs = failing();
  const id = jobs.create(JOB);
  const before = fails(jobs.begun(id));
  await fails(jobs.input(id, EMPTY()));
  await before;
  await fails(jobs.begun(id));
});

Deno.test("what fails in the middle tells why afterwards, though it had begun", async () => {
  const jobs = failing(utf8("abc"));
  const id = jobs.create(JOB);
  const input = fails(jobs.input(id, EMPTY()));
  await jobs.begun(id);
  await fails(new Response(jobs.output(id)!.stream).arrayBuffer());
  await input;
  await fails(jobs.begun(id));
});
