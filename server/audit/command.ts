/** The command line of what reads the audit log. What it needs is loaded when it runs. */
import {
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  type RouteMap,
} from "../../core/command.ts";
import { CryptoError } from "../../core/errors.ts";
import type { AuditContext, TailFlags, VerifyFlags } from "./run.ts";

type AuditCommandContext = AuditContext & CommandContext;
type AuditCommand = Command<AuditCommandContext>;

const MAX_LINES = 100_000;

const verifyCommand: AuditCommand = buildCommand({
  async loader() {
    const { verify } = await import("./run.ts");
    return function (this: AuditCommandContext, flags: VerifyFlags) {
      return verify(this, flags);
    };
  },
  parameters: {
    flags: {
      heads: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "file",
        brief: "Take published heads from a file, or - for standard input, not from the journal",
      },
      former: {
        kind: "parsed",
        parse: String,
        optional: true,
        variadic: true,
        placeholder: "log",
        brief: "A log that this one has rightly taken the place of; its heads are set aside",
      },
    },
  },
  docs: {
    brief: "Find lines that were changed, removed, moved or cut off",
    fullDescription: [
      "Find lines of the audit log that were changed, removed, moved or cut off: each line names the",
      "hash of the one before, and heads of that chain are in the journal. Says where, and what it",
      "cannot see.",
    ].join("\n"),
    customUsage: [
      { input: "", brief: "with the heads in this machine's journal" },
      { input: "--heads heads.txt", brief: "with those that another machine has kept" },
      { input: "--former 3f2a90c1d45b7e68", brief: "after a new installation" },
    ],
  },
});

const word = { kind: "parsed", parse: String, optional: true } as const;

const tailCommand: AuditCommand = buildCommand({
  async loader() {
    const { tail } = await import("./run.ts");
    return function (this: AuditCommandContext, flags: TailFlags) {
      return tail(this, flags);
    };
  },
  parameters: {
    flags: {
      lines: {
        kind: "parsed",
        parse: readCount,
        default: "20",
        placeholder: "number",
        brief: "How many of the last lines",
      },
      follow: { kind: "boolean", default: false, brief: "Go on with those that come" },
      json: { kind: "boolean", default: false, brief: "Print the lines as they are" },
      user: { ...word, placeholder: "user", brief: "Only of this user, by name or number" },
      key: { ...word, placeholder: "name", brief: "Only with this key" },
      op: { ...word, placeholder: "method", brief: "Only of this method, such as decrypt" },
      errors: { kind: "boolean", default: false, brief: "Only what was not done" },
    },
    aliases: { f: "follow", n: "lines" },
  },
  docs: {
    brief: "Show the last lines",
    customUsage: ["", "--follow --errors", "--json --lines 1000 --key invoices"],
  },
});

function readCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (count <= MAX_LINES) return count;
  throw new CryptoError("usage", { subject: text, hint: `give a number up to ${MAX_LINES}` });
}

/** `crypto audit …` */
export const auditRoutes: RouteMap<AuditCommandContext> = buildRouteMap({
  routes: { verify: verifyCommand, tail: tailCommand },
  docs: { brief: "Read the audit log, and see whether it was changed" },
});
