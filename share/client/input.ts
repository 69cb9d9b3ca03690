/** What the share commands are given: texts, files, links, passphrases. */
import { type Bytes, concat, fromUtf8, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import type { NamedPath } from "./files.ts";

/** Somebody at a terminal. */
export interface Asker {
  /** Asks for a line that is not shown. @throws {CryptoError} `no_passphrase` */
  askSecret(question: string): Promise<string>;
}

/** The longest text; what is longer is a file. Bytes. */
const MAX_TEXT = 1_048_576;
const MAX_PASSPHRASE_FILE = 16_386;

/** A folder's path, with no link left to follow. @throws {CryptoError} `io` */
export function namedFolder(path: string): string {
  const real = realPath(path, "there is no such folder");
  if (Deno.statSync(real).isDirectory) return real;
  throw new CryptoError("io", { subject: path, hint: "this is no folder" });
}

/** A file or folder that is there. @throws {CryptoError} `io` */
export function namedPath(path: string): NamedPath {
  const real = realPath(path, "there is no such file or folder; a text is piped in, or typed");
  // `.` and `..` have no name of their own.
  const given = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const name = ["", ".", ".."].includes(given) ? real.split("/").at(-1) : given;
  return { path: real, name: name || "folder" };
}

function realPath(path: string, ifAbsent: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (cause) {
    const hint = cause instanceof Deno.errors.NotFound ? ifAbsent : undefined;
    throw new CryptoError("io", { subject: path, hint, cause });
  }
}

/**
 * A text: the one that was given, else typed at the terminal, else piped in.
 * @throws {CryptoError} `share_empty`, `too_large`
 */
export async function readText(
  given: string | undefined,
  terminal: Asker | undefined,
): Promise<Bytes> {
  const text = given === undefined ? await typedOrPiped(terminal) : utf8(given);
  if (text.length === 0) throw new CryptoError("share_empty");
  return text;
}

async function typedOrPiped(terminal: Asker | undefined): Promise<Bytes> {
  if (!Deno.stdin.isTerminal() || !terminal) return await readPiped();
  return utf8(await terminal.askSecret("Secret (not shown; one line): "));
}

async function readPiped(): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of Deno.stdin.readable) {
    parts.push(part);
    if ((length += part.length) <= MAX_TEXT) continue;
    throw new CryptoError("too_large", { hint: "a text has at most 1 MiB: send it as a file" });
  }
  return concat(...parts);
}

/** Asks twice. @throws {CryptoError} `no_passphrase` */
export async function askNewPassphrase(terminal: Asker | undefined): Promise<string> {
  const passphrase = await askPassphrase(terminal);
  if (await terminal?.askSecret("The same again: ") === passphrase) return passphrase;
  throw new CryptoError("no_passphrase", { hint: "the two are not the same: try again" });
}

/** @throws {CryptoError} `no_passphrase` without a terminal */
export async function askPassphrase(terminal: Asker | undefined): Promise<string> {
  if (terminal) return await terminal.askSecret("Passphrase or code: ");
  const hint = "there is no terminal to ask at: use --passphrase-file FILE";
  throw new CryptoError("no_passphrase", { hint });
}

/** Opens the file now and reads its first line later. */
export function openPassphraseFile(path: string | undefined): (() => string) | undefined {
  if (path === undefined) return undefined;
  try {
    const file = Deno.openSync(path);
    return () => {
      const buffer = new Uint8Array(MAX_PASSPHRASE_FILE);
      const line = fromUtf8(buffer.subarray(0, file.readSync(buffer) ?? 0)).split(/\r?\n/, 1)[0];
      return line ?? "";
    };
  } catch (cause) {
    throw new CryptoError("io", { subject: path, cause });
  }
}

/** A link or a receipt that is piped in. @throws {CryptoError} */
export async function readLine(): Promise<string> {
  return fromUtf8(await readPiped()).trim();
}
