/** Rewrapping, killed at every change of the file system: the next run finishes. */
import assert from "node:assert/strict";
import { connect, decryptStream, encryptStream, type KeyService } from "../../client/mod.ts";
import { readHeader } from "../../core/header.ts";
import { unarmor } from "../../core/armor.ts";
import { Folder, succeeds } from "../cli/support.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import type { Death } from "../support/die.ts";
import { must, run } from "../support/process.ts";

const SCRIPT = new URL("rewrap_killed.ts", import.meta.url).pathname;
const CONTEXT = "a context";
const LENGTH = 40_000;
const FILES = ["enveloped", "armored", "direct"];

/** Files of each kind, with a mode and times of their own. */
async function makeFiles(folder: Folder, service: KeyService): Promise<void> {
  const plaintext = () => new Blob([new Uint8Array(LENGTH)]).stream();
  const options = { context: CONTEXT };
  const stream = encryptStream(service, plaintext(), options);
  folder.write("enveloped", await new Response(stream).bytes());
  const text = encryptStream(service, plaintext(), { ...options, armor: true });
  folder.write("armored", await new Response(text).bytes());
  folder.write("direct", await service.encrypt(new Uint8Array(LENGTH), options) + "\n");
  for (const name of FILES) {
    Deno.chmodSync(folder.at(name), 0o640);
    await must(["touch", "-d", "2020-01-02 03:04:05.678901234", folder.at(name)]);
  }
}

async function describe(folder: Folder): Promise<string> {
  return await must([
    "stat",
    "-c",
    "%n %a %u %g %s %y",
    ...FILES.map((name) => folder.at(name)),
  ]);
}

/** How a run is to go, and when it is to die. */
interface Run extends Death {
  readonly fresh: boolean;
}

/** Does it in a process of its own. Says whether that was killed. */
async function isKilled(
  daemon: DaemonProcess,
  folder: Folder,
  { fresh, ...death }: Run,
): Promise<boolean> {
  const task = {
    target: { socket: daemon.socket },
    paths: [folder.path],
    recursive: true,
    dryRun: false,
    fresh,
    context: CONTEXT,
    uid: Deno.uid(),
  };
  const args = [JSON.stringify(death), JSON.stringify(task)];
  const command = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", SCRIPT, ...args];
  const { code, signal, stderr } = await run(command, { env: Deno.env.toObject() });
  if (signal !== "SIGKILL") assert.equal(code, 0, stderr);
  return signal === "SIGKILL";
}

/** The ids of the versions that the files are under. All of them must decrypt. */
async function idsOf(folder: Folder, service: KeyService): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const name of FILES) {
    const bytes = folder.read(name);
    const text = new TextDecoder("latin1").decode(bytes);
    const message = name === "enveloped" ? bytes : unarmor(text.trimEnd());
    ids.add(readHeader(message).keyId.join());
    const stream = decryptStream(service, new Blob([bytes]).stream(), { context: CONTEXT });
    assert.equal((await new Response(stream).bytes()).length, LENGTH, name);
  }
  return ids;
}

const RUNS = (["change", "write"] as const).flatMap((point) => {
  return [false, true].map((fresh) => ({ point, fresh }));
});

for (const { point, fresh } of RUNS) {
  const what = fresh ? "a run that encrypts anew" : "a run";
  Deno.test(`${what}, killed at every ${point}, is finished by the next`, async () => {
    await using daemon = await startDaemon();
    using folder = new Folder();
    const service = await connect({ socket: daemon.socket });
    await makeFiles(folder, service);
    const before = await describe(folder);
    let kills = 0;
    for (let number = 0, killed = true; killed; number++) {
      await service.rotateKey("default");
      killed = await isKilled(daemon, folder, { fresh, point, number });
      if (killed) kills++;
      const next = ["rewrap", "--recursive", "--context", CONTEXT, folder.path];
      const table = new TextDecoder().decode(await succeeds(next, { env: daemon.env }));
      assert.match(table, new RegExp(`\\ndefault +${number + 2} +newest +3 `), `${number}`);
      assert.equal((await idsOf(folder, service)).size, 1, `${number}`);
      assert.deepEqual(folder.names(), [...FILES].sort(), "nothing is left beside");
      assert.equal(await describe(folder), before, "size, mode, owner and times stay");
    }
    assert.ok(kills >= (point === "write" ? 5 : 20), `${kills}`);
    service.close();
  });
}
