/** Tests that run on a machine with each nginx. */
import { NOT_ROOT } from "../cli/support.ts";
import { run } from "../support/process.ts";
import { debianRoot, type Release, RELEASES } from "./debian.ts";
import { Machine } from "./machine.ts";

const machines = new Map<string, Promise<Machine>>();
Deno.test.afterAll(async () => {
  for (const machine of machines.values()) await (await machine)[Symbol.asyncDispose]();
});

/** Why there can be no machine with a release's nginx. */
export async function noMachine(release: Release): Promise<string | undefined> {
  if (NOT_ROOT) return NOT_ROOT;
  const { code, stderr } = await run(["unshare", "--mount", "--net", "--pid", "--fork", "true"]);
  if (code !== 0) return stderr.trim();
  const root = await debianRoot(release);
  return typeof root === "string" ? undefined : root.skip;
}

/** The machine of this file's tests, with a share server whose rates none of them reaches. */
async function machineWith(release: Release): Promise<Machine> {
  const machine = await Machine.start(release);
  const limits = ["--requests-per-minute", "--creations-per-minute"];
  await machine.startShare(["--managed", ...limits.flatMap((limit) => [limit, "10000000"])]);
  return machine;
}

/** Where a test runs. */
export interface Where {
  /** All, unless some are named. */
  readonly releases?: readonly Release[] | undefined;
  /** Why it cannot be, if something else that it needs is not there. */
  readonly missing?: string | undefined;
}

/** Registers a test for each release, or says why there is none. */
export async function nginxTest(
  name: string,
  fn: (machine: Machine) => Promise<void>,
  { releases = Object.values(RELEASES), missing }: Where = {},
): Promise<void> {
  for (const release of releases) {
    const named = `${name}: nginx ${release.nginx}`;
    const why = missing ?? await noMachine(release);
    if (why !== undefined) console.log(`SKIP: ${named}: ${why}`);
    const body = async () => {
      const machine = machines.get(release.suite) ?? machineWith(release);
      machines.set(release.suite, machine);
      await fn(await machine);
    };
    // The machine outlives the test that needed it first.
    const outlives = { sanitizeOps: false, sanitizeResources: false };
    Deno.test({ name: named, ignore: why !== undefined, ...outlives, fn: body });
  }
}
