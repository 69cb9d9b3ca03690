/**
 * `crypto encrypt` of what is short and has been piped in as a whole: the daemon does it, since what
 * streams take costs a start more than all else. The message is one of a stream in every way.
 */
import { unarmor } from "../core/armor.ts";
import { toBase64Url } from "../core/base64.ts";
import { type Bytes, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { bytesInEndedPipe } from "../platform/waiting.ts";
import { present, type WireParams } from "./channel.ts";
import type { EncryptFlags } from "./crypt.ts";
import { findServer } from "./identity.ts";
import type { Print } from "./manage.ts";
import type { Session } from "./session.ts";
import { askOnce, ENCRYPTED_MODE, refuseTerminal } from "./text.ts";

const STDIN = 0;
/** The most that a pipe holds, unless somebody has made it larger. */
const SHORT = 65_536;

/**
 * Encrypts standard input if it is of that kind, and says whether it was. To a daemon on another
 * machine no content goes.
 */
export async function encryptPiped(print: Print, flags: EncryptFlags): Promise<boolean> {
  if (findServer(flags) !== undefined) return false;
  const length = bytesInEndedPipe(STDIN);
  if (length === undefined || length > SHORT) return false;
  forbidCoreDumps();
  const { armor, key, context } = flags;
  if (!armor) refuseTerminal(flags, []);
  const to = { mode: ENCRYPTED_MODE, about: "standard input" };
  await askOnce(print, flags, to, async (session) => {
    const data = toBase64Url(readWaiting(length));
    const message = await encryptWhole(session, { key, context, data });
    return armor || isToken(message) ? utf8(`${message}\n`) : unarmor(message);
  });
  return true;
}

/** What has waited: it ended there, also if somebody has opened a named pipe since. */
function readWaiting(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const read = Deno.stdin.readSync(bytes.subarray(done));
    if (read === null) return bytes.subarray(0, done);
    done += read;
  }
  return bytes;
}

/** An enveloped message; a Fernet key has but tokens. */
async function encryptWhole(session: Session, params: WireParams): Promise<string> {
  try {
    return present((await session.ask("encrypt", { ...params, kind: "enveloped" })).message);
  } catch (error) {
    const isFernet = error instanceof CryptoError && error.code === "wrong_purpose";
    if (!isFernet) throw error;
    return present((await session.ask("encrypt", params)).message);
  }
}

function isToken(message: string): boolean {
  return !message.startsWith("crypto:");
}
