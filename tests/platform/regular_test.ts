/** Regular files by their descriptors, and attributes to the nanosecond. */
import assert from "node:assert/strict";
import { SystemError } from "../../platform/libc.ts";
import { RegularFiles } from "../../platform/regular.ts";
import { must } from "../support/process.ts";

Deno.test("attributes are read as stat(1) shows them, and times are set to the nanosecond", async () => {
  const path = await Deno.makeTempFile();
  const files = new RegularFiles();
  await must(["touch", "-a", "-d", "2001-02-03 04:05:06.123456789Z", path]);
  await must(["touch", "-m", "-d", "1969-12-31 23:59:59.000000001Z", path]);
  Deno.chmodSync(path, 0o2640);
  using file = files.open(path, "change");
  const { changed, ...attributes } = file.attributes();
  const { uid, gid, mode, names, size } = attributes;
  const shown = await must(["stat", "-c", "%u %g %a %h %s", path]);
  assert.equal(`${uid} ${gid} ${mode.toString(8)} ${names} ${size}\n`, shown);
  assert.equal(`${changed[0]}\n`, await must(["stat", "-c", "%Z", path]));
  assert.deepEqual(attributes.accessed, ["981173106", 123_456_789]);
  assert.deepEqual(attributes.modified, ["-1", 1]);
  file.writeAt(new TextEncoder().encode("later"), 0);
  assert.equal(files.look(path)?.size, 5);
  file.truncate();
  file.setTimes(attributes);
  const { changed: _, ...after } = file.attributes();
  assert.deepEqual(after, attributes);
  Deno.removeSync(path);
  assert.equal(files.look(path), undefined);
  assert.throws(() => files.open(path, "read"), SystemError);
});

Deno.test("a file is written and read where it is said, and known by another name", async () => {
  const directory = await Deno.makeTempDir();
  const files = new RegularFiles();
  const [path, other] = [`${directory}/file`, `${directory}/other`];
  using file = files.create(path)!;
  assert.equal(files.create(path), undefined, "the name is taken");
  assert.equal(file.attributes().mode, 0o600);
  await file.write(new Uint8Array(10).fill(1), 0);
  file.writeAt(new Uint8Array(2).fill(2), 4);
  await file.sync();
  const buffer = new Uint8Array(20);
  assert.equal(await file.read(buffer, 3), 7);
  assert.deepEqual([...buffer.subarray(0, 7)], [1, 2, 2, 1, 1, 1, 1]);
  assert.equal(file.readAt(buffer, 10), 0, "the end");
  Deno.linkSync(path, other);
  assert.equal(files.look(other)?.id, file.attributes().id);
  assert.equal(file.attributes().names, 2);
  using second = files.open(other, "read");
  assert.equal(file.tryLock(), true);
  assert.equal(second.tryLock(), false, "it is another descriptor's");
  file.close();
  assert.equal(second.tryLock(), true);
  const third = `${directory}/third`;
  using _ = files.create(third);
  const id = files.look(third)?.id;
  assert.equal(files.exchange(third, path), true);
  assert.equal(files.look(path)?.id, id);
  assert.equal(files.look(third)?.id, second.attributes().id);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("neither a link is followed nor a pipe waited for", async () => {
  const directory = await Deno.makeTempDir();
  const [file, link, pipe] = ["file", "link", "pipe"].map((name) => `${directory}/${name}`);
  Deno.writeTextFileSync(file!, "x");
  Deno.symlinkSync(file!, link!);
  await must(["mkfifo", pipe!]);
  const files = new RegularFiles();
  assert.equal(files.look(link!)?.isRegular, false);
  assert.equal(files.create(link!), undefined);
  for (const access of ["read", "change"] as const) {
    assert.throws(() => files.open(link!, access), SystemError);
    assert.throws(() => files.open(pipe!, access), { code: "unsafe_path" });
  }
  Deno.removeSync(directory, { recursive: true });
});
