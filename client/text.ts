/**
 * `crypto encrypt --text` and `crypto decrypt --text` where the daemon does it, and how it is asked for
 * that. What streams take is not loaded for it, since scripts call it over and over.
 */
import { type Bytes, utf8 } from "../core/bytes.ts";
import { about, CryptoError } from "../core/errors.ts";
import { SystemError } from "../platform/libc.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { loadWriteAll } from "../platform/waiting.ts";
import { present } from "./channel.ts";
import type { CryptFlags, EncryptFlags } from "./crypt.ts";
import { STANDARD } from "./flags.ts";
import type { Print } from "./manage.ts";
import { reachBound } from "./reach.ts";
import type { Session } from "./session.ts";
import { say } from "./terminal.ts";

/** Permission bits of what is encrypted and of what is decrypted, before the umask. */
export const ENCRYPTED_MODE = 0o666;
export const DECRYPTED_MODE = 0o600;

const STDOUT = 1;

/** What is given as an argument, and so seen by others. */
export interface TextFlags {
  readonly text?: string | undefined;
  readonly quiet: boolean;
}

interface GivenText {
  readonly text: string;
}

const ARGUMENT_WARNING = "warning: every user of this machine can read a text given as an " +
  "argument, and the shell's history keeps it; pipe it in instead";

/** Warns of a text that is to be secret. */
export function warnOfArgument({ text, quiet }: TextFlags): void {
  if (text !== undefined && !quiet) say(ARGUMENT_WARNING);
}

/** @throws {CryptoError} `usage` for files beside a text */
export function refuseFilesBeside({ text }: TextFlags, files: readonly string[]): void {
  if (text === undefined || files.length === 0) return;
  throw new CryptoError("usage", { hint: "--text and files exclude each other" });
}

/** Binary on a terminal helps nobody and may garble it. */
export function refuseTerminal(
  { output }: CryptFlags,
  files: readonly string[],
): void {
  const toStandard = output === undefined
    ? files.length === 0 || files.includes(STANDARD)
    : output === STANDARD;
  if (toStandard && Deno.stdout.isTerminal()) throw new CryptoError("terminal_output");
}

/**
 * How the text of a direct message begins: the prefix, and in base64url the header's `CRY1`, its 0
 * and two bits of the key's id.
 */
const DIRECT = /^crypto:v1:Q1JZMQ[A-D][\w-]+$/;

/** Whether a text is a direct message, for all that its beginning says. */
export function isDirect(text: string): boolean {
  return DIRECT.test(text);
}

/** Encrypts a text under a key of the daemon's. It becomes one line. */
export async function encryptText(
  print: Print,
  flags: EncryptFlags & GivenText,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  warnOfArgument(flags);
  refuseFilesBeside(flags, files);
  await askOnce(print, flags, { mode: ENCRYPTED_MODE, about: "--text" }, async (session) => {
    const { text, key, context } = flags;
    const { message } = await session.ask("encrypt", { key, text, context });
    return utf8(`${present(message)}\n`);
  });
}

/** Decrypts a direct message. */
export async function decryptText(
  print: Print,
  flags: CryptFlags & GivenText,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  const { fromBase64Url } = await import("../core/base64.ts");
  refuseFilesBeside(flags, files);
  await askOnce(print, flags, { mode: DECRYPTED_MODE, about: "--text" }, async (session) => {
    const { text: message, key, context } = flags;
    const { data } = await session.ask("decrypt", { message, key, context });
    return fromBase64Url(present(data));
  });
}

/** What becomes of an answer. */
interface Asked {
  /** Permission bits of a file that it is written to. */
  readonly mode: number;
  /** What an error is about. */
  readonly about: string;
}

/** Opens what is to be written to, connects, gives up every permission, and then asks. */
export async function askOnce(
  print: Print,
  flags: CryptFlags,
  { mode, about: subject }: Asked,
  ask: (session: Session) => Promise<Bytes>,
): Promise<void> {
  const { output = STANDARD } = flags;
  const file = output === STANDARD ? undefined : await openFile(output, flags, mode);
  const write = file?.write ?? standardWrite(print);
  try {
    const session = await reachBound(flags);
    dropAllPermissions();
    const answer = await ask(session).catch((error) => {
      throw about(subject, error);
    });
    await write(answer);
    await file?.publish();
    void session.close();
  } catch (error) {
    file?.discard();
    throw error;
  }
}

/** Writing on standard output. */
function standardWrite(print: Print): (answer: Bytes) => Promise<void> {
  // deno-lint-ignore require-await -- there it is the runtime that says what was wrong
  if (Deno.build.os === "windows") return async (answer) => print(answer);
  const writeAll = loadWriteAll();
  return async (answer) => {
    try {
      writeAll(STDOUT, answer);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const { explainIo } = await import("../platform/files.ts");
      throw explainIo("standard output", error);
    }
  };
}

/** Mostly there is none. */
async function openFile(path: string, { force }: CryptFlags, mode: number) {
  const { openOutput } = await import("./files.ts");
  const { Pipes } = await import("../platform/files.ts");
  return openOutput(path, { pipes: new Pipes(), force, mode });
}
