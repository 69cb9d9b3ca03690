/**
 * Running the system's own programs: only those named here, only from the system's directories,
 * with an environment of their own. Nothing goes through a shell.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { PROGRAM_DIRECTORIES, systemPrograms } from "../core/privileges.ts";

/** Programs to the Debian packages that they are in. */
const PACKAGES = {
  "groupdel": "passwd",
  "journalctl": "systemd",
  "setpriv": "util-linux",
  "systemctl": "systemd",
  "systemd-creds": "systemd",
  "systemd-sysusers": "systemd",
  "userdel": "passwd",
  "xdg-open": "xdg-utils",
} as const;

/** A program that may be run. */
export type Program = keyof typeof PACKAGES;

/** The environment of every program: what it says does not depend on who starts it. */
const ENVIRONMENT = {
  LC_ALL: "C",
  PATH: PROGRAM_DIRECTORIES.join(":"),
  SYSTEMD_COLORS: "0",
  SYSTEMD_PAGER: "",
} as const;

const LONGEST_LINE = 300;

/** How a program ended. */
export interface Ended {
  readonly status: number;
  readonly stdout: Bytes;
  readonly stderr: Bytes;
}

/** How a program is run. */
export interface RunOptions {
  /** Its standard input, which otherwise is empty. */
  readonly input?: Bytes | undefined;
  /** Milliseconds, after which it is killed. */
  readonly patience?: number | undefined;
}

/** How a program is run that must succeed. */
export interface MustRunOptions extends RunOptions {
  /** Statuses that are fine besides 0. */
  readonly accept?: readonly number[] | undefined;
}

const PATIENCE = 120_000;

/**
 * Every path that some programs may have: what a role that runs them must be allowed to look at
 * and to run.
 */
export function programPaths(...programs: readonly Program[]): string[] {
  return systemPrograms(...programs);
}

/**
 * Where a program is.
 * @throws {CryptoError} `config` if it is not there.
 */
export function findProgram(program: Program): string {
  const path = programPaths(program).find(isFile);
  if (path !== undefined) return path;
  const hint = `install it: Debian has it in the package ${PACKAGES[program]}`;
  throw new CryptoError("config", { subject: program, hint });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs a program to its end, however it ends.
 * @throws {CryptoError} `config` if it is not there; `program_failed` if it takes too long
 */
export async function runProgram(
  program: Program,
  args: readonly string[],
  { input, patience = PATIENCE }: RunOptions = {},
): Promise<Ended> {
  const child = new Deno.Command(findProgram(program), {
    args: [...args],
    env: ENVIRONMENT,
    clearEnv: true,
    cwd: "/",
    stdin: input ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(patience),
  }).spawn();
  const [{ code, signal, stdout, stderr }] = await Promise.all([
    child.output(),
    input ? feed(child.stdin, input) : undefined,
  ]);
  if (signal === null) return { status: code, stdout, stderr };
  throw new CryptoError("program_failed", { subject: program, hint: `it was ended by ${signal}` });
}

/** A program that does not read to the end has its reasons, and its status tells. */
async function feed(stdin: WritableStream<Uint8Array>, input: Bytes): Promise<void> {
  try {
    await new Blob([input]).stream().pipeTo(stdin);
  } catch {
    // See above.
  }
}

/**
 * Runs a program that must succeed.
 * @returns its standard output
 * @throws {CryptoError} `program_failed`, with the last line that it said; `config`
 */
export async function mustRun(
  program: Program,
  args: readonly string[],
  { accept = [], ...options }: MustRunOptions = {},
): Promise<Bytes> {
  const { status, stdout, stderr } = await runProgram(program, args, options);
  if (status === 0 || accept.includes(status)) return stdout;
  const hint = lastLine(stderr) ?? `it ended with status ${status} and said nothing`;
  throw new CryptoError("program_failed", { subject: [program, ...args].join(" "), hint });
}

/**
 * Starts a program of the user's session, with the environment that session has, and lets it go on
 * by itself: what ends this program is not to end it.
 * @returns its status if it ends within `patience` milliseconds; undefined while it runs
 * @throws {CryptoError} `config` if it is not there
 */
export async function startProgram(
  program: Program,
  args: readonly string[],
  patience: number,
): Promise<number | undefined> {
  const child = new Deno.Command(findProgram(program), {
    args: [...args],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), patience);
  const ended = await Promise.race([child.status, late.promise]);
  clearTimeout(timer);
  return ended?.code;
}

function lastLine(bytes: Bytes): string | undefined {
  const lines = new TextDecoder().decode(bytes).split("\n").map((line) => line.trim());
  return lines.findLast((line) => line !== "")?.slice(0, LONGEST_LINE);
}
