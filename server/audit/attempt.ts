/** What a call that was not done was about, for its line in the log. */
import { unarmor } from "../../core/armor.ts";
import { type Bytes, fromBase64Url } from "../../core/bytes.ts";
import { readHeader } from "../../core/header.ts";
import { isKeyName, type KeyRing } from "../../core/ring.ts";
import type { ContextTags } from "./contexts.ts";
import type { Decision } from "./log.ts";

/** What a call is looked at with. */
export interface AttemptParts {
  /** Absent while it is sealed. */
  readonly ring: KeyRing | undefined;
  readonly contexts: ContextTags;
}

/**
 * Describes it by its parameters, which nobody has checked: what is no key's name is not logged,
 * since it may be anything.
 */
export async function describeAttempt(
  params: Record<string, unknown>,
  { ring, contexts }: AttemptParts,
): Promise<Pick<Decision, "key" | "version" | "context" | "declaredBytes">> {
  const named = [params.key, params.name].find(isKeyName);
  const found = ring?.find(readKeyId(params) ?? new Uint8Array(8));
  return {
    key: found?.key.name ?? named,
    version: found?.number,
    context: ring && await contexts.of(params).catch(() => undefined),
    declaredBytes: Number.isSafeInteger(params.size) ? Number(params.size) : undefined,
  };
}

/** The key id in the message or envelope that a call brings. */
function readKeyId({ message, envelope }: Record<string, unknown>): Bytes | undefined {
  try {
    if (typeof message === "string") return readHeader(unarmor(message)).keyId;
    if (typeof envelope === "string") return readHeader(fromBase64Url(envelope)).keyId;
  } catch {
    // Then it names none.
  }
  return undefined;
}
