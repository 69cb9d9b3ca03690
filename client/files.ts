/**
 * The files and pipes of a command: all opened before the permissions are given up, outputs
 * without a name until they are complete.
 */
import type { Bytes } from "../core/bytes.ts";
import { toBase64Url } from "../core/base64.ts";
import { randomBytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { Files, type Pipes, sizeIfReady } from "../platform/files.ts";
import type { Sink, Source } from "./stream.ts";
import { STANDARD } from "./flags.ts";

const STDIN = 0;
const STDOUT = 1;
const PIPE_BYTES = 1_048_576;

/** Something to read from. */
export interface Input extends Source {
  /** For messages to people. */
  readonly name: string;
  /** Bytes, if that is known before reading. */
  readonly size: number | undefined;
}

/** Something to write to. Nothing is there under its name before {@link publish}. */
export interface Output extends Sink {
  /** For messages to people. */
  readonly name: string;
  publish(): Promise<void>;
  /** Forgets what was written, where that is possible. */
  discard(): void;
}

/** How an output file is made. */
export interface OutputOptions {
  readonly pipes: Pipes;
  /** Replace what has the name. */
  readonly force: boolean;
  /** Permission bits before the umask. */
  readonly mode: number;
}

/** How many bytes some inputs have at least, about, as far as can be told before they are opened. */
export function sizeOfAll(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + sizeOf(path), 0);
}

function sizeOf(path: string): number {
  if (path === STANDARD) return sizeIfReady(STDIN) ?? 0;
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile ? size : 0;
  } catch {
    // Opening it will tell why.
    return 0;
  }
}

/** Opens a file, or standard input for `-`. @throws {CryptoError} `io` */
export function openInput(path: string, pipes: Pipes): Input {
  if (path === STANDARD) return standardInput(pipes);
  try {
    const { isFile, isDirectory, size } = Deno.statSync(path);
    if (isDirectory) throw new CryptoError("io", { subject: path, hint: "this is a directory" });
    if (isFile) return { size, ...reading(getFiles().openOld(path), path, pipes) };
    const file = Deno.openSync(path);
    return { name: path, size: undefined, read: (to) => readFrom(file, path, to) };
  } catch (error) {
    throw inputError(error, path);
  }
}

function standardInput(pipes: Pipes): Input {
  const name = "standard input";
  const isReady = sizeIfReady(STDIN) !== undefined;
  // Some of a file may have been read by others: how much comes is not known.
  if (isReady) return { size: undefined, ...reading(STDIN, name, pipes) };
  pipes.enlargePipe(STDIN, PIPE_BYTES);
  const waitReadable = () => pipes.waitReadable(STDIN);
  const read = (buffer: Bytes) => readFrom(Deno.stdin, name, buffer, waitReadable);
  return { name, size: undefined, read };
}

/** Reading of what is ready, on this thread. The runtime's other way takes several times as long. */
function reading(fd: number, name: string, pipes: Pipes) {
  // deno-lint-ignore require-await -- what it throws is to come as the promise's failure
  const read = async (buffer: Bytes) => pipes.readNow(fd, buffer, name) || null;
  return { name, ready: true, fd, read };
}

/** What the runtime reads from. */
interface Readable {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Reads; where others made the descriptor non-blocking, waits instead of failing. */
async function readFrom(
  file: Readable,
  name: string,
  buffer: Bytes,
  waitReadable?: () => Promise<void>,
): Promise<number | null> {
  for (;;) {
    try {
      return await file.read(buffer);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock) || !waitReadable) {
        throw inputError(error, name);
      }
      await waitReadable();
    }
  }
}

function inputError(error: unknown, path: string): CryptoError {
  if (error instanceof CryptoError) return error;
  return new CryptoError("io", { subject: path, hint: inputHint(error), cause: error });
}

function inputHint(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "you may not read it";
  if (error instanceof Deno.errors.NotADirectory) return "a part of the path is not a directory";
  return undefined;
}

/** Standard output. What went out cannot be taken back; only the exit status tells of a failure. */
export function standardOutput(pipes: Pipes): Output {
  pipes.enlargePipe(STDOUT, PIPE_BYTES);
  return {
    ...writing(STDOUT, "standard output", sizeIfReady(STDOUT) !== undefined, pipes),
    publish: () => Promise.resolve(),
    discard: () => {},
  };
}

/** Writing to a descriptor: of one that is ready, on this thread. */
function writing(fd: number, name: string, ready: boolean, pipes: Pipes) {
  if (!ready) return { name, write: (bytes: Bytes) => pipes.writeAll(fd, bytes, name) };
  // deno-lint-ignore require-await -- as in reading
  const write = async (bytes: Bytes) => pipes.writeNow(fd, bytes, name);
  return { name, ready, fd, write };
}

let loadedFiles: Files | undefined;

/** Loaded when the first output file is opened: a pipe needs nothing of it. */
function getFiles(): Files {
  return loadedFiles ??= new Files();
}

/**
 * A new file. Until it is published it has no name, or, on file systems that cannot do that, a
 * hidden one.
 * @throws {CryptoError} `file_exists`, `io`
 */
export function openOutput(named: string, options: OutputOptions): Output {
  const path = Deno.build.os === "windows" ? named.replaceAll("\\", "/") : named;
  requireFileName(path, options.force);
  const fd = getFiles().openNameless(parent(path), options.mode);
  return fd === undefined
    ? namedOutput(path, hiddenName(path), options)
    : namelessOutput(fd, path, options);
}

function namelessOutput(fd: number, path: string, { pipes, force }: OutputOptions): Output {
  const files = getFiles();
  return {
    ...writing(fd, path, true, pipes),
    async publish() {
      if (force) await replace(fd, path, files);
      else files.linkNameless(fd, path);
      files.close(fd);
    },
    discard: () => files.close(fd),
  };
}

/** Puts a nameless file in another's place. It is on the disk before the other is gone. */
async function replace(fd: number, path: string, files: Files): Promise<void> {
  const hidden = hiddenName(path);
  await files.sync(fd, path);
  files.linkNameless(fd, hidden);
  try {
    files.rename(hidden, path);
  } catch (error) {
    files.unlink(hidden);
    throw error;
  }
}

function namedOutput(path: string, hidden: string, options: OutputOptions): Output {
  const { pipes, force, mode } = options;
  const files = getFiles();
  const fd = files.openNew(hidden, mode, path);
  return {
    ...writing(fd, path, true, pipes),
    async publish() {
      await files.sync(fd, path);
      if (force) {
        files.rename(hidden, path);
      } else {
        files.publish(hidden, path);
      }
      files.close(fd);
    },
    discard() {
      files.close(fd);
      files.unlink(hidden);
    },
  };
}

/** Not made of the path's last part, which may be as long as a name can be. */
function hiddenName(path: string): string {
  return `${parent(path)}/.crypto.${toBase64Url(randomBytes(9))}`;
}

/** Refuses, before any work is done, what cannot or should not become the new file's name. */
function requireFileName(path: string, force: boolean): void {
  if (path === "" || path.endsWith("/")) {
    throw new CryptoError("io", { subject: path || '""', hint: "this is not the name of a file" });
  }
  if (isSpecial(path)) {
    const hint = "this is not a regular file: use --output - and let the shell write there";
    throw new CryptoError("io", { subject: path, hint });
  }
  if (!force && exists(path)) throw new CryptoError("file_exists", { subject: path });
}

/** A directory, or a device that to replace would break the system. */
function isSpecial(path: string): boolean {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
