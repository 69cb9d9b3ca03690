/** Reading what macOS says of a peer. The bytes are laid out by hand, after Darwin's headers. */
import assert from "node:assert/strict";
import { loadDarwinPeer, readXucred } from "../../platform/darwin_peer.ts";
import { failsWith } from "../core/support.ts";

/** struct xucred of uid 501 with the groups 20 (staff), 12 and 61, as arm64 and x86-64 lay it out. */
function xucred(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(76);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 501, true);
  view.setInt16(8, 3, true);
  [20, 12, 61].forEach((gid, i) => view.setUint32(12 + 4 * i, gid, true));
  return bytes;
}

Deno.test("the first group is the effective one, the others are supplementary", () => {
  assert.deepEqual(readXucred(xucred()), { uid: 501, gid: 20, groups: [12, 61] });
  const padded = new Uint8Array(80);
  padded.set(xucred(), 4);
  assert.equal(readXucred(padded.subarray(4)).uid, 501);
});

Deno.test("all sixteen groups are read, and ids above 2^31 stay positive", () => {
  const bytes = xucred();
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 0xfffffffe, true);
  view.setInt16(8, 16, true);
  for (let i = 0; i < 16; i++) view.setUint32(12 + 4 * i, 0xf0000000 + i, true);
  const { uid, gid, groups } = readXucred(bytes);
  assert.deepEqual([uid, gid, groups.length, groups[14]], [0xfffffffe, 0xf0000000, 15, 0xf000000f]);
});

Deno.test("what the headers do not describe is nobody", () => {
  const changed = (change: (view: DataView) => void) => {
    const bytes = xucred();
    change(new DataView(bytes.buffer));
    return bytes;
  };
  const bad = [
    new Uint8Array(0),
    xucred().subarray(0, 75),
    new Uint8Array(77),
    changed((view) => view.setUint32(0, 1, true)),
    changed((view) => view.setInt16(8, 0, true)),
    changed((view) => view.setInt16(8, 17, true)),
    changed((view) => view.setInt16(8, -1, true)),
  ];
  for (const bytes of bad) failsWith("no_identity", () => readXucred(bytes));
});

if (Deno.build.os !== "darwin") {
  Deno.test("elsewhere than on macOS it says so", () => {
    failsWith("config", () => loadDarwinPeer());
  });
}
