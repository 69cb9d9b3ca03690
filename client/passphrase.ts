/** Where a passphrase comes from: a file, or somebody at the terminal. Never an argument. */
import { type Bytes, fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { Pipes } from "../platform/files.ts";
import { openInput } from "./files.ts";
import { readUpTo } from "./stream.ts";
import { Terminal } from "./terminal.ts";

const MAX_LENGTH = 4_096;
/** More than the longest first line can have. */
const MAX_FILE = 4 * MAX_LENGTH + 2;

/** Gives a passphrase when it is needed. What it comes from is open by then. */
export type AskPassphrase = () => Promise<string>;

/** What may say where a passphrase comes from. */
export interface PassphraseFlags {
  readonly passphraseFile?: string | undefined;
}

/**
 * Opens the source of a passphrase, but reads nothing of it yet.
 * @param isNew whether it is to be typed twice
 * @throws {CryptoError} `io` now; `no_passphrase`, `invalid_text` when it is asked for
 */
export function openPassphrase(
  { passphraseFile }: PassphraseFlags,
  pipes: Pipes,
  isNew: boolean,
): AskPassphrase {
  if (passphraseFile !== undefined) {
    const input = openInput(passphraseFile, pipes);
    return once(async () => firstLine(await readUpTo(input, MAX_FILE)));
  }
  const terminal = Terminal.open();
  return once(() => ask(terminal, isNew));
}

/** Several messages of one call are under the same passphrase. */
function once(ask: AskPassphrase): AskPassphrase {
  let asked: Promise<string> | undefined;
  return () => asked ??= ask();
}

function firstLine(bytes: Bytes): string {
  const [line = ""] = fromUtf8(bytes).split(/\r?\n/, 1);
  return requireSensible(line);
}

async function ask(terminal: Terminal | undefined, isNew: boolean): Promise<string> {
  if (!terminal) {
    const hint = "there is no terminal to ask at: use --passphrase-file FILE";
    throw new CryptoError("no_passphrase", { hint });
  }
  const passphrase = requireSensible(await terminal.askSecret("Passphrase: "));
  if (isNew && await terminal.askSecret("The same again: ") !== passphrase) {
    throw new CryptoError("no_passphrase", { hint: "the two are not the same: try again" });
  }
  return passphrase;
}

function requireSensible(passphrase: string): string {
  if (passphrase.length > 0 && passphrase.length <= MAX_LENGTH) return passphrase;
  const hint = `a passphrase has 1 to ${MAX_LENGTH} characters`;
  throw new CryptoError("no_passphrase", { hint });
}
