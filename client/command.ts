/**
 * The command line of everything that asks the daemon. What encrypts and decrypts is loaded with
 * it, since mostly that is what runs; the rest when it is used.
 */
import {
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  type RouteMap,
} from "@stricli/core";
import type { Purpose } from "../core/ring.ts";
import { type CryptFlags, decrypt, encrypt, type EncryptFlags } from "./crypt.ts";
import type { ManageFlags, Print, PurposeFlags } from "./manage.ts";

/** What the program hands to these subcommands. */
export interface ClientContext extends CommandContext {
  /** Prints data on standard output. */
  readonly print: Print;
}

type ClientCommand = Command<ClientContext>;

const socket = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "path",
  brief: "The daemon's socket [default: $CRYPTO_SOCKET, the system's, the user's]",
} as const;
const json = { kind: "boolean", default: false, brief: "Print JSON" } as const;
const purpose = {
  kind: "enum",
  values: ["seal", "fernet"] satisfies Purpose[],
  default: "seal",
  brief: "What the key is for: seal, or fernet for an older service's data",
} as const;

const cryptFlags = {
  text: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "This text instead of a file (others can read it: see the warning)",
  },
  output: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "file",
    brief: "Write here; - is standard output",
  },
  context: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Bind the message to this text: decrypting needs the same",
  },
  key: { kind: "parsed", parse: String, optional: true, placeholder: "name", brief: "The key" },
  passphraseFile: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "file",
    brief: "Take the passphrase from a file's first line; needs no daemon",
  },
  socket,
  force: { kind: "boolean", default: false, brief: "Replace an output file that exists" },
  quiet: { kind: "boolean", default: false, brief: "No progress and no warnings" },
} as const;

const files = {
  kind: "array",
  parameter: { brief: "Files; - is standard input", parse: String, placeholder: "file" },
} as const;

const cryptAliases = {
  t: "text",
  o: "output",
  c: "context",
  k: "key",
  f: "force",
  q: "quiet",
} as const;

/** `crypto encrypt` */
export const encryptCommand: ClientCommand = buildCommand({
  func: (flags: EncryptFlags, ...paths: string[]) => encrypt(flags, paths),
  parameters: {
    flags: {
      ...cryptFlags,
      armor: { kind: "boolean", default: false, brief: "Write one line of text, not bytes" },
      passphrase: {
        kind: "boolean",
        default: false,
        brief: "Encrypt under a passphrase, asked for at the terminal; needs no daemon",
      },
    },
    aliases: { ...cryptAliases, a: "armor", p: "passphrase" },
    positional: files,
  },
  docs: {
    brief: "Encrypt files, standard input or a text",
    fullDescription: [
      "Encrypt files, standard input or a text. FILE becomes FILE.crypto beside it, standard input",
      "goes to standard output. Any size is fine: memory stays the same.",
      "",
      "The daemon makes a key for each message and wraps it under its own, which never leaves it.",
    ].join("\n"),
    customUsage: [
      { input: "report.pdf", brief: "makes report.pdf.crypto" },
      { input: "--output backup.crypto < backup.tar", brief: "a stream" },
      { input: "--armor < token.txt", brief: "one line of text" },
      { input: "--context customer/42 card.txt", brief: "bound to a context" },
      { input: "--passphrase letter.txt", brief: "without a daemon" },
    ],
  },
});

/** `crypto decrypt` */
export const decryptCommand: ClientCommand = buildCommand({
  func: (flags: CryptFlags, ...paths: string[]) => decrypt(flags, paths),
  parameters: { flags: cryptFlags, aliases: cryptAliases, positional: files },
  docs: {
    brief: "Decrypt what encrypt made, and Fernet tokens",
    fullDescription: [
      "Decrypt what `crypto encrypt` made, whatever its kind, and Fernet tokens. FILE.crypto becomes",
      "FILE, standard input goes to standard output.",
      "",
      "A file appears only when all of it is proven authentic. On standard output, parts have gone",
      "out before the end is seen: trust them only if the exit status is 0.",
    ].join("\n"),
    customUsage: [
      { input: "report.pdf.crypto", brief: "makes report.pdf" },
      { input: "< backup.crypto | tar x", brief: "a stream" },
      { input: "--text crypto:v1:…", brief: "a line of text" },
    ],
  },
});

/** `crypto status` */
export const statusCommand: ClientCommand = buildCommand({
  async loader() {
    const { status } = await import("./manage.ts");
    return function (this: ClientContext, flags: ManageFlags) {
      return status(flags, this.print);
    };
  },
  parameters: { flags: { socket, json } },
  docs: {
    brief: "Show how the daemon runs, and whom that does not stop",
    customUsage: ["", "--json"],
  },
});

const keyListCommand: ClientCommand = buildCommand({
  async loader() {
    const { listKeys } = await import("./manage.ts");
    return function (this: ClientContext, flags: ManageFlags) {
      return listKeys(flags, this.print);
    };
  },
  parameters: { flags: { socket, json } },
  docs: { brief: "List the keys and their versions", customUsage: ["", "--json"] },
});

const name = {
  brief: "The key's name: a-z 0-9 . _ -",
  parse: String,
  placeholder: "name",
} as const;

const keyCreateCommand: ClientCommand = buildCommand({
  async loader() {
    const { createKey } = await import("./manage.ts");
    return function (this: ClientContext, flags: PurposeFlags, key: string) {
      return createKey(flags, this.print, key);
    };
  },
  parameters: {
    flags: { socket, json, purpose },
    positional: { kind: "tuple", parameters: [name] },
  },
  docs: {
    brief: "Make a key",
    customUsage: ["invoices", "fernet --purpose fernet"],
  },
});

const keyRotateCommand: ClientCommand = buildCommand({
  async loader() {
    const { rotateKey } = await import("./manage.ts");
    return function (this: ClientContext, flags: ManageFlags, key: string) {
      return rotateKey(flags, this.print, key);
    };
  },
  parameters: { flags: { socket, json }, positional: { kind: "tuple", parameters: [name] } },
  docs: {
    brief: "Make a new version of a key, which encrypts from now on; older ones still decrypt",
    customUsage: ["invoices"],
  },
});

const keyImportCommand: ClientCommand = buildCommand({
  async loader() {
    const { importKey } = await import("./manage.ts");
    return function (this: ClientContext, flags: PurposeFlags, key: string, file?: string) {
      return importKey(flags, this.print, key, file);
    };
  },
  parameters: {
    flags: { socket, json, purpose },
    positional: {
      kind: "tuple",
      parameters: [name, {
        brief: "The file with the key [default: standard input]",
        parse: String,
        placeholder: "file",
        optional: true,
      }],
    },
  },
  docs: {
    brief: "Import a key that exists elsewhere",
    fullDescription:
      "Import a key: 32 bytes as base64url without padding, or for --purpose fernet as " +
      "Fernet.generate_key() gives it. It is read from a file or standard input, never from an argument.",
    customUsage: ["fernet --purpose fernet /etc/crypto_service/key"],
  },
});

/** `crypto key …` */
export const keyRoutes: RouteMap<ClientContext> = buildRouteMap({
  routes: {
    list: keyListCommand,
    create: keyCreateCommand,
    rotate: keyRotateCommand,
    import: keyImportCommand,
  },
  docs: {
    brief: "List, make, rotate and import keys",
    fullDescription: [
      "List, make, rotate and import keys.",
      "",
      "  $ crypto key create invoices",
      "  $ crypto encrypt --key invoices invoice.pdf",
      "  $ crypto key rotate invoices",
    ].join("\n"),
  },
});
