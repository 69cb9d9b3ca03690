/** What a daemon finds when it starts: it refuses what it should, and never overwrites a key. */
import assert from "node:assert/strict";
import { type ErrorCode, ERRORS } from "../../core/errors.ts";
import {
  Place,
  resultOf,
  rpc,
  serveToEnd,
  startDaemon,
  type StartOptions,
} from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, run } from "../support/process.ts";

/** All files of a place, their contents and modes, to see that nothing was changed. */
function snapshot(place: Place): Record<string, string> {
  const files: Record<string, string> = {};
  for (const path of [place.sealingKey, place.ring, `${place.ring}.new`]) {
    try {
      const { mode } = Deno.lstatSync(path);
      files[path] = `${mode} ${Deno.readFileSync(path).toString()}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return files;
}

/** A place in which a daemon has run: with a second key, and a message under it. */
async function usedPlace(): Promise<{ place: Place; message: string }> {
  const place = new Place();
  await using daemon = await startDaemon({ place });
  resultOf(await rpc(daemon.socket, "key.create", { name: "second" }));
  const sealed = await rpc(daemon.socket, "encrypt", { key: "second", text: "kept" });
  await daemon.stop();
  return { place, message: String(resultOf(sealed).message) };
}

async function opens(place: Place, message: string): Promise<void> {
  await using daemon = await startDaemon({ place });
  const opened = await rpc(daemon.socket, "decrypt", { message, as: "text" });
  assert.equal(resultOf(opened).text, "kept");
}

/** Asserts that a daemon refuses to start with the status of that code, and changes nothing. */
async function refuses(code: ErrorCode, options: StartOptions & { place: Place }): Promise<void> {
  const before = snapshot(options.place);
  const ended = await serveToEnd(options);
  assert.equal(ended.code, ERRORS[code].exit, ended.stderr);
  // The table's message is how a person tells the codes that share a status apart.
  assert.ok(ended.stderr.includes(ERRORS[code].message), ended.stderr);
  assert.deepEqual(snapshot(options.place), before);
}

Deno.test("the first start makes a ring and its sealing key, for the owner alone", async () => {
  await using daemon = await startDaemon();
  const { place } = daemon;
  for (const path of [place.sealingKey, place.ring]) {
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o7777, 0o400, path);
  }
  for (const path of [place.config, place.state, place.runtime]) {
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o7777, 0o700, path);
  }
  assert.equal((Deno.statSync(place.socket).mode ?? 0) & 0o7777, 0o600);
  assert.equal(Deno.statSync(place.sealingKey).size, 32);
  const secret = Deno.readFileSync(place.sealingKey);
  assert.ok(secret.some((byte) => byte !== secret[0]));
  assert.deepEqual([...Deno.readDirSync(place.config)].map(({ name }) => name), ["sealing.key"]);
});

Deno.test("keys are there again after a restart", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  await opens(place, message);
});

Deno.test("a ring or sealing key that others can read is refused", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  for (const path of [place.sealingKey, place.ring]) {
    for (const mode of [0o444, 0o440, 0o404, 0o604, 0o420]) {
      Deno.chmodSync(path, mode);
      await refuses("unsafe_path", { place });
    }
    Deno.chmodSync(path, 0o600);
  }
  await opens(place, message);
});

Deno.test("a ring or sealing key that is a link is refused", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  for (const path of [place.sealingKey, place.ring]) {
    Deno.renameSync(path, `${path}.moved`);
    Deno.symlinkSync(`${path}.moved`, path);
    await refuses("unsafe_path", { place });
    Deno.removeSync(path);
    Deno.renameSync(`${path}.moved`, path);
  }
  await opens(place, message);
});

Deno.test("a directory that others can write is refused, whichever holds the keys or the socket", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  const above = [place.config, place.state, place.runtime].map((path) =>
    path.replace(/\/crypto$/, "")
  );
  for (const path of [place.config, place.state, place.runtime, ...above, place.directory]) {
    for (const mode of [0o722, 0o770, 0o707]) {
      Deno.chmodSync(path, mode);
      await refuses("unsafe_path", { place });
    }
    Deno.chmodSync(path, 0o700);
  }
  await opens(place, message);
});

await linuxTest("what belongs to another user is refused", ["root"], async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  const others = [place.sealingKey, place.ring, place.config, place.state, place.runtime];
  for (const path of [...others, place.directory]) {
    Deno.chownSync(path, 61_999, null);
    await refuses("unsafe_path", { place });
    Deno.chownSync(path, 0, null);
  }
  await opens(place, message);
});

Deno.test("a ring without its sealing key is refused, and so is the reverse", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  for (const path of [place.sealingKey, place.ring]) {
    Deno.renameSync(path, `${path}.away`);
    await refuses("ring_unreadable", { place });
    await refuses("ring_unreadable", { place });
    Deno.renameSync(`${path}.away`, path);
  }
  await opens(place, message);
});

Deno.test("a ring that was changed, cut or extended is refused", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  const good = Deno.readFileSync(place.ring);
  const write = (bytes: Uint8Array) => {
    Deno.removeSync(place.ring);
    Deno.writeFileSync(place.ring, bytes, { mode: 0o400 });
  };
  const flipped = good.slice();
  flipped[good.length >> 1]! ^= 1;
  const extended = new Uint8Array(good.length + 1);
  extended.set(good);
  const huge = new Uint8Array(16 * 1024 * 1024 + 1);
  const bad = [
    flipped,
    extended,
    huge,
    new Uint8Array(0),
    ...[5, 13, 69, good.length - 1].map((end) => {
      return good.slice(0, end);
    }),
  ];
  for (const bytes of bad) {
    write(bytes);
    await refuses("ring_unreadable", { place });
  }
  write(good);
  await opens(place, message);
});

Deno.test("a sealing key of another ring or length is refused", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  const good = Deno.readFileSync(place.sealingKey);
  const other = good.map((byte) => byte ^ 1);
  const long = new Uint8Array(33);
  long.set(good);
  for (const bytes of [other, long, good.slice(0, 31), new Uint8Array(0)]) {
    Deno.removeSync(place.sealingKey);
    Deno.writeFileSync(place.sealingKey, bytes, { mode: 0o400 });
    await refuses("ring_unreadable", { place });
  }
  Deno.removeSync(place.sealingKey);
  Deno.writeFileSync(place.sealingKey, good, { mode: 0o400 });
  await opens(place, message);
});

Deno.test("a first start that was interrupted at any step is completed by the next", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  const [key, ring] = [place.sealingKey, place.ring];
  // What it leaves, step by step: half a new ring, a whole one, half a new key, a whole one.
  const steps: readonly (readonly [files: readonly string[], half: boolean])[] = [
    [[`${ring}.new`], true],
    [[`${ring}.new`], false],
    [[`${ring}.new`, `${key}.new`], true],
    [[`${ring}.new`, `${key}.new`], false],
  ];
  for (const [files, half] of steps) {
    using fresh = new Place();
    fresh.makeOwn();
    for (const [i, file] of files.entries()) {
      const cut = half && i === files.length - 1;
      const from = file === `${ring}.new` ? ring : key;
      const bytes = Deno.readFileSync(from);
      const to = file.replace(place.directory, fresh.directory);
      Deno.writeFileSync(to, cut ? bytes.subarray(0, 10) : bytes, { mode: 0o400 });
    }
    await using daemon = await startDaemon({ place: fresh });
    assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
    assert.deepEqual(Object.keys(snapshot(fresh)), [fresh.sealingKey, fresh.ring]);
  }
  // The last step: the key has its name, the ring has not. This one must be completed, not made anew.
  Deno.renameSync(ring, `${ring}.new`);
  await opens(place, message);
  assert.deepEqual(Object.keys(snapshot(place)), [key, ring]);
});

Deno.test("a change of the ring that was interrupted leaves the old ring in use", async () => {
  const { place, message } = await usedPlace();
  using _ = place;
  Deno.writeFileSync(`${place.ring}.new`, new Uint8Array([1, 2, 3]), { mode: 0o400 });
  await opens(place, message);
  await using daemon = await startDaemon({ place });
  resultOf(await rpc(daemon.socket, "key.create", { name: "third" }));
  assert.deepEqual(Object.keys(snapshot(place)), [place.sealingKey, place.ring]);
});

Deno.test("a set-up without a runtime directory, or with an impossible socket, is refused", async () => {
  using place = new Place();
  const { XDG_RUNTIME_DIR: _, ...env } = place.env;
  const ended = await run([compiledProgram(), "serve"], { env });
  assert.equal(ended.code, ERRORS.config.exit, ended.stderr);
  const file = `${place.directory}/file`;
  Deno.writeTextFileSync(file, "");
  const long = `${place.directory}/${"s".repeat(100)}/crypto.sock`;
  await refuses("config", { place, args: ["--socket", `${file}/x/crypto.sock`] });
  assert.equal((await serveToEnd({ place, args: ["--socket", long] })).code, ERRORS.config.exit);
  await refuses("usage", { place, args: ["--socket", "relative.sock"] });
});

Deno.test("a socket path of 107 bytes works", async () => {
  using place = new Place();
  const start = `${place.directory}/${"s".repeat(50)}/`;
  const socket = start + "x".repeat(107 - start.length);
  await using daemon = await startDaemon({ place, args: ["--socket", socket] });
  assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
  await daemon.stop();
  await refuses("config", { place, args: ["--socket", socket + "y"] });
});
