/**
 * `crypto encrypt --text`: the daemon encrypts. What streams take is not loaded for it, since it is
 * called in scripts, over and over.
 */
import { utf8 } from "../core/bytes.ts";
import { about, CryptoError } from "../core/errors.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import type { EncryptFlags } from "./crypt.ts";
import { STANDARD } from "./flags.ts";
import type { Print } from "./manage.ts";
import { reachBound } from "./reach.ts";
import { say } from "./terminal.ts";

/** Permission bits of what is encrypted, before the umask. */
export const ENCRYPTED_MODE = 0o666;

/** What is given as an argument, and so seen by others. */
export interface TextFlags {
  readonly text?: string | undefined;
  readonly quiet: boolean;
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

/** Encrypts a text under a key of the daemon's. It becomes one line. */
export async function encryptText(
  print: Print,
  flags: EncryptFlags & { readonly text: string },
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  warnOfArgument(flags);
  refuseFilesBeside(flags, files);
  const { text, key, context, output = STANDARD } = flags;
  const file = output === STANDARD ? undefined : await openFile(output, flags);
  try {
    const session = await reachBound(flags);
    dropAllPermissions();
    const { message } = await session.ask("encrypt", { key, text, context }).catch((error) => {
      throw about("--text", error);
    });
    if (file) await file.finish(`${message}\n`);
    else print(`${message}\n`);
    void session.close();
  } catch (error) {
    file?.discard();
    throw error;
  }
}

/** Mostly there is none. */
async function openFile(path: string, { force }: EncryptFlags) {
  const { openOutput } = await import("./files.ts");
  const { Pipes } = await import("../platform/files.ts");
  const output = openOutput(path, { pipes: new Pipes(), force, mode: ENCRYPTED_MODE });
  return {
    discard: output.discard,
    async finish(line: string) {
      await output.write(utf8(line));
      await output.publish();
    },
  };
}
