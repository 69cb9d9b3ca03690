/** Rewraps many files over one connection, in a worker that may touch those and nothing else. */
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { forbidCoreDumps } from "../../platform/process.ts";
import { RegularFiles } from "../../platform/regular.ts";
import { runRole } from "../../platform/worker.ts";
import { connectTo } from "../bound.ts";
import type { Target } from "../reach.ts";
import { type FileParts, type Outcome, rewrapFile, Unchanged } from "./file.ts";
import { type Standing, Versions } from "./versions.ts";
import { asError, ENDING, walk, type Walked } from "./walk.ts";

/** What the worker is asked. */
export interface RewrapTask extends Pick<FileParts, "context" | "dryRun" | "fresh"> {
  readonly target: Target;
  /** Absolute, and without symbolic links on their way. */
  readonly paths: readonly string[];
  readonly recursive: boolean;
  readonly uid: number;
}

/** A file that was not rewrapped, and why. */
export interface Failure {
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** What became of all of them. */
export interface Report {
  rewrapped: number;
  /** Under the newest version before. */
  current: number;
  /** No messages, messages that no version is named in, symbolic links, no regular files. */
  readonly passed: Record<Passed, number>;
  readonly failed: Failure[];
  /** Not on the newest version after all, or with `fresh` not encrypted anew: for another run. */
  left: number;
  /** How many files and bytes are under which version now. */
  versions: readonly Standing[];
}

type Passed = "other" | "passphrase" | "fernet" | "link" | "special";

/** What is told meanwhile: files, and bytes that were encrypted anew; or a failure. */
export type Event =
  | { readonly done: number; readonly bytes: number }
  | { readonly failure: Failure };

/** Files that are worked on at once: most of the time is waiting for the disk. */
const WIDTH = { enveloped: 64, fresh: 2 } as const;
/** Milliseconds between two tellings of how far it is. */
const TELLING = 100;

/** Runs in the worker. */
export function runRewrapRole(): void {
  forbidCoreDumps();
  const tools = { engine: loadLibcrypto(), files: new RegularFiles() };
  runRole<RewrapTask, Report, Event>((task, tell) => rewrapAll(task, tools, tell));
}

/** Rewraps all files of a task. Connects before it gives up the loading of libraries. */
export async function rewrapAll(
  task: RewrapTask,
  tools: Pick<FileParts, "engine" | "files">,
  tell: (event: Event) => void,
): Promise<Report> {
  const service = await connectTo(task.target);
  dropLibraryPermission();
  try {
    const versions = new Versions(await service.keys());
    const { context, dryRun, fresh, uid } = task;
    const parts = { ...tools, service, versions, context, dryRun, fresh, uid };
    const rewrapper = new Rewrapper(parts, tell, task.recursive);
    const files = walk(task.paths, task);
    const width = fresh ? WIDTH.fresh : WIDTH.enveloped;
    await Promise.all(Array.from({ length: width }, () => rewrapper.work(files)));
    // What was the newest version when a file was brought to it may not be that any more.
    if (!rewrapper.isGone) versions.learn(await service.keys());
    return rewrapper.report();
  } finally {
    // A thread that still waited for the daemon would outlive the memory that it writes into.
    await service.close();
  }
}

class Rewrapper {
  readonly #report: Report = {
    rewrapped: 0,
    current: 0,
    passed: { other: 0, passphrase: 0, fernet: 0, link: 0, special: 0 },
    failed: [],
    left: 0,
    versions: [],
  };
  readonly #parts: FileParts;
  /** Under which version each file is that was not refused, and how many. */
  readonly #settled = new Map<Standing, number>();
  /** What has ended it: the rest is only looked at. */
  #end: ErrorCode | undefined;
  #done = 0;
  #bytes = 0;
  #told = 0;

  constructor(
    parts: Omit<FileParts, "onBytes">,
    private readonly tell: (event: Event) => void,
    private readonly recursive: boolean,
  ) {
    this.#parts = { ...parts, onBytes: (bytes) => this.#progress(0, bytes) };
  }

  /** Whether the daemon cannot be asked any more. */
  get isGone(): boolean {
    return this.#end === "unavailable";
  }

  /** Takes one after the other. Several may take from the same files. */
  async work(files: AsyncGenerator<Walked, void>): Promise<void> {
    for (let next; !(next = await files.next()).done;) {
      await this.#take(next.value);
      this.#progress(1, 0);
    }
  }

  #progress(files: number, bytes: number): void {
    this.#done += files;
    this.#bytes += bytes;
    const now = performance.now();
    if (now - this.#told < TELLING) return;
    this.#told = now;
    this.tell({ done: this.#done, bytes: this.#bytes });
  }

  async #take(walked: Walked): Promise<void> {
    const { path } = walked;
    if ("error" in walked) return this.#fail(path, walked.error);
    if ("passed" in walked) return void this.#report.passed[walked.passed]++;
    const dryRun = this.#parts.dryRun || this.#end !== undefined;
    try {
      this.#note(path, await rewrapFile(path, { ...this.#parts, dryRun }));
    } catch (thrown) {
      const error = asError(path, thrown instanceof Unchanged ? thrown.cause : thrown);
      const isFirst = !this.#end;
      if (ENDING.has(error.code)) this.#end ??= error.code;
      if (thrown instanceof Unchanged && thrown.under) count(thrown.under, thrown.bytes);
      // Of the many that were asked about at once, one tells it.
      if (isFirst || !ENDING.has(error.code)) this.#fail(path, error);
      else this.#report.left++;
    }
  }

  #note(path: string, outcome: Outcome): void {
    if ("under" in outcome) {
      const { changed, under, bytes } = outcome;
      count(under, bytes);
      if (changed) this.#report.rewrapped++;
      else if (this.#end && this.#parts.fresh) return void this.#report.left++;
      else if (under.newest) this.#report.current++;
      this.#settled.set(under, (this.#settled.get(under) ?? 0) + 1);
    } else if (this.recursive) {
      this.#report.passed[outcome.holds]++;
    } else {
      this.#fail(
        path,
        new CryptoError("malformed", { subject: path, hint: NOTHING[outcome.holds] }),
      );
    }
  }

  #fail(path: string, { code, message, hint }: CryptoError): void {
    const failure = { path, code, message, hint };
    this.#report.failed.push(failure);
    this.tell({ failure });
  }

  /** To be asked for when the last versions are known. */
  report(): Report {
    const report = { ...this.#report };
    for (const [{ newest }, files] of this.#settled) if (!newest) report.left += files;
    report.failed.sort((a, b) => a.path < b.path ? -1 : 1);
    return { ...report, versions: this.#parts.versions.counted() };
  }
}

const NOTHING = {
  other: "it holds no message of crypto's",
  passphrase: "it is under a passphrase, not under a key: encrypt it anew to change that",
  fernet: "a Fernet token names no version: decrypt it and encrypt it anew",
} as const;

function count(under: Standing, bytes: number): void {
  under.files++;
  under.bytes += bytes;
}
