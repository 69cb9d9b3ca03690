/** The ladder: every rung, every move, stopped after every step; backups. */
import assert from "node:assert/strict";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { webCrypto } from "../../core/engine.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { type Layout, parent, userLayout } from "../../core/layout.ts";
import { type Rung, RUNGS } from "../../core/rungs.ts";
import { unlockSealingKey } from "../../core/sealing.ts";
import { KeyStore } from "../../server/keystore.ts";
import { type Ladder, makeBackup, move, openBackup, restore } from "../../server/ladder.ts";
import type { Credential } from "../../server/sealing.ts";
import { exists, ifThere } from "../../platform/durable.ts";
import { Place } from "../support/daemon.ts";
import { unannounced } from "./support.ts";

const [OLD, NEW] = ["the old passphrase", "the new passphrase"];
const engine = webCrypto;

/**
 * A place with a ring, and a credential that "encrypts" to a file: the real tool is tried in
 * `tests/install/sealing_test.ts`.
 */
class Stand implements Disposable {
  readonly place = new Place();
  readonly layout: Layout = userLayout((name) => this.place.env[name]);
  readonly ladder: Ladder;
  readonly credential = `${this.place.directory}/store/crypto-sealing-key`;

  /** As a service manager passes it to a daemon, which makes none. */
  readonly #passed: Credential = {
    path: this.credential,
    decrypt: () => Promise.resolve(ifThere(() => Deno.readFileSync(this.credential))),
  };

  constructor() {
    this.place.makeOwn();
    this.ladder = {
      layout: this.layout,
      engine,
      own: () => {},
      credential: {
        path: this.credential,
        encrypt: (key: Bytes) => Promise.resolve(key),
        decrypt: this.#passed.decrypt,
      },
    };
  }

  open(): Promise<KeyStore> {
    return KeyStore.open({
      layout: this.layout,
      credential: this.#passed,
      engine,
      ownsConfiguration: true,
    });
  }

  /** Opens as a daemon does, with the passphrase where it is asked for. */
  async opened(passphrase = OLD): Promise<KeyStore> {
    const store = await this.open();
    if (!store.sealed) return store;
    const locked = Deno.readFileSync(this.layout.lockedSealingKey);
    await store.unseal(await unlockSealingKey(passphrase, locked));
    return store;
  }

  async ids(): Promise<string> {
    const { keys } = (await this.opened()).ring;
    return JSON.stringify(keys.map(({ versions }) => versions.map(({ id }) => [...id])));
  }

  async climb(to: Rung, given = OLD): Promise<void> {
    for await (const _ of move(this.ladder, to, { current: OLD, given }));
  }

  sealingKeys(): string[] {
    const { sealingKey, lockedSealingKey } = this.layout;
    return [sealingKey, this.credential, lockedSealingKey].filter(isThere);
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

function withCode(code: ErrorCode) {
  return (error: unknown) => error instanceof CryptoError && error.code === code;
}

/** Takes a number of steps, and no more: as if it had been killed there. */
async function stopAfter(steps: number, sequence: AsyncGenerator<string, void>): Promise<boolean> {
  for (let i = 0; i < steps; i++) if ((await sequence.next()).done) return false;
  return true;
}

for (const from of RUNGS) {
  for (const to of RUNGS) {
    // Until its new passphrase is in place, a ring that stays under one waits for the command.
    const opensHalfWay = from !== to || to !== "passphrase";
    Deno.test(`a move from ${from} to ${to} can be killed after any step and loses nothing`, async () => {
      for (let steps = 1, goesOn = true; goesOn; steps++) {
        using stand = new Stand();
        const ids = await stand.ids();
        if (from !== "file") await stand.climb(from);
        const passphrases = { current: OLD, given: OLD };
        goesOn = await stopAfter(steps, move(stand.ladder, to, passphrases));
        if (opensHalfWay) assert.equal(await stand.ids(), ids, `after step ${steps}`);
        await stand.climb(to);
        assert.equal((await stand.open()).rung, to);
        assert.equal(await stand.ids(), ids);
        assert.equal(stand.sealingKeys().length, 1, `completed after step ${steps}`);
      }
    });
  }
}

Deno.test("a move that is killed, begun again and killed again loses nothing", async () => {
  for (let first = 1, goesOn = true; goesOn; first++) {
    for (let second = 1; second < 5; second++) {
      using stand = new Stand();
      const ids = await stand.ids();
      goesOn = await stopAfter(first, move(stand.ladder, "file", {}));
      await stopAfter(second, move(stand.ladder, "file", {}));
      assert.equal(await stand.ids(), ids, `after steps ${first} and ${second}`);
    }
  }
});

Deno.test("a move makes a new sealing key, so that what the old rung held opens nothing", async () => {
  using stand = new Stand();
  await stand.open();
  const old = Deno.readFileSync(stand.layout.sealingKey);
  await stand.climb("passphrase");
  Deno.writeFileSync(stand.layout.sealingKey, old, { mode: 0o400 });
  assert.ok((await stand.open()).sealed);
});

Deno.test("a move to the rung it is on makes a new sealing key too", async () => {
  for (const rung of RUNGS) {
    using stand = new Stand();
    await stand.open();
    if (rung !== "file") await stand.climb(rung);
    const [path = ""] = stand.sealingKeys();
    const [old, ring] = [Deno.readFileSync(path), Deno.readFileSync(stand.layout.ring)];
    await stand.climb(rung);
    await stand.opened();
    assert.notDeepEqual(Deno.readFileSync(stand.layout.ring), ring);
    Deno.removeSync(path);
    Deno.writeFileSync(path, old, { mode: 0o400 });
    await assert.rejects(stand.opened(), CryptoError, rung);
  }
});

Deno.test("a restored ring leaves the old one with what opens it", async () => {
  using stand = new Stand();
  const old = await stand.ids();
  const other = await (await stand.open()).ring.create("other", "seal", { engine });
  for await (const _ of restore(stand.ladder, other, "1"));
  assert.notEqual(await stand.ids(), old);
  await stand.climb("passphrase");
  for (const path of [stand.layout.ring, stand.layout.sealingKey]) {
    Deno.renameSync(`${path}.1`, path);
  }
  assert.equal(await stand.ids(), old);
});

Deno.test("a sealed store gives no ring, and a wrong key leaves it sealed", async () => {
  using stand = new Stand();
  await stand.open();
  await stand.climb("passphrase");
  const store = await stand.open();
  assert.throws(() => store.ring, withCode("sealed"));
  await assert.rejects(
    store.update((ring) => Promise.resolve(ring), unannounced),
    withCode("sealed"),
  );
  for (const wrong of [randomBytes(32), randomBytes(31), new Uint8Array()]) {
    await assert.rejects(store.unseal(wrong), withCode("decryption_failed"));
    assert.ok(store.sealed);
  }
  const locked = Deno.readFileSync(stand.layout.lockedSealingKey);
  assert.equal(await store.unseal(await unlockSealingKey(OLD, locked)), true);
  assert.equal(await store.unseal(randomBytes(32)), false);
  await store.update((ring) => ring.rotate("default"), unannounced);
  assert.equal((await stand.opened()).ring.get("default")?.versions.length, 2);
});

Deno.test("moving to the passphrase again changes the passphrase", async () => {
  using stand = new Stand();
  const ids = await stand.ids();
  await stand.climb("passphrase");
  await stand.climb("passphrase", NEW);
  await assert.rejects(stand.opened(OLD), withCode("decryption_failed"));
  assert.equal((await stand.opened(NEW)).ring.keys.length, JSON.parse(ids).length);
});

Deno.test("a move with a wrong passphrase changes nothing", async () => {
  using stand = new Stand();
  await stand.open();
  await stand.climb("passphrase");
  const before = Deno.readFileSync(stand.layout.ring);
  const steps = move(stand.ladder, "file", { current: NEW });
  await assert.rejects(steps.next(), withCode("decryption_failed"));
  const unasked = move(stand.ladder, "file", {});
  await assert.rejects(unasked.next(), withCode("sealed"));
  assert.deepEqual(Deno.readFileSync(stand.layout.ring), before);
  assert.deepEqual(stand.sealingKeys(), [stand.layout.lockedSealingKey]);
});

Deno.test("a backup restores on another machine, on every rung, killed after any step", async () => {
  using source = new Stand();
  const ids = await source.ids();
  const backup = await makeBackup(source.ladder, { given: NEW });
  const ring = await openBackup(backup, NEW, engine);
  for (const rung of [undefined, ...RUNGS]) {
    for (let steps = 1, goesOn = true; goesOn; steps++) {
      using target = new Stand();
      if (rung) await target.open();
      if (rung && rung !== "file") await target.climb(rung);
      goesOn = await stopAfter(steps, restore(target.ladder, ring, "1"));
      // Before the last step the old ring, if there was one, opens.
      if (rung && goesOn) assert.ok((await target.opened()).ring.keys.length > 0);
      for await (const _ of restore(target.ladder, ring, "2"));
      assert.equal(await target.ids(), ids, `${rung}, after step ${steps}`);
    }
  }
});

Deno.test("a backup opens with its passphrase only, whole and unchanged", async () => {
  using source = new Stand();
  await source.open();
  const backup = await makeBackup(source.ladder, { given: NEW });
  await assert.rejects(openBackup(backup, OLD, engine), withCode("decryption_failed"));
  const cut = backup.slice(0, -1);
  await assert.rejects(openBackup(cut, NEW, engine), withCode("decryption_failed"));
  await assert.rejects(openBackup(backup.slice(0, 40), NEW, engine), CryptoError);
  await source.climb("passphrase");
  const locked = Deno.readFileSync(source.layout.lockedSealingKey);
  await assert.rejects(openBackup(locked, OLD, engine), withCode("decryption_failed"));
});

Deno.test("where the system protects it, the first sealing key is in no file of its own", async () => {
  using stand = new Stand();
  const { layout, ladder, credential } = stand;
  const parts = { layout, credential: ladder.credential!, engine, ownsConfiguration: true };
  Deno.mkdirSync(parent(credential));
  const first = await KeyStore.open(parts);
  assert.equal(first.rung, "credential");
  assert.ok(!exists(layout.sealingKey));
  assert.deepEqual(Deno.readFileSync(credential), first.sealingKey);
  // As a kill leaves it between the two: the sealing key has its name, the ring has not.
  Deno.renameSync(layout.ring, `${layout.ring}.new`);
  const second = await KeyStore.open(parts);
  assert.deepEqual(second.sealingKey, first.sealingKey);
  assert.deepEqual(second.ring.keys.map(({ name }) => name), ["default"]);
  // A ring without its key is no reason to make another.
  Deno.removeSync(credential);
  await assert.rejects(KeyStore.open(parts), { code: "ring_unreadable" });
});
