/** A disk without room: nothing that was there is lost. */
import assert from "node:assert/strict";
import { codeOf, Place, resultOf, rpc, startDaemon } from "../support/daemon.ts";
import { linuxTest, onSmallDisk, shellInMountsOf } from "../support/linux.ts";

await linuxTest(
  "a ring that cannot be saved stays as it was, in use and on disk",
  ["root", "mounts"],
  async () => {
    using place = new Place();
    place.makeOwn();
    const wrapper = onSmallDisk(place.state, "64k");
    await using daemon = await startDaemon({ place, wrapper });
    const { socket } = daemon;
    const inside = (script: string) => shellInMountsOf(daemon.pid, script, place.state);
    const sealed = resultOf(await rpc(socket, "encrypt", { text: "kept" }));
    const before = await inside('sha256sum < "$1/ring"');
    // The log's last line stays short of its page's end, so it can still be written.
    await inside('dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || true');
    for (const [method, name] of [["key.create", "new"], ["key.rotate", "default"]] as const) {
      assert.equal(codeOf(await rpc(socket, method, { name })), "ring_not_saved");
    }
    assert.equal(await inside('sha256sum < "$1/ring"'), before);
    assert.equal(resultOf(await rpc(socket, "status")).keys, 1);
    assert.equal(resultOf(await rpc(socket, "encrypt", { text: "x" })).version, 1);
    await keepsAfterRestart(place, String(sealed.message), () => {
      return inside(`cat "$1/ring" > '${place.directory}/ring'`);
    });
    await inside('rm "$1/filler"');
    assert.equal(resultOf(await rpc(socket, "key.rotate", { name: "default" })).version, 2);
    const opened = await rpc(socket, "decrypt", { message: sealed.message, as: "text" });
    assert.equal(resultOf(opened).text, "kept");
  },
);

/** Starts another daemon on what the disk holds now. */
async function keepsAfterRestart(place: Place, message: string, copyRing: () => Promise<string>) {
  using restored = new Place();
  restored.makeOwn();
  await copyRing();
  Deno.copyFileSync(`${place.directory}/ring`, restored.ring);
  Deno.chmodSync(restored.ring, 0o400);
  Deno.copyFileSync(place.sealingKey, restored.sealingKey);
  await using daemon = await startDaemon({ place: restored });
  const opened = await rpc(daemon.socket, "decrypt", { message, as: "text" });
  assert.equal(resultOf(opened).text, "kept");
}

await linuxTest(
  "a first start without room leaves nothing that stops the next",
  ["root", "mounts"],
  async () => {
    using place = new Place();
    place.makeOwn();
    const filled = [...onSmallDisk(place.state, "8k"), "sh", "-c"];
    const script = 'dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null; shift; exec "$@"';
    await assert.rejects(startDaemon({ place, wrapper: [...filled, script, "sh", place.state] }));
    assert.deepEqual([...Deno.readDirSync(place.config)], []);
    await using daemon = await startDaemon({ place });
    assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
  },
);
