/** Where a passphrase comes from: a file, or somebody at the terminal. Never an argument. */
import { fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { Terminal } from "./terminal.ts";

const MAX_LENGTH = 4_096;

/** The first line of a file. @throws {CryptoError} `io`, `no_passphrase` */
export function readPassphraseFile(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (cause) {
    throw new CryptoError("io", { subject: path, cause });
  }
  const [line = ""] = fromUtf8(bytes).split(/\r?\n/, 1);
  return requireSensible(line);
}

/** Asks for a passphrase, twice if it is a new one. @throws {CryptoError} `no_passphrase` */
export function askPassphrase(terminal: Terminal | undefined, isNew: boolean): string {
  if (!terminal) {
    const hint = "there is no terminal to ask at: use --passphrase-file FILE";
    throw new CryptoError("no_passphrase", { hint });
  }
  const passphrase = requireSensible(terminal.askSecret("Passphrase: "));
  if (isNew && terminal.askSecret("The same again: ") !== passphrase) {
    throw new CryptoError("no_passphrase", { hint: "the two are not the same: try again" });
  }
  return passphrase;
}

function requireSensible(passphrase: string): string {
  if (passphrase.length > 0 && passphrase.length <= MAX_LENGTH) return passphrase;
  const hint = `a passphrase has 1 to ${MAX_LENGTH} characters`;
  throw new CryptoError("no_passphrase", { hint });
}
