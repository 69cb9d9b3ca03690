/** The system's daemon on the upper rungs. */
import assert from "node:assert/strict";
import { CREDENTIAL } from "../../core/layout.ts";
import { lockSealingKey } from "../../core/sealing.ts";
import { toBase64Url } from "../../core/base64.ts";
import { callAs } from "../support/caller.ts";
import { request, resultOf, rpc } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { SERVICE, startSystemDaemon, SystemPlace } from "../support/system.ts";

/** Starts a daemon once, so that there is a ring, and takes its key file away. */
async function takeSealingKey(place: SystemPlace) {
  await using first = await startSystemDaemon(place);
  await first.stop();
  const key = Deno.readFileSync(place.sealingKey);
  Deno.removeSync(place.sealingKey);
  return key;
}

await linuxTest(
  "a sealing key in the credentials directory opens the ring",
  ["root", "setpriv", "mounts"],
  async () => {
    using place = new SystemPlace();
    const directory = `${place.directory}/credentials`;
    Deno.mkdirSync(directory, { mode: 0o755 });
    const key = await takeSealingKey(place);
    Deno.writeFileSync(`${directory}/${CREDENTIAL}`, key, { mode: 0o400 });
    Deno.chownSync(`${directory}/${CREDENTIAL}`, SERVICE.uid, SERVICE.gid);
    const env = { CREDENTIALS_DIRECTORY: directory };
    await using daemon = await startSystemDaemon(place, { env });
    const { sealing, sealed } = resultOf(await rpc(place.socket, "status"));
    assert.deepEqual([sealing, sealed], ["credential", false]);
    await daemon.stop();
  },
);

await linuxTest(
  "a sealed daemon is opened by its own user, not by a member, even with the key",
  ["root", "setpriv", "mounts"],
  async () => {
    using place = new SystemPlace();
    const sealingKey = await takeSealingKey(place);
    const path = `${place.config}/sealing.crypto`;
    Deno.writeFileSync(path, await lockSealingKey("a passphrase", sealingKey), { mode: 0o400 });
    Deno.chownSync(path, SERVICE.uid, SERVICE.gid);
    await using daemon = await startSystemDaemon(place);
    const unseal = request(1, "unseal", { sealingKey: toBase64Url(sealingKey) });
    const use = request(2, "encrypt", { text: "x" });
    const codes = async (uid: number) => {
      const { answers } = await callAs(
        { user: { uid, gid: SERVICE.gid } },
        place.socket,
        unseal,
        use,
      );
      return answers.map(({ error }) => error?.data.code ?? "done");
    };
    assert.deepEqual(await codes(61_003), ["denied", "sealed"]);
    assert.deepEqual(await codes(SERVICE.uid), ["done", "done"]);
    assert.ok(!Deno.readTextFileSync(place.auditLog).includes(toBase64Url(sealingKey)));
    await daemon.stop();
  },
);
