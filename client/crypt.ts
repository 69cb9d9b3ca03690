/**
 * `crypto encrypt` and `crypto decrypt`: open everything that was named, give up every permission,
 * then read the first byte.
 */
import { utf8 } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { about, CryptoError } from "../core/errors.ts";
import { Pipes } from "../platform/files.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { connectBound } from "./bound.ts";
import {
  type Input,
  openInput,
  openOutput,
  type Output,
  sizeOfAll,
  standardOutput,
} from "./files.ts";
import type { DaemonFlags } from "./identity.ts";
import type { KeyService } from "./keyservice.ts";
import type { SecondLane } from "./lanes.ts";
import { decryptFlow, encryptFlow, encryptPassphraseFlow } from "./message.ts";
import { openPassphrase } from "./passphrase.ts";
import { type Flow, prepend, pump, watched } from "./stream.ts";
import { Progress } from "./terminal.ts";
import { type ClientContext, STANDARD } from "./flags.ts";
import {
  DECRYPTED_MODE,
  ENCRYPTED_MODE,
  refuseFilesBeside,
  refuseTerminal,
  warnOfArgument,
} from "./text.ts";

/** What both commands are told. */
export interface CryptFlags extends DaemonFlags {
  readonly text?: string | undefined;
  readonly output?: string | undefined;
  readonly context?: string | undefined;
  readonly key?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly force: boolean;
  readonly quiet: boolean;
}

/** What `encrypt` is told besides. */
export interface EncryptFlags extends CryptFlags {
  readonly armor: boolean;
  readonly passphrase: boolean;
}

/** The most files of one call: each holds two descriptors from the start. */
export const MAX_FILES = 256;
const SUFFIX = ".crypto";
/** Bytes from which on two threads are sooner done than one. */
const LARGE = 1 << 28;

/** An input and where it goes. */
export interface Job {
  readonly input: Input;
  readonly output: Output;
}

/** What data goes through. */
interface Tools {
  readonly engine: Engine | undefined;
  readonly pipes: Pipes;
  readonly second: SecondLane | undefined;
}

/** `crypto encrypt`, but of what the daemon does: see `text.ts` and `piped.ts`. */
export async function encrypt(
  { script }: ClientContext,
  flags: EncryptFlags,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  refuseContradictions(flags);
  const starting = flags.armor ? undefined : startSecond(script, flags, files);
  const isText = flags.text !== undefined;
  const engine = engineFor(flags);
  warnOfArgument(flags);
  if (!isText && !flags.armor) refuseTerminal(flags, files);
  await withJobs(flags, files, ENCRYPTED, async (jobs, pipes) => {
    const passphrase = underPassphrase(flags) ? openPassphrase(flags, pipes, true) : undefined;
    const service = passphrase ? undefined : await connectBound(flags);
    const tools = { engine, pipes, second: await starting };
    dropAllPermissions();

    const { key, context, armor } = flags;
    await runAll(jobs, flags, tools, async (input) => {
      const settings = { key, context, armor: armor || isText, engine, size: input.size };
      if (service) return await encryptFlow(service, input, settings);
      return await encryptPassphraseFlow(await passphrase!(), input, settings);
    });
    service?.close();
  });
}

/** `crypto decrypt`, but of a direct message that is a text: see `text.ts`. */
export async function decrypt(
  { script }: ClientContext,
  flags: CryptFlags,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  const starting = startSecond(script, flags, files);
  const engine = engineFor(flags);
  await withJobs(flags, files, DECRYPTED, async (jobs, pipes) => {
    const passphrase = openPassphrase(flags, pipes, false);
    const service = await tryConnect(flags);
    const tools = { engine, pipes, second: await starting };
    dropAllPermissions();

    const options = { key: flags.key, context: flags.context, engine, passphrase };
    await runAll(jobs, flags, tools, (input) => {
      return decryptFlow(service.get, input, { ...options, size: input.size });
    });
    service.close();
  });
}

/** The fast engine, unless the daemon does the work: loading it takes longer than a text does. */
function engineFor({ text }: CryptFlags): Engine | undefined {
  return text === undefined ? loadLibcrypto() : undefined;
}

/** How a command names its output files, and their permission bits before the umask. */
export interface OutputRule {
  readonly nameOf: (file: string) => string;
  readonly mode: number;
}

function encryptedName(file: string): string {
  return file + SUFFIX;
}

function decryptedName(file: string): string {
  const name = file.endsWith(SUFFIX) ? file.slice(0, -SUFFIX.length) : "";
  if (name !== "" && !name.endsWith("/")) return name;
  const hint = `its name does not end in ${SUFFIX}: say where to write with --output`;
  throw new CryptoError("usage", { subject: file, hint });
}

const ENCRYPTED: OutputRule = { nameOf: encryptedName, mode: ENCRYPTED_MODE };
const DECRYPTED: OutputRule = { nameOf: decryptedName, mode: DECRYPTED_MODE };

