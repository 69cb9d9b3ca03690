/** The command line of macs. What it needs is loaded when it runs. */
import { buildCommand, type Command } from "../core/command.ts";
import { type ClientContext, daemon } from "./flags.ts";
import type { MacFlags } from "./mac.ts";

const macFlags = {
  context: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Bind the mac to this text: verifying needs the same",
  },
  key: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "name",
    brief: "The key, of the purpose mac [default: mac when making one, the mac's own]",
  },
  ...daemon,
  quiet: { kind: "boolean", default: false, brief: "No progress" },
} as const;

const aliases = { c: "context", k: "key", q: "quiet" } as const;

const file = {
  brief: "The file; - is standard input, and the default",
  parse: String,
  placeholder: "file",
  optional: true,
} as const;

/** `crypto mac` */
export const macCommand: Command<ClientContext> = buildCommand({
  async loader() {
    const { mac } = await import("./mac.ts");
    return function (this: ClientContext, flags: MacFlags, path?: string) {
      return mac(flags, this.print, path);
    };
  },
  parameters: { flags: macFlags, aliases, positional: { kind: "tuple", parameters: [file] } },
  docs: {
    brief: "Make a mac, by which verify-mac finds out whether data were changed",
    fullDescription: [
      "Make a message authentication code (mac) of a file or standard input, of any size: one line",
      "of text. The data are hashed here; only the hash goes to the daemon. It needs a key of that",
      "purpose: `crypto key create mac --purpose mac`.",
    ].join("\n"),
    customUsage: [
      { input: "report.pdf > report.pdf.mac", brief: "a file" },
      { input: "--context backup/2026-11 < backup.tar", brief: "a stream, bound to a context" },
    ],
  },
});

/** `crypto verify-mac` */
export const verifyMacCommand: Command<ClientContext> = buildCommand({
  async loader() {
    const { verifyMac } = await import("./mac.ts");
    return (flags: MacFlags, text: string, path?: string) => verifyMac(flags, text, path);
  },
  parameters: {
    flags: macFlags,
    aliases,
    positional: {
      kind: "tuple",
      parameters: [{ brief: "What `crypto mac` printed", parse: String, placeholder: "mac" }, file],
    },
  },
  docs: {
    brief: "Verify a mac: the exit status is 0 if it fits",
    customUsage: [{ input: '"$(cat report.pdf.mac)" report.pdf', brief: "a file" }],
  },
});
