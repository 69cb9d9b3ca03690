/** The command line of rewrapping. */
import { buildCommand, type Command } from "../../core/command.ts";
import { type ClientContext, daemon, json } from "../flags.ts";
import type { RewrapFlags } from "./start.ts";

/** `crypto rewrap` */
export const rewrapCommand: Command<ClientContext> = buildCommand({
  async loader() {
    const { rewrap } = await import("./start.ts");
    return function (this: ClientContext, flags: RewrapFlags, ...files: string[]) {
      return rewrap(this, flags, files);
    };
  },
  parameters: {
    flags: {
      ...daemon,
      recursive: { kind: "boolean", default: false, brief: "Take all files in directories" },
      context: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "What direct messages are bound to, and with --fresh all",
      },
      dryRun: {
        kind: "boolean",
        default: false,
        brief: "Show what is on which version, change nothing",
      },
      fresh: {
        kind: "boolean",
        default: false,
        brief: "Decrypt and encrypt anew: after a leak; needs both rights",
      },
      json,
      quiet: { kind: "boolean", default: false, brief: "No progress" },
    },
    aliases: { r: "recursive", c: "context", n: "dryRun", q: "quiet" },
    positional: {
      kind: "array",
      parameter: { brief: "Files, or directories", parse: String, placeholder: "file" },
    },
  },
  docs: {
    brief: "Bring encrypted files to the newest version of their key",
    fullDescription: [
      "Bring encrypted files to the newest version of their key, in place: 112 bytes of each change,",
      "whatever its size. It needs neither the context nor the right to decrypt. Direct messages",
      "need their context. Killed at any point, the same command finishes.",
      "",
      "It retires a version; it does not undo a leak. --fresh does for what is still secret.",
    ].join("\n"),
    customUsage: [
      { input: "report.pdf.crypto", brief: "one file" },
      { input: "--recursive /srv/backups", brief: "all in a directory" },
      { input: "--dry-run --recursive /srv/backups", brief: "how many are on which version" },
      { input: "--context customer/42 card.crypto", brief: "a direct message" },
    ],
  },
});
