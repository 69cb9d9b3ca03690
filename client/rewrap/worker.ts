/** Rewraps many files over one connection, in a worker that may touch those and nothing else. */
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { AttributeKeeper } from "../../platform/attributes.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { forbidCoreDumps } from "../../platform/process.ts";
import { runRole } from "../../platform/worker.ts";
import { connectTo, type Target } from "../bound.ts";
import { type FileParts, type Outcome, rewrapFile, Unchanged } from "./file.ts";
import { type Standing, Versions } from "./versions.ts";
import { asError, walk, type Walked } from "./walk.ts";

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
  /** How many files and bytes are under which version now. */
  versions: readonly Standing[];
}

type Passed = "other" | "passphrase" | "fernet" | "link" | "special";

/** What is told meanwhile. */
export type Event = { readonly done: number } | { readonly failure: Failure };

/** Files that are worked on at once: most of the time is waiting for the disk. */
const WIDTH = { enveloped: 64, fresh: 2 } as const;
/** Milliseconds between two tellings of how far it is. */
const TELLING = 100;

/** Runs in the worker. */
export function runRewrapRole(): void {
  forbidCoreDumps();
  const tools = { engine: loadLibcrypto(), keeper: new AttributeKeeper() };
  runRole<RewrapTask, Report, Event>((task, tell) => rewrapAll(task, tools, tell));
}

/** Rewraps all files of a task. Connects before it gives up the loading of libraries. */
export async function rewrapAll(
  task: RewrapTask,
  tools: Pick<FileParts, "engine" | "keeper">,
  tell: (event: Event) => void,
): Promise<Report> {
  const service = await connectTo(task.target);
  dropLibraryPermission();
  try {
    const versions = new Versions(await service.keys());
    const { context, dryRun, fresh } = task;
    const parts = { ...tools, service, versions, context, dryRun, fresh };
    const rewrapper = new Rewrapper(parts, tell, task.recursive);
    const files = walk(task.paths, task);
    const width = fresh ? WIDTH.fresh : WIDTH.enveloped;
    await Promise.all(Array.from({ length: width }, () => rewrapper.work(files)));
    return rewrapper.report();
  } finally {
    service.close();
  }
}

class Rewrapper {
  readonly #report: Report = {
    rewrapped: 0,
    current: 0,
    passed: { other: 0, passphrase: 0, fernet: 0, link: 0, special: 0 },
    failed: [],
    versions: [],
  };
  #done = 0;
  #told = 0;

  constructor(
    private readonly parts: FileParts,
    private readonly tell: (event: Event) => void,
    private readonly recursive: boolean,
  ) {}

  /** Takes one after the other. Several may take from the same files. */
  async work(files: AsyncGenerator<Walked, void>): Promise<void> {
    for (let next; !(next = await files.next()).done;) {
      await this.#take(next.value);
      this.#done++;
      const now = performance.now();
      if (now - this.#told < TELLING) continue;
      this.#told = now;
      this.tell({ done: this.#done });
    }
  }

  async #take(walked: Walked): Promise<void> {
    const { path } = walked;
    if ("error" in walked) return this.#fail(path, walked.error);
    if ("passed" in walked) return void this.#report.passed[walked.passed]++;
    try {
      this.#note(path, await rewrapFile(path, this.parts));
    } catch (error) {
      if (error instanceof Unchanged && error.under) count(error.under, error.bytes);
      this.#fail(path, asError(path, error instanceof Unchanged ? error.cause : error));
    }
  }

  #note(path: string, outcome: Outcome): void {
    if ("under" in outcome) {
      if (outcome.changed) this.#report.rewrapped++;
      else if (outcome.under.newest) this.#report.current++;
      count(outcome.under, outcome.bytes);
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

  report(): Report {
    const failed = this.#report.failed.toSorted((a, b) => a.path < b.path ? -1 : 1);
    return { ...this.#report, failed, versions: this.parts.versions.counted() };
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