/**
 * Opens every input and every output, then works; if one cannot be opened, nothing was done.
 * Whatever fails, no output of a job that is still in the set is left.
 */
export async function withJobs(
  flags: CryptFlags,
  files: readonly string[],
  rule: OutputRule,
  work: (jobs: Set<Job>, pipes: Pipes) => Promise<void>,
): Promise<void> {
  refuseFilesBeside(flags, files);
  requireSensibleFiles(flags, files);
  const pipes = new Pipes();
  const jobs = new Set<Job>();
  try {
    for (const job of openJobs(flags, files, rule, pipes)) jobs.add(job);
    await work(jobs, pipes);
  } finally {
    for (const { output } of jobs) output.discard();
  }
}

function* openJobs(
  flags: CryptFlags,
  files: readonly string[],
  { nameOf, mode }: OutputRule,
  pipes: Pipes,
): Generator<Job> {
  const open = (path: string) => {
    if (path === STANDARD) return standardOutput(pipes);
    return openOutput(path, { pipes, force: flags.force, mode });
  };
  if (flags.text !== undefined) {
    return yield { input: textInput(flags.text), output: open(flags.output ?? STANDARD) };
  }
  for (const file of orStandard(files)) {
    const input = openInput(file, pipes);
    const target = flags.output ?? (file === STANDARD ? STANDARD : nameOf(file));
    yield { input, output: open(target) };
  }
}

function requireSensibleFiles({ output }: CryptFlags, files: readonly string[]): void {
  const problem = output !== undefined && files.length > 1
    ? "--output names one file, so only one can be read"
    : files.length > MAX_FILES
    ? `at most ${MAX_FILES} files at a time`
    : files.filter((file) => file === STANDARD).length > 1
    ? "standard input can be read once"
    : undefined;
  if (problem) throw new CryptoError("usage", { hint: problem });
}

export function underPassphrase({ passphrase, passphraseFile }: EncryptFlags): boolean {
  return passphrase || passphraseFile !== undefined;
}

/** One of the two would be ignored, and the user would believe in the other. */
function refuseContradictions(flags: EncryptFlags): void {
  const problem = flags.key !== undefined && underPassphrase(flags)
    ? "--key and a passphrase exclude each other"
    : flags.passphrase && flags.passphraseFile !== undefined
    ? "--passphrase asks for what --passphrase-file gives: use one of them"
    : undefined;
  if (problem) throw new CryptoError("usage", { hint: problem });
}

function textInput(text: string): Input {
  const bytes = utf8(text);
  const ended = { read: () => Promise.resolve(null) };
  return { name: "--text", size: bytes.length, read: prepend(bytes, ended).read };
}

/** Starts another thread where there is much to do, beside all that is done before. */
function startSecond(
  script: string,
  { text }: CryptFlags,
  files: readonly string[],
): Promise<SecondLane | undefined> {
  const isLarge = text === undefined && sizeOfAll(orStandard(files)) >= LARGE;
  if (!isLarge) return Promise.resolve(undefined);
  return watched(import("./lanes.ts").then(({ SecondLane }) => SecondLane.start(script)));
}

function orStandard(files: readonly string[]): readonly string[] {
  return files.length === 0 ? [STANDARD] : files;
}

/** Connects now, since later it is not permitted; complains when the daemon is needed. */
async function tryConnect(flags: DaemonFlags) {
  try {
    const service = await connectBound(flags);
    return { get: () => Promise.resolve(service), close: () => service.close() };
  } catch (error) {
    return { get: (): Promise<KeyService> => Promise.reject(error), close: () => {} };
  }
}

/**
 * Does one job after another and takes each that is done out of the set. All are started before:
 * one may take longer than the daemon waits for the next question.
 */
async function runAll(
  jobs: Set<Job>,
  flags: CryptFlags,
  tools: Tools,
  start: (input: Input) => Promise<Flow>,
): Promise<void> {
  const flows = new Map<Job, Flow>();
  for (const job of jobs) flows.set(job, await naming(job, start(job.input)));
  const drawProgress = !flags.quiet && Deno.stderr.isTerminal();
  for (const [job, flow] of flows) {
    await naming(job, run(job, flow, tools, drawProgress));
    jobs.delete(job);
  }
}

async function run(
  job: Job,
  flow: Flow,
  { engine, pipes, second }: Tools,
  drawProgress: boolean,
): Promise<void> {
  const { input, output } = job;
  const progress = new Progress(input.name, input.size, drawProgress);
  const onProgress = (bytes: number) => progress.update(bytes);
  try {
    if (second && engine) await second.pump(flow, job, { engine, pipes, onProgress });
    else await pump(flow, output, onProgress);
    await output.publish();
  } finally {
    progress.finish();
  }
}

/** What a promise gives; an error that names nothing yet happened to this job's input. */
async function naming<T>({ input }: Job, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw about(input.name, error);
  }
}
