/** The command line of sharing. What each command needs is loaded when it runs. */
import {
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  type RouteMap,
} from "../core/command.ts";
import { attackCommand } from "./attack/command.ts";
import type { ManageFlags } from "./client/manage.ts";
import type { OpenFlags, RequestFlags, SendFlags } from "./client/run.ts";
import type { ShareContext } from "./client/session.ts";
import { doctorCommand } from "./doctor/command.ts";
import { parseSize, parseTtl, parseViews } from "./flags.ts";
import { serveCommand } from "./serve_command.ts";

type ShareCommandContext = ShareContext & CommandContext;
type ShareCommand = Command<ShareCommandContext>;

const server = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "origin",
  brief: "The share server [default: $CRYPTO_SHARE_SERVER, or one on this machine]",
} as const;
const json = { kind: "boolean", default: false, brief: "Print JSON" } as const;
const passphraseFile = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "file",
  brief: "Take the passphrase from a file's first line",
} as const;

const sendCommand: ShareCommand = buildCommand({
  async loader() {
    const { send } = await import("./client/run.ts");
    return function (this: ShareCommandContext, flags: SendFlags, ...files: string[]) {
      return send(this, flags, files);
    };
  },
  parameters: {
    flags: {
      server,
      to: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "link",
        brief: "Answer this request instead of making a link",
      },
      ttl: {
        kind: "parsed",
        parse: parseTtl,
        optional: true,
        placeholder: "time",
        brief: "How long it can be opened: 90s, 30m, 12h, 7d [default: 1d, or what is allowed]",
      },
      views: {
        kind: "parsed",
        parse: parseViews,
        optional: true,
        placeholder: "number",
        brief: "How often it can be opened [default: 1]",
      },
      text: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "This text instead of a file (others can read it: see the warning)",
      },
      passphrase: {
        kind: "boolean",
        default: false,
        brief: "A passphrase besides the link, asked for at the terminal",
      },
      passphraseFile,
      code: {
        kind: "boolean",
        default: false,
        brief: "A code of four words besides the link, to be told another way",
      },
      qr: { kind: "boolean", default: false, brief: "Show the link as a QR code, too" },
      json,
    },
    positional: {
      kind: "array",
      parameter: { brief: "Files and folders", parse: String, placeholder: "file" },
    },
  },
  docs: {
    brief: "Make a link that opens a text or files once",
    fullDescription: [
      "Make a link that opens a text or files once. Without a file the text comes from standard",
      "input, or is asked for. It is encrypted here; the server cannot read it. A folder is sent as",
      "one archive.",
      "",
      "The link goes to standard output. Whoever has all of it can open it: send it over a channel",
      "that you trust, or use --code. Programs that look at mail open links, too.",
    ].join("\n"),
    customUsage: [
      { input: "report.pdf --ttl 1d", brief: "a file" },
      { input: "--code < token.txt", brief: "a text, with a code to be spoken" },
      { input: "--views 3 photos/", brief: "a folder, for three" },
      { input: "--to 'https://share.example/s#request.…' scan.pdf", brief: "to who asked for it" },
    ],
  },
});

const requestCommand: ShareCommand = buildCommand({
  async loader() {
    const { request } = await import("./client/run.ts");
    return function (this: ShareCommandContext, flags: RequestFlags) {
      return request(this, flags);
    };
  },
  parameters: {
    flags: {
      server,
      ttl: {
        kind: "parsed",
        parse: parseTtl,
        optional: true,
        placeholder: "time",
        brief: "How long it can be answered, and the answer then be read: 90s, 30m, 12h, 7d " +
          "[default: 7d, or what is allowed]",
      },
      maxSize: {
        kind: "parsed",
        parse: parseSize,
        optional: true,
        placeholder: "size",
        brief: "The largest answer: 500k, 100M, 2G bytes [default: 100M, or what is allowed]",
      },
      qr: { kind: "boolean", default: false, brief: "Show the link as a QR code, too" },
      json,
    },
  },
  docs: {
    brief: "Make a link by which somebody hands a secret to you",
    fullDescription: [
      "Make a link by which somebody hands a text or files to you, once. It goes to standard output,",
      "and is for who is to answer: with `crypto share send --to LINK`. Whoever has it can",
      "answer; nobody can read an answer with it.",
      "",
      "You get another link, which alone reads the answer: keep it. `open`, `status` and `revoke`",
      "take it.",
    ].join("\n"),
    customUsage: [
      { input: "--ttl 3d", brief: "within three days" },
      { input: "--json > request.json", brief: "both links, for a program" },
    ],
  },
});

