/** Attributes of files, to the nanosecond. */
import assert from "node:assert/strict";
import { AttributeKeeper } from "../../platform/attributes.ts";
import { SystemError } from "../../platform/libc.ts";
import { must } from "../support/process.ts";

Deno.test("attributes are read as stat(1) shows them, and times are set to the nanosecond", async () => {
  const path = await Deno.makeTempFile();
  const keeper = new AttributeKeeper();
  await must(["touch", "-a", "-d", "2001-02-03 04:05:06.123456789Z", path]);
  await must(["touch", "-m", "-d", "1969-12-31 23:59:59.000000001Z", path]);
  Deno.chmodSync(path, 0o2640);
  const attributes = keeper.read(path);
  const shown = await must(["stat", "-c", "%u %g %a %h", path]);
  const { uid, gid, mode, names } = attributes;
  assert.equal(`${uid} ${gid} ${mode.toString(8)} ${names}\n`, shown);
  assert.deepEqual(attributes.accessed, ["981173106", 123_456_789]);
  assert.deepEqual(attributes.modified, ["-1", 1]);
  Deno.writeTextFileSync(path, "later");
  keeper.setTimes(path, attributes);
  assert.deepEqual(keeper.read(path), attributes);
  Deno.removeSync(path);
  assert.throws(() => keeper.read(path), SystemError);
});

Deno.test("a symbolic link itself is meant, not what it leads to", async () => {
  const directory = await Deno.makeTempDir();
  const [file, link] = [`${directory}/file`, `${directory}/link`];
  Deno.writeTextFileSync(file, "x");
  Deno.symlinkSync(file, link);
  const keeper = new AttributeKeeper();
  const before = keeper.read(file);
  keeper.setTimes(link, { accessed: ["1", 2], modified: ["3", 4] });
  assert.deepEqual(keeper.read(link).modified, ["3", 4]);
  assert.deepEqual(keeper.read(file).modified, before.modified);
  Deno.removeSync(directory, { recursive: true });
});
