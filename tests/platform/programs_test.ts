import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { findProgram, mustRun, programPaths, runProgram } from "../../platform/programs.ts";
import { linuxTest } from "../support/linux.ts";

/** `setpriv` without an option runs what follows: so these tests can have a shell. */
const sh = (script: string) => ["sh", "-c", script];

await linuxTest("a program gets bytes and gives bytes and its status", ["setpriv"], async () => {
  const input = utf8("a\0ö\n".repeat(100_000));
  const ended = await runProgram("setpriv", sh("cat; echo said >&2; exit 7"), { input });
  assert.equal(ended.status, 7);
  assert.deepEqual(ended.stdout, input);
  assert.equal(fromUtf8(ended.stderr), "said\n");
});

await linuxTest("a program's environment is only what it needs", ["setpriv"], async () => {
  const lines = fromUtf8(await mustRun("setpriv", ["env"])).trim().split("\n").sort();
  assert.deepEqual(lines.map((line) => line.split("=")[0]), [
    "LC_ALL",
    "PATH",
    "SYSTEMD_COLORS",
    "SYSTEMD_PAGER",
  ]);
  assert.ok(lines.includes("PATH=/usr/bin:/usr/sbin:/bin:/sbin"));
});

await linuxTest("a failure has what the program said last", ["setpriv"], async () => {
  const script = "echo first >&2; echo 'the reason' >&2; echo >&2; exit 1";
  await assert.rejects(mustRun("setpriv", sh(script)), {
    code: "program_failed",
    hint: "the reason",
  });
});

await linuxTest("a program that takes too long is ended", ["setpriv"], async () => {
  const running = runProgram("setpriv", sh("exec sleep 60"), { patience: 50 });
  await assert.rejects(running, { code: "program_failed" });
});

await linuxTest("a program that reads nothing does no harm", ["setpriv"], async () => {
  const input = new Uint8Array(1_000_000);
  assert.equal((await runProgram("setpriv", ["true"], { input })).status, 0);
});

Deno.test("programs are looked for in the system's directories only, by absolute path", () => {
  assert.match(findProgram("setpriv"), /^\/(usr\/)?s?bin\/setpriv$/);
  assert.deepEqual(programPaths("systemctl"), [
    "/usr/bin/systemctl",
    "/usr/sbin/systemctl",
    "/bin/systemctl",
    "/sbin/systemctl",
  ]);
});

Deno.test("a program that is not there is named, with its package", () => {
  const missing = () => findProgram("no-such-program" as "setpriv");
  assert.throws(missing, (error: CryptoError) => {
    return error.code === "config" && error.subject === "no-such-program";
  });
});
