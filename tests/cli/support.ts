/**
 * The compiled program as a user has it: run with arguments, with a folder of files, on a terminal,
 * in a pipeline. Bytes in, bytes out, and every run has a time.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type ErrorCode, ERRORS } from "../../core/errors.ts";
import {
  compiledProgram,
  type Ended,
  exec,
  plainEnvironment,
  type RunOptions,
} from "../support/process.ts";
import { PATIENCE } from "../support/wait.ts";

export { exec };

/** Bytes that own an ordinary buffer. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** How a run ended. */
export type Run = Ended<Bytes>;

/** How the program is run; a daemon's `env` makes its socket the one that is found. */
export interface CliOptions extends RunOptions {
  /** A command in front: `["setpriv", …]`. */
  readonly wrapper?: readonly string[] | undefined;
}

/** The program. */
export const PROGRAM: string = compiledProgram();

/** Runs `crypto` to its end. */
export function crypto(args: readonly string[], options: CliOptions = {}): Promise<Run> {
  return exec([...options.wrapper ?? [], PROGRAM, ...args], options);
}

/** Runs `crypto`, which must succeed and say nothing, and gives what it wrote. */
export async function succeeds(args: readonly string[], options: CliOptions = {}): Promise<Bytes> {
  const { code, stdout, stderr } = await crypto(args, options);
  assert.deepEqual([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

/** Like {@linkcode succeeds}, for what is a text. */
export async function prints(args: readonly string[], options: CliOptions = {}): Promise<string> {
  return text(await succeeds(args, options));
}

/** Runs `crypto`, which must fail with a code's exit status and leave nothing on standard output. */
export async function fails(
  code: ErrorCode,
  args: readonly string[],
  options: CliOptions = {},
): Promise<Run> {
  const run = await crypto(args, options);
  failedWith(code, run, args.join(" "));
  assert.equal(text(run.stdout), "", args.join(" "));
  return run;
}

/** Asserts that a run ended with a code's exit status, an explanation and a hint. */
export function failedWith(code: ErrorCode, { code: status, stderr }: Run, what = ""): void {
  assert.equal(status, ERRORS[code].exit, `${what}\n${stderr}`);
  assert.match(stderr, /^crypto: .+\n {2}hint: .+\n$/, what);
  assert.ok(stderr.includes(ERRORS[code].message), `${what}\n${stderr}`);
}

/** The text that some bytes are. */
export function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** A temporary folder. */
export class Folder implements Disposable {
  readonly path: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "cf-" }));

  /** The path of a name in it. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): string {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(this.at(name), bytes);
    return this.at(name);
  }

  read(name: string): Bytes {
    return Deno.readFileSync(this.at(name));
  }

  /** Permission bits of a file. */
  mode(name: string): number {
    return (Deno.statSync(this.at(name)).mode ?? 0) & 0o777;
  }

  /** All names, hidden ones too, in order. */
  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** `length` bytes that do not repeat for long, the same every time. */
export function sample(length: number): Bytes {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0, state = 1; i < words.length; i++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Equality of bytes; quick and brief for megabytes. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  assert.equal(actual.length, expected.length, `length ${what}`);
  assert.ok(indexedCompare(actual, expected), `content ${what}`);
}

function indexedCompare(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A program on a terminal. */
export interface TerminalJob extends CliOptions {
  /** What the program is to write before something is typed, or it gets a signal. */
  readonly steps?: readonly (
    & { readonly expect: string }
    & ({ readonly send: string } | { readonly signal: Deno.Signal })
  )[];
  /** Descriptors that are files instead. */
  readonly redirect?: Readonly<Record<string, string>>;
  /** What runs, with its first arguments; `crypto` unless given. */
  readonly program?: readonly string[];
}

/** What became of a program on a terminal. */
export interface TerminalRun {
  readonly output: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** Whether the terminal shows what is typed. */
  readonly echo: boolean;
  /** Steps that did not come. */
  readonly left: number;
}

/** Runs `crypto` on a terminal of its own. */
export async function onTerminal(
  args: readonly string[],
  options: TerminalJob,
): Promise<TerminalRun> {
  const { env = plainEnvironment(), cwd = "/", patience = PATIENCE } = options;
  const { steps = [], redirect = {}, program = [PROGRAM] } = options;
  const script = fileURLToPath(new URL("on_terminal.py", import.meta.url));
  const job = { command: [...program, ...args], env, cwd, redirect, steps, patience };
  const run = await exec(["python3", script], { stdin: JSON.stringify(job) });
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(text(run.stdout)) as TerminalRun;
}

/** Registers a test, or says why there is none. */
export function testIf(
  why: string | undefined,
  name: string,
  body: () => Promise<void> | void,
): void {
  if (why !== undefined) console.log(`SKIP: ${name}: ${why}`);
  Deno.test({ name, ignore: why !== undefined, fn: body });
}

/** Why a test that needs root cannot be; undefined if it can. */
export const NOT_ROOT: string | undefined = Deno.uid() === 0 ? undefined : "it needs root";

/** Why a test that needs some programs cannot be; undefined if it can. */
export function missing(...programs: readonly string[]): string | undefined {
  const path = (Deno.env.get("PATH") ?? "").split(":");
  const absent = programs.find((name) => !path.some((folder) => isThere(`${folder}/${name}`)));
  return absent === undefined ? undefined : `there is no ${absent}`;
}

const APT_LOCK = "/tmp/crypto-tests-apt.lock";
const INSTALLING = 180_000;

/**
 * Why a program cannot be used; undefined once it is there. Root has it installed by apt.
 *
 * @param packageName the package that has it
 */
export async function installed(
  program: string,
  packageName: string = program,
): Promise<string | undefined> {
  const absent = missing(program);
  if (absent === undefined || NOT_ROOT || missing("apt-get")) return absent;
  const env = { ...Deno.env.toObject(), DEBIAN_FRONTEND: "noninteractive" };
  // One at a time: two halves of the tests run side by side.
  const apt = (...args: string[]) => {
    return exec(["flock", APT_LOCK, "apt-get", "-qq", ...args], { env, patience: INSTALLING });
  };
  const install = ["install", "--no-install-recommends", packageName];
  if ((await apt(...install)).code !== 0) {
    await apt("update");
    await apt(...install);
  }
  return missing(program);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The program as a word for a shell's line. */
export const SHELL_PROGRAM: string = quote(PROGRAM);

/** A text as one word of a shell's line. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const PIPED_IN = `
import fcntl, os, sys
r, w = os.pipe()
fcntl.fcntl(w, 1031, 1 << 20)
os.write(w, open(sys.argv[1], "rb").read())
os.close(w)
os.dup2(r, 0)
os.execv(sys.argv[2], sys.argv[2:])
`;

/** A command whose standard input is a pipe with a file in it, which nobody can write to any more. */
export function pipedIn(path: string, ...command: readonly string[]): string[] {
  return ["python3", "-c", PIPED_IN, path, ...command];
}