const openCommand: ShareCommand = buildCommand({
  async loader() {
    const { open } = await import("./client/run.ts");
    return function (this: ShareCommandContext, flags: OpenFlags, link?: string) {
      return open(this, flags, link);
    };
  },
  parameters: {
    flags: {
      output: {
        kind: "parsed",
        parse: String,
        default: ".",
        placeholder: "directory",
        brief: "Where files go",
      },
      passphraseFile,
    },
    aliases: { o: "output" },
    positional: {
      kind: "tuple",
      parameters: [{
        brief: "The link, in quotes [default: standard input]",
        parse: String,
        placeholder: "link",
        optional: true,
      }],
    },
  },
  docs: {
    brief: "Open a link: a text to standard output, files into a directory",
    fullDescription: [
      "Open a link: a text goes to standard output, files into a directory, readable by you alone.",
      "Nothing is replaced: a name that is taken gets a number. Ended in the middle, the same command",
      "goes on.",
      "",
      "Other users of this machine can read a link given as an argument until it is opened; from",
      "standard input nobody can.",
      "",
      "The server erases the secret when everything is written. Trust a text on standard output",
      "only if the exit status is 0.",
    ].join("\n"),
    customUsage: [
      { input: "'https://share.example/s#…'", brief: "a text, or files into this directory" },
      { input: "--output inbox 'https://share.example/s#…'", brief: "elsewhere" },
      { input: "< link.txt", brief: "a link that no other user is to see" },
      { input: "'https://share.example/s#own.…'", brief: "the answer to your request" },
    ],
  },
});

function manageCommand(call: "status" | "revoke" | "unlock", brief: string): ShareCommand {
  return buildCommand({
    async loader() {
      const { manage } = await import("./client/manage.ts");
      return function (this: ShareCommandContext, flags: ManageFlags, receipt?: string) {
        return manage(this, call, flags, receipt);
      };
    },
    parameters: {
      flags: { server, json },
      positional: {
        kind: "tuple",
        parameters: [{
          brief: "The receipt, or your own link of a request [default: standard input]",
          parse: String,
          placeholder: "receipt",
          optional: true,
        }],
      },
    },
    docs: { brief, customUsage: ["crypto:receipt:v1:…", "< receipt.txt"] },
  });
}

/**
 * `crypto share …`
 * @param more commands that other folders have
 */
export function shareRoutes<Context extends ShareCommandContext>(
  more: Readonly<Record<string, Command<Context>>>,
): RouteMap<Context> {
  return buildRouteMap({
    routes: {
      serve: serveCommand,
      send: sendCommand,
      request: requestCommand,
      open: openCommand,
      status: manageCommand("status", "Show whether and when a secret was opened"),
      revoke: manageCommand("revoke", "Erase a secret that you have sent, or take a request back"),
      unlock: manageCommand("unlock", "Give all attempts back after wrong passphrases"),
      attack: attackCommand,
      doctor: doctorCommand,
      ...more,
    },
    docs: {
      brief: "Hand a text or a file to one person, once",
      fullDescription: [
        "Hand a text or a file to one person, once.",
        "",
        "  $ crypto share serve &",
        "  $ crypto share send report.pdf --ttl 1d",
        "  $ crypto share open 'http://127.0.0.1:8787/s#…'",
      ].join("\n"),
    },
  });
}
