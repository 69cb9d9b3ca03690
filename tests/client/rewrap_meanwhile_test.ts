/** What others do to a file in the moments between what rewrapping does to it. */
import assert from "node:assert/strict";
import { connect, decryptStream, encryptStream, type KeyService } from "../../client/mod.ts";
import { type FileParts, rewrapFile, Unchanged } from "../../client/rewrap/file.ts";
import { Versions } from "../../client/rewrap/versions.ts";
import { CryptoError } from "../../core/errors.ts";
import { RegularFile, RegularFiles } from "../../platform/regular.ts";
import { Folder } from "../cli/support.ts";
import { startDaemon } from "../support/daemon.ts";
import { must } from "../support/process.ts";

const daemon = await startDaemon();
const service = await connect({ socket: daemon.socket });
Deno.test.afterAll(async () => {
  service.close();
  await daemon[Symbol.asyncDispose]();
});

/** The service, before whose first answer to a method something happens. */
function before(method: "rewrap" | "encrypt" | "rewrapEnvelope", act: () => void): KeyService {
  let hasHappened = false;
  return new Proxy(service, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name === method && !hasHappened) [hasHappened] = [true, act()];
      return value.bind(target);
    },
  });
}

async function partsWith(service: KeyService, fresh = false): Promise<FileParts> {
  await service.rotateKey("default");
  const versions = new Versions(await service.keys());
  const task = { engine: undefined, dryRun: false, fresh, uid: Deno.uid()! };
  return { service, versions, files: new RegularFiles(), ...task };
}

/** A file that was last changed long ago. */
async function write(folder: Folder, name: string, message: string | Uint8Array): Promise<string> {
  const path = folder.write(name, message);
  await must(["touch", "-d", "2020-01-02", path]);
  return path;
}

async function decrypt(path: string): Promise<string> {
  const message = new Blob([Deno.readFileSync(path)]).stream();
  return await new Response(decryptStream(service, message)).text();
}

async function enveloped(text: string): Promise<Uint8Array> {
  return await new Response(encryptStream(service, new Blob([text]).stream())).bytes();
}

Deno.test("a direct message in whose place another is written meanwhile is not put back", async () => {
  using folder = new Folder();
  for (const fresh of [false, true]) {
    const path = await write(folder, "direct", await service.encrypt("older"));
    const newer = await service.encrypt("newer");
    const other = before(fresh ? "encrypt" : "rewrap", () => Deno.writeTextFileSync(path, newer));
    const outcome = rewrapFile(path, await partsWith(other, fresh));
    if (fresh) await assert.rejects(outcome, isChanged);
    else await outcome;
    assert.equal(await decrypt(path), "newer");
    assert.deepEqual(folder.names(), ["direct"]);
  }
});

function isChanged(error: unknown): boolean {
  const { cause } = error as Unchanged;
  return cause instanceof CryptoError && cause.code === "file_changed";
}

Deno.test("who writes to a file while the daemon is asked keeps the time of that", async () => {
  using folder = new Folder();
  const path = await write(folder, "enveloped", await enveloped("older"));
  const newer = await enveloped("newer");
  await rewrapFile(
    path,
    await partsWith(before("rewrapEnvelope", () => Deno.writeFileSync(path, newer))),
  );
  assert.equal(await decrypt(path), "newer");
  assert.notEqual(Deno.statSync(path).mtime!.getFullYear(), 2020);
});

Deno.test("who writes to a file while it is synced keeps the time of that", async () => {
  using folder = new Folder();
  const path = await write(folder, "enveloped", await enveloped("text"));
  const { ino } = Deno.statSync(path);
  const { sync } = RegularFile.prototype;
  RegularFile.prototype.sync = async function (): Promise<void> {
    await sync.call(this);
    if (!this.attributes().id.endsWith(` ${ino}`)) return;
    Deno.writeFileSync(path, new Uint8Array(1), { append: true });
  };
  try {
    await rewrapFile(path, await partsWith(service));
  } finally {
    RegularFile.prototype.sync = sync;
  }
  assert.notEqual(Deno.statSync(path).mtime!.getFullYear(), 2020);
});
