/** What is there before anything is changed: all that a plan depends on. */
import type { Account } from "./account.ts";
import type { Manifest } from "./manifest.ts";
import type { Places } from "./places.ts";

/** What a path is, without following links. */
export interface FileFact {
  readonly type: "file" | "directory" | "link" | "other";
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
  /** Of a file that install writes. */
  readonly sha256?: string;
  /** Of a small one, so that it can be put back. */
  readonly text?: string;
}

/** The program that is running. */
export interface RunningProgram {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** A unit as systemd knows it. */
export interface UnitFact {
  readonly enabled: boolean;
  /** Always false in an image. */
  readonly active: boolean;
}

/** The system as it was found. */
export interface Facts {
  readonly places: Places;
  readonly version: string;
  /** Undefined when it runs from source. */
  readonly program: RunningProgram | undefined;
  /** Whether it is root who asks. */
  readonly root: boolean;
  /** Whether systemd runs here. */
  readonly systemd: boolean;
  readonly account: Account | undefined;
  /** The id of the service's group, which may be without its user. */
  readonly group: number | undefined;
  readonly manifest: Manifest | undefined;
  /** The paths that are there, of those that matter. */
  readonly files: Readonly<Record<string, FileFact>>;
  /** Names in the directories of configuration, state and credentials. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly service: UnitFact;
  readonly socket: UnitFact;
  /** Bytes free where the program goes. */
  readonly freeBytes: number;
}
