import assert from "node:assert/strict";
import { Files, Pipes } from "../../platform/files.ts";
import { utf8 } from "../../core/bytes.ts";
import { sameBytes } from "../core/support.ts";
import { must } from "../support/process.ts";
import { soon } from "../support/wait.ts";

const files = new Files();
const pipes = new Pipes();

async function inDirectory(run: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctf-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a file without a name gets one when it is complete, and never another's", () =>
  inDirectory(async (directory) => {
    const fd = files.openNameless(directory, 0o600)!;
    await pipes.writeAll(fd, utf8("whole"), "out");
    assert.deepEqual([...Deno.readDirSync(directory)], []);
    const path = `${directory}/out`;
    files.linkNameless(fd, path);
    assert.equal(Deno.readTextFileSync(path), "whole");
    assert.throws(() => files.linkNameless(fd, path), { code: "file_exists" });
    files.close(fd);
    assert.equal(files.openNameless(`${directory}/absent`, 0o600), undefined);
  }));

Deno.test("a new file takes no name that is taken", () =>
  inDirectory(async (directory) => {
    const [one, two] = [`${directory}/one`, `${directory}/two`];
    const fd = files.openNew(one, 0o640);
    await pipes.writeAll(fd, utf8("1"), one);
    await files.sync(fd, one);
    files.close(fd);
    assert.equal((Deno.statSync(one).mode ?? 0) & 0o777, 0o640);
    assert.throws(() => files.openNew(one, 0o600), { code: "io" });
    Deno.writeTextFileSync(two, "another's");
    assert.throws(() => files.publish(one, two), { code: "file_exists" });
    Deno.removeSync(two);
    files.publish(one, two);
    assert.throws(() => files.publish(one, `${directory}/x`), { code: "io" });
    files.rename(two, one);
    files.rename(one, two);
    files.unlink(two);
    files.unlink(two);
    assert.throws(() => files.rename(`${directory}/absent`, one), { code: "io" });
  }));

/** The number of a descriptor that this process has for a path. */
function descriptorOf(path: string): number {
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === path) return Number(name);
    } catch {
      // The directory's own descriptor, gone by now.
    }
  }
  throw new Error(`no descriptor of ${path}`);
}

Deno.test("writing more than a pipe holds waits for its reader, and loses nothing", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/pipe`;
    await must(["mkfifo", path]);
    // Open both ways, so that opening does not wait.
    const writer = Deno.openSync(path, { read: true, write: true });
    const fd = descriptorOf(path);
    const read = Deno.open(path).then((file) => new Response(file.readable).bytes());
    const data = new Uint8Array(3_000_000).map((_, i) => i % 251);
    pipes.enlargePipe(fd, 1_048_576);
    await soon("all is written", pipes.writeAll(fd, data, path));
    writer.close();
    sameBytes(await soon("all is read", read), data);
  }));

Deno.test("a full disk and a descriptor that is none are io errors", async () => {
  using _ = Deno.openSync("/dev/full", { write: true });
  const writing = pipes.writeAll(descriptorOf("/dev/full"), utf8("x"), "out");
  await assert.rejects(writing, { code: "io", subject: "out" });
  await assert.rejects(pipes.writeAll(-1, utf8("x"), "out"), { code: "io" });
});
