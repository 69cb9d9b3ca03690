/** `crypto rewrap` beside others: other runs, programs that replace its files, other users. */
import assert from "node:assert/strict";
import { connect, decryptStream } from "../../client/mod.ts";
import { besidePaths } from "../../client/rewrap/beside.ts";
import type { Report } from "../../client/rewrap/worker.ts";
import { toBase64Url } from "../../core/base64.ts";
import { asUser, startDaemon, type User } from "../support/daemon.ts";
import { must, publicProgram } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import {
  crypto,
  exec,
  Folder,
  missing,
  NOT_ROOT,
  PROGRAM,
  type Run,
  sample,
  succeeds,
  testIf,
  text,
} from "./support.ts";

const daemon = await startDaemon({ lifetime: 600_000 });
const service = await connect({ socket: daemon.socket });
Deno.test.afterAll(async () => {
  service.close();
  await daemon[Symbol.asyncDispose]();
});

const { env } = daemon;

async function encrypt(folder: Folder, name: string, content: string | Uint8Array): Promise<void> {
  const output = folder.at(name);
  await succeeds(["encrypt", "--force", "--output", output, "-"], { env, stdin: content });
}

async function decrypt(path: string): Promise<string> {
  const message = new Blob([Deno.readFileSync(path)]).stream();
  return await new Response(decryptStream(service, message)).text();
}

const rotate = () => must([PROGRAM, "key", "rotate", "default"], { env });

Deno.test("two runs at once: every file is whole, and both end well", async () => {
  using folder = new Folder();
  const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
  for (const name of names) folder.write(name, `content of ${name}`);
  await succeeds(["encrypt", "--quiet", ...names.map((name) => folder.at(name))], { env });
  for (const name of names) Deno.removeSync(folder.at(name));
  for (let round = 0; round < 6; round++) {
    await rotate();
    const kinds = round % 3 === 2 ? [[], []] : [[], ["--fresh"]];
    const runs = await Promise.all(kinds.map((more) => {
      return crypto(["rewrap", "--quiet", "--recursive", ...more, folder.path], { env });
    }));
    for (const name of names) {
      assert.equal(await decrypt(folder.at(`${name}.crypto`)), `content of ${name}`);
    }
    assert.deepEqual(runs.map(({ code, stderr }) => [code, stderr]), [[0, ""], [0, ""]]);
  }
  assert.deepEqual(folder.names(), names.map((name) => `${name}.crypto`).sort());
});

for (const fresh of [false, true]) {
  const what = fresh ? "encrypting anew" : "rewrapping";
  Deno.test(`${what} a name that others give to other files leaves each of them whole`, async () => {
    using folder = new Folder();
    await encrypt(folder, "one", "one");
    await encrypt(folder, "two", "two");
    await rotate();
    Deno.copyFileSync(folder.at("one"), folder.at("x"));
    const runs = Promise.all(Array.from({ length: 2 }, async () => {
      const ended: Run[] = [];
      const more = fresh ? ["--fresh"] : [];
      const args = ["rewrap", "--quiet", "--json", ...more, folder.at("x")];
      for (let i = 0; i < 20; i++) ended.push(await crypto(args, { env }));
      return ended;
    }));
    let isOver = false;
    const over = runs.finally(() => isOver = true);
    for (let i = 0; !isOver; i++) {
      Deno.copyFileSync(folder.at(i % 2 === 0 ? "two" : "one"), folder.at("next"));
      const { ino } = Deno.statSync(folder.at("next"));
      Deno.renameSync(folder.at("next"), folder.at("x"));
      await new Promise((resolve) => setTimeout(resolve, 3));
      const now = Deno.statSync(folder.at("x"));
      // What has taken its place can only be the same, encrypted anew.
      if (now.ino === ino || !fresh) continue;
      assert.equal(await decrypt(folder.at("x")), i % 2 === 0 ? "two" : "one");
    }
    for (const { code, stdout, stderr } of (await over).flat()) {
      const { failed, left } = JSON.parse(text(stdout)) as Report;
      assert.equal(code, failed.length + left === 0 ? 0 : 65, stderr);
      for (const failure of failed) assert.equal(failure.code, "file_changed");
    }
    assert.match(await decrypt(folder.at("x")), /^(one|two)$/);
  });
}

