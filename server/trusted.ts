/** Reading what an administrator has written: nobody else may have, and it need not be there. */
import { fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { requireTrustedFile } from "../platform/trust.ts";

/** What people write is far smaller; what is larger is something else. */
const MAX_BYTES = 65_536;

/**
 * The text of a file that says what the daemon is to do.
 * @param uid the daemon's user, who may own the file, as root may
 * @returns undefined if it is not there
 * @throws {CryptoError} `unsafe_path` if others could write it; `config` if it is no such text
 */
export function readTrustedText(path: string, uid: number): string | undefined {
  return readText(path, () => requireTrustedFile(path, [uid]));
}

/** The same of a file that need not be anybody's in particular, and must be there. */
export function readAnyText(path: string): string {
  const text = readText(path, () => {});
  if (text === undefined) throw wrong(path, "is not there");
  return text;
}

function readText(path: string, check: () => void): string | undefined {
  try {
    check();
    const { size } = Deno.statSync(path);
    if (size > MAX_BYTES) throw wrong(path, `has at most ${MAX_BYTES} bytes`);
    return fromUtf8(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof CryptoError && error.code === "invalid_text") {
      throw wrong(path, "is to be text in UTF-8");
    }
    if (error instanceof CryptoError) throw error;
    throw new CryptoError("config", { subject: path, hint: "it cannot be read", cause: error });
  }
}

function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("config", { subject, hint: `it ${hint}` });
}
