/** What a call that was not done was about, for its line in the log. */
import { unarmor } from "../../core/armor.ts";
import { fromBase64Url } from "../../core/base64.ts";
import type { Bytes } from "../../core/bytes.ts";
import { readHeader } from "../../core/header.ts";
import { GRACE } from "../../core/lifecycle.ts";
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
    declaredBytes: wholeNumber(params.size),
  };
}

/** What a call of these methods is to change, by its parameters, which nobody has checked. */
export function describeChange(
  method: string,
  { version, rotateAfter, minVersion, after = GRACE.usual }: Record<string, unknown>,
): Pick<Decision, "version" | "rotateAfter" | "minVersion" | "grace"> {
  if (!method.startsWith("key.")) return {};
  return {
    version: wholeNumber(version),
    rotateAfter: wholeNumber(rotateAfter),
    minVersion: wholeNumber(minVersion),
    grace: method === "key.destroy" ? wholeNumber(after) : undefined,
  };
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? Number(value) : undefined;
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
