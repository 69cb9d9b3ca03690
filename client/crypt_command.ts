/**
 * The command line of encrypting and decrypting, with what it needs: mostly that is what runs, and
 * each file that is loaded by itself costs time.
 */
import { buildCommand, type Command } from "../core/command.ts";
import type { CryptFlags, EncryptFlags } from "./crypt.ts";
import { type ClientContext, daemon, STANDARD } from "./flags.ts";
import type { Print } from "./manage.ts";
import { decryptText, encryptText, isDirect } from "./text.ts";

type ClientCommand = Command<ClientContext>;

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
  jsonLines: {
    kind: "boolean",
    default: false,
    brief: "Many values: one JSON string or object a line, in and out",
  },
  ...daemon,
  force: { kind: "boolean", default: false, brief: "Replace an output file that exists" },
  quiet: { kind: "boolean", default: false, brief: "No progress and no warnings" },
} as const;

interface LineFlags {
  readonly jsonLines: boolean;
}

/** What is not the text of an argument: a stream, or many values. */
const streams = () => import("./crypt.ts");
const lines = () => import("./json_lines.ts");

function isStandard(paths: readonly string[]): boolean {
  return paths.length === 0 || paths.length === 1 && paths[0] === STANDARD;
}

/** Says whether the whole of standard input was short, and so done. */
async function tryPiped(print: Print, flags: EncryptFlags): Promise<boolean> {
  const { encryptPiped } = await import("./piped.ts");
  return await encryptPiped(print, flags);
}

function hasText<F extends CryptFlags>(flags: F): flags is F & { readonly text: string } {
  return flags.text !== undefined;
}

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
  async func(this: ClientContext, flags: EncryptFlags & LineFlags, ...paths: string[]) {
    const underPassphrase = flags.passphrase || flags.passphraseFile !== undefined;
    if (flags.jsonLines) await (await lines()).cryptLines("encrypt", flags, paths);
    else if (hasText(flags) && !underPassphrase) await encryptText(this.print, flags, paths);
    else if (underPassphrase || !isStandard(paths) || !await tryPiped(this.print, flags)) {
      await (await streams()).encrypt(this, flags, paths);
    }
  },
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
      { input: "--json-lines < numbers.jsonl", brief: "many values" },
    ],
  },
});

/** `crypto decrypt` */
export const decryptCommand: ClientCommand = buildCommand({
  async func(this: ClientContext, flags: CryptFlags & LineFlags, ...paths: string[]) {
    if (flags.jsonLines) await (await lines()).cryptLines("decrypt", flags, paths);
    else if (hasText(flags) && flags.passphraseFile === undefined && isDirect(flags.text)) {
      await decryptText(this.print, flags, paths);
    } else await (await streams()).decrypt(this, flags, paths);
  },
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
