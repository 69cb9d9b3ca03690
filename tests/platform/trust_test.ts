import assert from "node:assert/strict";
import {
  requireSecretFile,
  requireTrustedDirectory,
  requireTrustedSocket,
} from "../../platform/trust.ts";
import { linuxTest } from "../support/linux.ts";

const UNSAFE = { code: "unsafe_path" };
const ME = [Deno.uid() ?? 0];

/** A directory `top/middle/low` of mode 0700 throughout, and a file `low/file` of mode 0400. */
async function inTree(run: (top: string, low: string, file: string) => void): Promise<void> {
  const top = Deno.realPathSync(await Deno.makeTempDir({ prefix: "ctt-" }));
  const low = `${top}/middle/low`;
  const file = `${low}/file`;
  Deno.mkdirSync(low, { recursive: true, mode: 0o700 });
  Deno.writeTextFileSync(file, "secret", { mode: 0o400 });
  try {
    run(top, low, file);
  } finally {
    await Deno.remove(top, { recursive: true });
  }
}

Deno.test("a directory of one's own under root's sticky one is trusted", () =>
  inTree((_top, low) => requireTrustedDirectory(low, ME)));

Deno.test("a directory that others may write is not trusted, wherever in the path", () =>
  inTree((top, low) => {
    for (const path of [top, `${top}/middle`, low]) {
      for (const mode of [0o720, 0o702, 0o777]) {
        Deno.chmodSync(path, mode);
        assert.throws(() => requireTrustedDirectory(low, ME), UNSAFE, `${path} ${mode}`);
      }
      Deno.chmodSync(path, 0o755);
      requireTrustedDirectory(low, ME);
    }
  }));

Deno.test("a sticky directory is trusted above, but not to hold the file itself", () =>
  inTree((top, low) => {
    Deno.chmodSync(top, 0o1777);
    requireTrustedDirectory(low, ME);
    Deno.chmodSync(low, 0o1777);
    assert.throws(() => requireTrustedDirectory(low, ME), UNSAFE);
  }));

Deno.test("the way to a directory is checked behind its links", () =>
  inTree((top, low) => {
    Deno.symlinkSync(low, `${top}/link`);
    requireTrustedDirectory(`${top}/link`, ME);
    Deno.chmodSync(`${top}/middle`, 0o777);
    assert.throws(() => requireTrustedDirectory(`${top}/link`, ME), UNSAFE);
  }));

await linuxTest(
  "what belongs to others is not trusted, unless they are named",
  ["root"],
  () =>
    inTree((top, low, file) => {
      Deno.chownSync(`${top}/middle`, 61_999, null);
      assert.throws(() => requireTrustedDirectory(low, [0]), UNSAFE);
      requireTrustedDirectory(low, [61_999]);
      Deno.chownSync(file, 61_999, null);
      assert.throws(() => requireSecretFile(file, [0]), UNSAFE);
      requireSecretFile(file, [61_999]);
    }),
);

await linuxTest(
  "a socket is trusted by its owner, behind its links too",
  ["root"],
  () =>
    inTree((top, low, file) => {
      const socket = `${low}/socket`;
      using _listener = Deno.listen({ transport: "unix", path: socket });
      Deno.symlinkSync(socket, `${top}/link`);
      for (const path of [socket, `${top}/link`]) {
        assert.equal(requireTrustedSocket(path, ME), Deno.realPathSync(socket));
      }
      Deno.chownSync(socket, 61_999, null);
      for (const path of [socket, `${top}/link`]) {
        assert.throws(() => requireTrustedSocket(path, []), UNSAFE);
        requireTrustedSocket(path, [61_999]);
      }
      assert.throws(() => requireTrustedSocket(file, ME), UNSAFE, "no socket");
    }),
);

await linuxTest(
  "what belongs to the overflow id belongs to nobody in particular",
  ["root"],
  () =>
    inTree((_top, low) => {
      Deno.chownSync(low, 65_534, null);
      assert.throws(() => requireTrustedDirectory(low, [65_534]), UNSAFE);
    }),
);

Deno.test("a secret is a regular file that nobody else can read", () =>
  inTree((_top, low, file) => {
    requireSecretFile(file, ME);
    for (const mode of [0o440, 0o404, 0o420, 0o401, 0o666]) {
      Deno.chmodSync(file, mode);
      assert.throws(() => requireSecretFile(file, ME), UNSAFE, `${mode}`);
    }
    Deno.chmodSync(file, 0o600);
    requireSecretFile(file, ME);
    Deno.symlinkSync(file, `${low}/link`);
    for (const path of [low, `${low}/link`]) {
      assert.throws(() => requireSecretFile(path, ME), UNSAFE);
    }
  }));

Deno.test("what is not there is the system's error, for the caller to judge", () =>
  inTree((_top, low) => {
    assert.throws(() => requireSecretFile(`${low}/absent`, ME), Deno.errors.NotFound);
    assert.throws(() => requireTrustedSocket(`${low}/absent`, ME), Deno.errors.NotFound);
  }));
