/**
 * What installing and removing consist of, as plain data: it can be printed, sent to the worker,
 * and done.
 */
import type { Program } from "../platform/programs.ts";

/** Whom a file belongs to: the service's ids are known only once its user has been made. */
export type Owner = "root" | "service";

/** One thing that is done to the system. Every one may be done again without harm. */
export type Action =
  /** A directory, with its mode and owner if it is new. */
  | {
    readonly do: "directory";
    readonly path: string;
    readonly mode: number;
    readonly owner: Owner;
  }
  /** A text file of root's that everybody may read, replaced in one step. */
  | { readonly do: "write"; readonly path: string; readonly text: string }
  /** A program that everybody may run, replaced in one step. */
  | { readonly do: "copy"; readonly from: string; readonly to: string }
  /** A second name for a file. */
  | { readonly do: "link"; readonly from: string; readonly to: string }
  /** Another name for a file; nothing if it is not there. */
  | { readonly do: "rename"; readonly from: string; readonly to: string }
  /** Removes a file, if it is there. */
  | { readonly do: "remove"; readonly path: string }
  /**
   * Removes a directory that whoever performs it itself made just before, and of what is in it the
   * names that are listed; fails if there is more.
   */
  | {
    readonly do: "unmakeDirectory";
    readonly path: string;
    readonly names: readonly string[];
  }
  /** Removes a directory, if it is there and empty. */
  | { readonly do: "removeEmpty"; readonly path: string }
  /** Removes a directory and all that is in it. */
  | { readonly do: "removeAll"; readonly path: string }
  /** Makes sealing key and ring, unless there is a ring. */
  | { readonly do: "makeKeys"; readonly sealingKey: string; readonly ring: string }
  /** Removes the keys that whoever performs it itself made just before, and no others. */
  | { readonly do: "unmakeKeys" }
  /** Runs a program of the system; `accept` are other statuses than 0 that are fine. */
  | {
    readonly do: "run";
    readonly program: Program;
    readonly args: readonly string[];
    readonly accept?: readonly number[];
  }
  /** Encrypts and decrypts as a member, and is refused as a stranger. */
  | { readonly do: "prove"; readonly program: string };

/** One step: its actions in order, and what takes it back, in the order in which that is done. */
export interface Step {
  readonly id: string;
  /** What it does, in words for people. */
  readonly title: string;
  readonly actions: readonly Action[];
  readonly undo: readonly Action[];
}

/** What will be done, in order. */
export interface Plan {
  readonly goal: "install" | "upgrade" | "finish" | "nothing" | "uninstall" | "purge";
  readonly steps: readonly Step[];
  /** What people should know: what is kept, and where. */
  readonly notes: readonly string[];
}

/** A step out of one action. */
export function step(id: string, title: string, action: Action, ...undo: Action[]): Step {
  return { id, title, actions: [action], undo };
}
