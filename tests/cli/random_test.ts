/** `crypto random`. */
import assert from "node:assert/strict";
import { crypto, prints, succeeds } from "./support.ts";

Deno.test("it gives 32 bytes, or as many as it is told, in three forms", async () => {
  assert.match(await prints(["random"]), /^[\w-]{43}\n$/);
  assert.match(await prints(["random", "--bytes", "16", "--encoding", "hex"]), /^[0-9a-f]{32}\n$/);
  assert.equal((await succeeds(["random", "-n", "65536", "--encoding", "raw"])).length, 65_536);
});

Deno.test("no two are alike, and all values come", async () => {
  const drawn = await Promise.all([1, 2, 3].map(() => prints(["random"])));
  assert.equal(new Set(drawn).size, 3);
  const bytes = await succeeds(["random", "--bytes", "65536", "--encoding", "raw"]);
  assert.equal(new Set(bytes).size, 256);
});

Deno.test("another number is refused", async () => {
  for (const bytes of ["0", "65537", "-1", "1.5", "x", ""]) {
    assert.equal((await crypto(["random", `--bytes=${bytes}`])).code, 64, bytes);
  }
});
