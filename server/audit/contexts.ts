/**
 * How the log names contexts: by an HMAC under a key of its own, so that equal ones can be seen to be
 * equal and who reads the log cannot try guesses.
 *
 * The key lies beside the ring, sealed under the ring's sealing key, since whoever may copy the state
 * directory may have the log, too. It is random, not derived from the sealing key: that one changes
 * with each `reseal`, and HMACs from before and after would no longer compare. A reseal carries it
 * over; for a moment the file then has two copies, one under each sealing key.
 */
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat, equalSecret, randomBytes, utf8 } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import { keyId, readHeader } from "../../core/header.ts";
import { openDirect, sealDirect } from "../../core/message.ts";
import type { Give } from "../../platform/durable.ts";
import { readSecret, replaceDurably } from "../durable.ts";

const KEY_LENGTH = 32;
const CONTEXT = utf8("crypto/v1/audit-context-key");
/** Of one sealed copy: header, salt, commitment, key, tag. */
const COPY_LENGTH = 13 + 24 + 32 + KEY_LENGTH + 16;
const MAX_COPIES = 2;
const HMAC_LENGTH = 64;
/** As much of an HMAC as a line has. */
const TAG_LENGTH = 16;

/** Where the key lies, and what works on it. */
export interface ContextKeyPlace {
  readonly path: string;
  readonly engine: Engine;
  /** Gives the file its owner, where that is another. */
  readonly own?: Give | undefined;
}

/** The key, if a copy of it is under this sealing key. @throws {CryptoError} `config` */
async function findContextKey(
  { path, engine }: ContextKeyPlace,
  sealingKey: Bytes,
): Promise<Bytes | undefined> {
  const file = readSecret(path, MAX_COPIES * COPY_LENGTH);
  const version = { id: await keyId(sealingKey, engine), material: sealingKey };
  for (let at = 0; file && at < file.length; at += COPY_LENGTH) {
    const copy = file.subarray(at, at + COPY_LENGTH);
    try {
      const header = readHeader(copy);
      if (!equalSecret(header.keyId, version.id)) continue;
      return await openDirect(version, header, copy, { context: CONTEXT, engine });
    } catch {
      // Damaged: as good as none.
    }
  }
  return undefined;
}

async function sealCopy(key: Bytes, sealingKey: Bytes, engine: Engine): Promise<Bytes> {
  const version = { id: await keyId(sealingKey, engine), material: sealingKey };
  return await sealDirect(version, key, { context: CONTEXT, engine });
}

/**
 * Puts a copy of the key under the sealing key that a ring is about to get beside the one under its
 * present one, so that a ring under either finds it. Where there is no key there is nothing to do.
 */
export async function carryContextKey(
  place: ContextKeyPlace,
  { from, to }: { readonly from: Bytes; readonly to: Bytes },
): Promise<void> {
  const key = await findContextKey(place, from);
  if (!key) return;
  const copies = [from, to].map((sealingKey) => sealCopy(key, sealingKey, place.engine));
  replaceDurably(place.path, concat(...await Promise.all(copies)), place.own);
}

/** What {@link ContextTags} work with. */
export interface ContextTagsParts extends ContextKeyPlace {
  /** The ring's present sealing key. */
  readonly sealingKey: () => Bytes;
  /** Says in the log, before it is used, that there is a new key: HMACs from before, if there are any, do not compare. */
  readonly onNew: () => Promise<boolean>;
}

/** HMACs of contexts, for the log. The key is opened, or made, when the first context comes. */
export class ContextTags {
  #key: Promise<Bytes> | undefined;

  constructor(private readonly parts: ContextTagsParts) {}

  /**
   * The HMAC of the context that a call's parameters name: base64url of 16 bytes. Undefined if they
   * name none, or none that could be one.
   * @throws {CryptoError} `log_unavailable` if there is no key to be had
   */
  async of({ context, contextData }: Record<string, unknown>): Promise<string | undefined> {
    const bytes = typeof context === "string"
      ? readContext(() => utf8(context))
      : typeof contextData === "string"
      ? readContext(() => fromBase64Url(contextData))
      : undefined;
    return bytes && await this.#tag(bytes);
  }

  async #tag(context: Bytes): Promise<string> {
    const key = await (this.#key ??= this.#open());
    const hmac = new Uint8Array(HMAC_LENGTH);
    await this.parts.engine.hmacSha512(key, context, hmac);
    return toBase64Url(hmac.subarray(0, TAG_LENGTH));
  }

  async #open(): Promise<Bytes> {
    try {
      const sealingKey = this.parts.sealingKey();
      return await findContextKey(this.parts, sealingKey) ?? await this.#make(sealingKey);
    } catch (cause) {
      // The next one tries again.
      this.#key = undefined;
      throw new CryptoError("log_unavailable", { cause });
    }
  }

  async #make(sealingKey: Bytes): Promise<Bytes> {
    const { path, engine, own, onNew } = this.parts;
    const key = randomBytes(KEY_LENGTH);
    if (!await onNew()) throw new CryptoError("log_unavailable");
    replaceDurably(path, await sealCopy(key, sealingKey, engine), own);
    return key;
  }
}

function readContext(read: () => Bytes): Bytes | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