const CHANGES: Readonly<Record<string, (folder: Folder) => void>> = {
  replaced: (folder) => Deno.renameSync(folder.at("newer"), folder.at("big")),
  "written over": (folder) => folder.write("big", folder.read("newer")),
  "added to": (folder) => {
    Deno.writeFileSync(folder.at("big"), new Uint8Array(1), { append: true });
  },
  "given another mode": (folder) => Deno.chmodSync(folder.at("big"), 0o600),
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`a file that is ${what} while it is encrypted anew is told and left alone`, async () => {
    using folder = new Folder();
    await encrypt(folder, "big", sample(200_000_000));
    await encrypt(folder, "newer", "newer");
    const { anew } = await besidePaths(folder.at("big"));
    const child = new Deno.Command(PROGRAM, {
      args: ["rewrap", "--fresh", "--json", folder.at("big")],
      env: { ...env },
      clearEnv: true,
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await eventually("it has begun", () => isThere(anew));
    child.kill("SIGSTOP");
    assert.ok(isThere(anew), "it is not done yet");
    change(folder);
    const after = folder.read("big");
    child.kill("SIGCONT");
    const { code, stdout } = await child.output();
    const { failed, rewrapped } = JSON.parse(text(stdout)) as Report;
    assert.deepEqual([code, rewrapped, failed.map((one) => one.code)], [65, 0, ["file_changed"]]);
    assert.ok(isSame(folder.read("big"), after), "it is left alone");
    assert.deepEqual(folder.names().filter((name) => name.startsWith(".")), []);
  });
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

const VICTIM: User = { uid: 61_021, gid: 61_021 };
const OTHER: User = { uid: 61_022, gid: 61_022 };
const NO_USERS = NOT_ROOT ?? missing("setpriv");

/** A folder of a user's, and a daemon of theirs with a file under an older version. */
async function placeOf(user: User | undefined, mode: number) {
  const folder = new Folder();
  const own = user && await startDaemon({ user });
  const ownEnv = own?.env ?? env;
  const program = [...asUser(user), user ? publicProgram(PROGRAM) : PROGRAM];
  const run = (...args: string[]) => exec([...program, ...args], { env: ownEnv, cwd: "/" });
  const inside = folder.at("in");
  Deno.mkdirSync(inside);
  Deno.chmodSync(folder.path, 0o755);
  const plain = folder.write("plain", "a secret");
  Deno.chmodSync(inside, 0o777);
  await run("encrypt", "--output", `${inside}/x`, plain);
  await run("key", "rotate", "default");
  if (user) Deno.chownSync(inside, 0, 0);
  Deno.chmodSync(inside, mode);
  return {
    folder,
    inside,
    path: `${inside}/x`,
    run,
    async rewrap(...args: string[]): Promise<Report> {
      const { stdout, stderr } = await run("rewrap", "--json", ...args);
      assert.notEqual(stdout.length, 0, stderr);
      return JSON.parse(text(stdout));
    },
    async [Symbol.asyncDispose]() {
      folder[Symbol.dispose]();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

/** A journal as a run writes it, which would put other bytes into a message. */
function journalOf(message: Uint8Array): string {
  const old = message.slice(0, 117);
  const anew = old.map((byte, i) => i < 13 ? byte : byte ^ 1);
  const envelopes = { form: "bytes", old: toBase64Url(old), anew: toBase64Url(anew) };
  const times = { accessed: ["0", 0], modified: ["0", 0] };
  return JSON.stringify({ format: "crypto/v1/rewrap", ...envelopes, times });
}

for (const user of [undefined, VICTIM]) {
  const who = user ? "a user" : "root";
  testIf(NO_USERS, `what another user has planted beside is not believed by ${who}`, async () => {
    await using place = await placeOf(user, 0o1777);
    const { path, inside } = place;
    const before = Deno.readFileSync(path);
    const paths = await besidePaths(path);
    const plant = (script: string, ...args: string[]) => {
      return must([...asUser(OTHER), "sh", "-c", script, "sh", ...args], { cwd: "/" });
    };
    const script = { offset: 0, old: toBase64Url(before.slice(0, 9)), anew: "ZWNobyBoZWxsbwo" };
    const anything = JSON.stringify({ format: "crypto/v1/rewrap", ...script });
    const attempts = [
      () => plant('printf %s "$2" > "$1"; chmod 666 "$1"', paths.journal, anything),
      () => plant('printf %s "$2" > "$1"; chmod 666 "$1"', paths.journal, journalOf(before)),
      () => plant('printf %s "$2" > "$1"; chmod 600 "$1"', paths.journal, journalOf(before)),
      () => plant('ln -s "$2" "$1"', paths.journal, path),
      () => plant('mkfifo -m 666 "$1"', paths.journal),
      () => plant('echo > "$1"; chmod 666 "$1"', paths.anew),
      () => plant('ln -s "$2" "$1"', paths.anew, path),
    ];
    for (const attempt of attempts) {
      await attempt();
      for (const args of [["--recursive", inside], [path], ["--fresh", path]]) {
        const { failed, rewrapped } = await place.rewrap(...args);
        assert.equal(rewrapped, 0);
        const codes = failed.map(({ code }) => code);
        assert.ok(["unsafe_path", "io"].includes(codes[0]!) && codes.length === 1, `${codes}`);
        assert.ok(isSame(Deno.readFileSync(path), before), "it is as it was");
      }
      for (const name of [paths.journal, paths.anew]) {
        if (isAnything(name)) Deno.removeSync(name);
      }
    }
  });
}

function isAnything(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

testIf(NO_USERS, "a user's own journal counts, unless others could have written it", async () => {
  await using place = await placeOf(VICTIM, 0o1777);
  const { path } = place;
  const { journal } = await besidePaths(path);
  const before = Deno.readFileSync(path);
  Deno.writeTextFileSync(journal, journalOf(before), { mode: 0o600 });
  Deno.chownSync(journal, VICTIM.uid, VICTIM.gid);
  Deno.chmodSync(journal, 0o620);
  const { failed } = await place.rewrap(path);
  assert.deepEqual(failed.map(({ code }) => code), ["unsafe_path"]);
  assert.ok(isSame(Deno.readFileSync(path), before));
  Deno.chmodSync(journal, 0o600);
  assert.deepEqual((await place.rewrap(path)).failed.map(({ code }) => code), [
    "decryption_failed",
  ]);
  assert.equal(Deno.readFileSync(path)[50]! ^ before[50]!, 1, "it was finished");
});

testIf(NO_USERS, "root works in no directory in which others may write", async () => {
  await using place = await placeOf(undefined, 0o2775);
  for (const args of [["--recursive", place.inside], [place.path]]) {
    const { failed, rewrapped } = await place.rewrap(...args);
    assert.deepEqual([failed.map(({ code }) => code), rewrapped], [["unsafe_path"], 0]);
  }
  Deno.chmodSync(place.inside, 0o755);
  Deno.chmodSync(place.folder.path, 0o777);
  assert.equal((await place.rewrap(place.path)).failed[0]?.code, "unsafe_path", "above it");
  const { failed } = await place.rewrap("--recursive", place.folder.path);
  assert.deepEqual(failed.map(({ code }) => code), ["unsafe_path"]);
  Deno.chmodSync(place.folder.path, 0o755);
  assert.equal((await place.rewrap("--recursive", place.folder.path)).rewrapped, 1);
});

testIf(NO_USERS, "a file that one may write but does not own is left as it was", async () => {
  await using place = await placeOf(VICTIM, 0o777);
  const { path, inside } = place;
  Deno.chownSync(path, OTHER.uid, VICTIM.gid);
  Deno.chmodSync(path, 0o664);
  const before = Deno.readFileSync(path);
  const stat = () => must(["stat", "-c", "%u %g %a %y", path]);
  const attributes = await stat();
  for (const more of [[], [], ["--fresh"]]) {
    const { failed, versions } = await place.rewrap("--recursive", ...more, inside);
    assert.deepEqual(failed.map(({ code }) => code), ["io"]);
    assert.match(failed[0]!.hint, /61022/);
    assert.deepEqual(versions.map(({ version, files }) => [version, files]), [[1, 1]]);
    assert.ok(isSame(Deno.readFileSync(path), before), "the bytes");
    assert.equal(await stat(), attributes);
    assert.deepEqual([...Deno.readDirSync(inside)].map(({ name }) => name), ["x"]);
  }
});

testIf(NO_USERS, "a file that one may not write is counted in every run", async () => {
  await using place = await placeOf(VICTIM, 0o777);
  Deno.chmodSync(place.path, 0o400);
  for (let i = 0; i < 2; i++) {
    const { failed, versions } = await place.rewrap("--recursive", place.inside);
    assert.deepEqual(failed.map(({ code }) => code), ["io"]);
    assert.deepEqual(versions.map(({ version, files }) => [version, files]), [[1, 1]]);
  }
  const { journal } = await besidePaths(place.path);
  Deno.writeTextFileSync(journal, journalOf(Deno.readFileSync(place.path)), { mode: 0o600 });
  Deno.chownSync(journal, VICTIM.uid, VICTIM.gid);
  const { versions } = await place.rewrap("--recursive", place.inside);
  assert.deepEqual(versions.map(({ version, files }) => [version, files]), [[1, 1]]);
});
