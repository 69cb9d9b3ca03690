/**
 * The older protocol: `{"command":"encrypt","payload":"…"}` in, `{"status":…}` out, as the Python
 * service spoke that this one replaces. Its clients send no line break, wait for one answer and
 * hang up. Its tokens are Fernet, in base64 once more; the key is the ring's `fernet`.
 */
import { base64 } from "@scure/base";
import { fromUtf8, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { DEFAULT_KEY } from "../core/ring.ts";
import type { Call } from "../core/calls.ts";
import { failure, type Outcome } from "./outcome.ts";

/** The most bytes that a client of the older protocol sends: more, its service did not read. */
export const MAX_LEGACY = 4_096;

/** Does a call as one of the new protocol. */
export type Handle = (call: Call) => Promise<Outcome>;

/** Answers one request of the older protocol. Never throws. */
export async function handleLegacy(
  handle: Handle,
  command: unknown,
  payload: unknown,
): Promise<{ readonly outcome: Outcome; readonly line: string }> {
  const outcome = await act(handle, command, payload);
  return { outcome, line: JSON.stringify(legacyAnswer(outcome)) };
}

async function act(handle: Handle, command: unknown, payload: unknown): Promise<Outcome> {
  const op = `legacy.${command === "decrypt" ? "decrypt" : "encrypt"}`;
  try {
    const outcome = await handle(translate(command, payload));
    return { ...outcome, decision: { ...outcome.decision, op } };
  } catch (thrown) {
    return failure(op, thrown);
  }
}

function translate(command: unknown, payload: unknown): Call {
  if (typeof payload !== "string") throw new CryptoError("invalid_params");
  if (command === "encrypt") return call("encrypt", { text: payload });
  if (command === "decrypt") return call("decrypt", { message: readToken(payload), as: "text" });
  throw new CryptoError("unknown_method");
}

function call(method: Call["method"], params: Record<string, string>): Call {
  return { id: null, method, params: { key: DEFAULT_KEY.fernet, ...params } };
}

function readToken(payload: string): string {
  try {
    return fromUtf8(base64.decode(payload));
  } catch {
    throw new CryptoError("malformed");
  }
}

function legacyAnswer({ result, error }: Outcome): Record<string, unknown> {
  if (error) return { status: "error", message: error.message };
  const { message, text } = result as { message?: string; text?: string };
  return message === undefined
    ? { status: "success", decrypted: text }
    : { status: "success", encrypted: base64.encode(utf8(message)) };
}
