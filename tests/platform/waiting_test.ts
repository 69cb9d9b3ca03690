import assert from "node:assert/strict";
import { bytesInEndedPipe } from "../../platform/waiting.ts";
import { must } from "../support/process.ts";

/** The descriptors that this process has for a path. */
function descriptorsOf(path: string): number[] {
  const names = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);
  return names.filter((name) => pointsTo(name, path)).map(Number);
}

function pointsTo(name: string, path: string): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${name}`) === path;
  } catch {
    // The directory's own descriptor, gone by now.
    return false;
  }
}

/** Opens a file, and gives its descriptor's number too. */
function open(path: string, options: Deno.OpenOptions): [Deno.FsFile, number] {
  const before = descriptorsOf(path);
  const file = Deno.openSync(path, options);
  const fd = descriptorsOf(path).find((fd) => !before.includes(fd));
  assert.ok(fd !== undefined);
  return [file, fd];
}

Deno.test("how much waits in a pipe is told when nobody can write to it any more", async () => {
  const directory = await Deno.makeTempDir({ prefix: "ctw-" });
  const path = `${directory}/pipe`;
  await must(["mkfifo", path]);
  for (const length of [0, 7, 60_000]) {
    // Open both ways, so that opening does not wait.
    const [writer] = open(path, { read: true, write: true });
    const [reader, fd] = open(path, { read: true });
    assert.equal(bytesInEndedPipe(fd), undefined);
    writer.writeSync(new Uint8Array(length));
    assert.equal(bytesInEndedPipe(fd), undefined);
    writer.close();
    assert.equal(bytesInEndedPipe(fd), length);
    reader.close();
  }
  Deno.writeTextFileSync(`${directory}/file`, "a file");
  const [file, fd] = open(`${directory}/file`, { read: true });
  assert.equal(bytesInEndedPipe(fd), undefined);
  file.close();
  assert.equal(bytesInEndedPipe(-1), undefined);
  await Deno.remove(directory, { recursive: true });
});
