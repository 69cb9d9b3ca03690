/** Streams of any length in constant memory. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startDaemon } from "../support/daemon.ts";
import { exec, Folder, missing, PROGRAM, succeeds, testIf, text } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());

const MB = 1_000_000;
const MOST = 150 * MB;

interface Peaks {
  readonly encrypt: number;
  readonly decrypt: number;
}

/** Encrypts and decrypts that many zeros, pipe to pipe, and gives the most memory each took. */
async function peaks(bytes: number, flags = ""): Promise<Peaks> {
  using folder = new Folder();
  const peak = fileURLToPath(new URL("peak.py", import.meta.url));
  const line = `head -c ${bytes} /dev/zero | python3 "$1" encrypt "$0" encrypt ${flags} |
    python3 "$1" decrypt "$0" decrypt | wc -c`;
  const options = { env: daemon.env, cwd: folder.path, patience: 60_000 };
  const run = await exec(["sh", "-c", line, PROGRAM, peak], options);
  assert.deepEqual([run.stderr, text(run.stdout).trim()], ["", `${bytes}`]);
  const read = (name: string) => Number(text(folder.read(name)));
  return { encrypt: read("encrypt"), decrypt: read("decrypt") };
}

/** Asserts that several times as much data takes the same memory, and little of it. */
function constant(small: Peaks, large: Peaks): void {
  for (const command of ["encrypt", "decrypt"] as const) {
    const figures = `${command}: ${small[command]} and ${large[command]} bytes`;
    assert.ok(large[command] < MOST && small[command] < MOST, figures);
    assert.ok(large[command] < small[command] * 1.1, figures);
  }
}

// With less than the first, what the runtime compiles of the code is not all there yet: some MB.
testIf(missing("python3"), "2 GB take no more memory than 300 MB, and under 150 MB", async () => {
  constant(await peaks(300 * MB), await peaks(2_000 * MB));
});

testIf(missing("python3"), "text takes constant memory too", async () => {
  constant(await peaks(200 * MB, "--armor"), await peaks(500 * MB, "--armor"));
});

testIf(missing("python3"), "a mac takes constant memory", async () => {
  await succeeds(["key", "create", "mac", "--purpose", "mac"], { env: daemon.env });
  const peakOf = async (bytes: number) => {
    using folder = new Folder();
    const peak = fileURLToPath(new URL("peak.py", import.meta.url));
    const line = `head -c ${bytes} /dev/zero | python3 "$1" peak "$0" mac`;
    const options = { env: daemon.env, cwd: folder.path, patience: 60_000 };
    const run = await exec(["sh", "-c", line, PROGRAM, peak], options);
    assert.match(text(run.stdout), /^crypto:mac:v1:/, run.stderr);
    return Number(text(folder.read("peak")));
  };
  const [small, large] = [await peakOf(20 * MB), await peakOf(200 * MB)];
  assert.ok(large < MOST && large < small * 1.1, `${small} and ${large} bytes`);
});

testIf(missing("python3"), "60 MB of JSON lines take less than 150 MB", async () => {
  using folder = new Folder();
  const peak = fileURLToPath(new URL("peak.py", import.meta.url));
  const line = `python3 -c 'for i in range(6000): print("\\"" + "x" * 10000 + "\\"")' |
    python3 "$1" encrypt "$0" encrypt --json-lines | wc -l`;
  const options = { env: daemon.env, cwd: folder.path, patience: 60_000 };
  const run = await exec(["sh", "-c", line, PROGRAM, peak], options);
  assert.deepEqual([run.stderr, text(run.stdout).trim()], ["", "6000"]);
  assert.ok(Number(text(folder.read("encrypt"))) < MOST, text(folder.read("encrypt")));
});
