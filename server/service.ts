/** What the daemon does for a caller, once it knows who that is. */
import { armor, unarmor } from "../core/armor.ts";
import { type Bytes, fromUtf8, toBase64Url, utf8 } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { looksLikeFernet, openFernet, sealFernet } from "../core/fernet.ts";
import { formatKeyId, readHeader } from "../core/header.ts";
import { createEnvelope, openDirect, openEnvelope, sealDirect } from "../core/message.ts";
import {
  DEFAULT_KEY,
  type Found,
  isPurpose,
  type KeyRing,
  type Purpose,
  type RingKey,
} from "../core/ring.ts";
import { type Call, invalidParam, readParams } from "../core/calls.ts";
import type { Method, Params, Results, StatusResult, UsedKey } from "../core/rpc.ts";
import type { Access } from "./access.ts";
import type { Identity } from "./identity.ts";
import type { KeyStore } from "./keystore.ts";
import type { Decision } from "./log.ts";

/** What of `status` the service knows by itself. */
export type KnownByService = "protocol" | "engine" | "keys" | "sealing" | "sealed";

/** What `status` says that the service does not know by itself. */
export type Circumstances = () => Omit<StatusResult, KnownByService>;

/** What a service works with. */
export interface ServiceParts {
  readonly store: KeyStore;
  readonly access: Access;
  readonly engine: Engine;
  readonly circumstances: Circumstances;
}

/** A result, and what the log is to say of it besides the method. */
interface Done<M extends Method> {
  readonly result: Omit<Results[M], keyof UsedKey>;
  /** The key version that did it, if one did: part of the result. */
  readonly by?: UsedKey;
  readonly bytes?: number;
  readonly declaredBytes?: number | undefined;
}

type Handlers = {
  readonly [M in Method]: (params: Params<M>) => Promise<Done<M>> | Done<M>;
};

/** What became of a call: its result or its error, and the line for the log. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: CryptoError;
  readonly decision: Decision;
}

const MANAGING: ReadonlySet<Method> = new Set(["key.create", "key.rotate", "key.import", "unseal"]);
/** What is answered before the ring is open. */
const WHILE_SEALED: ReadonlySet<Method> = new Set(["status", "unseal"]);

/** The methods of docs/protocol.md. */
export class Service {
  readonly #parts: ServiceParts;
  readonly #handlers: Handlers;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#handlers = {
      "status": () => ({ result: this.#status() }),
      "unseal": async ({ sealingKey }) => ({
        result: { unsealed: await parts.store.unseal(sealingKey) },
      }),
      "encrypt": (params) => this.#encrypt(params),
      "decrypt": (params) => this.#decrypt(params),
      "envelope.create": (params) => this.#createEnvelope(params),
      "envelope.open": (params) => this.#openEnvelope(params),
      "key.list": () => ({ result: { keys: this.#ring.keys.map(describeKey) } }),
      "key.create": ({ name, purpose }) => this.#createKey(name, purpose),
      "key.import": ({ name, purpose, material }) => this.#createKey(name, purpose, material),
      "key.rotate": ({ name }) => this.#rotateKey(name),
    };
  }

  get #ring(): KeyRing {
    return this.#parts.store.ring;
  }

  /** Does what a call asks, if its caller may. Never throws. */
  async handle(who: Identity, { method, params }: Call): Promise<Outcome> {
    try {
      this.#requireAccess(who, method);
      const handler = this.#handlers[method] as (params: unknown) => Promise<Done<Method>>;
      const { result, by, bytes, declaredBytes } = await handler(readParams(method, params));
      const decision = { op: method, key: by?.key, version: by?.version, bytes, declaredBytes };
      return { result: { ...result, ...by }, decision };
    } catch (thrown) {
      return failure(method, thrown);
    }
  }

  #requireAccess(who: Identity, method: Method): void {
    const { access } = this.#parts;
    const allowed = MANAGING.has(method) ? access.mayManage(who) : access.mayUse(who);
    if (!allowed) throw new CryptoError("denied");
    if (this.#parts.store.sealed && !WHILE_SEALED.has(method)) throw new CryptoError("sealed");
  }

  #status(): StatusResult {
    const { engine, circumstances, store } = this.#parts;
    return {
      ...circumstances(),
      protocol: 1,
      engine: engine.name,
      sealing: store.rung,
      sealed: store.sealed,
      keys: store.sealed ? 0 : this.#ring.keys.length,
    };
  }

  /** The key of a name; one that is not there is answered like one that is not allowed. */
  #key(name: string): RingKey {
    const key = this.#ring.get(name);
    if (!key) throw new CryptoError("denied");
    return key;
  }

  #requirePurpose(key: RingKey, purpose: Purpose): RingKey {
    if (key.purpose !== purpose) throw new CryptoError("wrong_purpose", { subject: key.name });
    return key;
  }

  async #encrypt(params: Params<"encrypt">): Promise<Done<"encrypt">> {
    const plaintext = readPlaintext(params);
    const found = this.#ring.newest(this.#key(params.key ?? DEFAULT_KEY.seal));
    const message = found.key.purpose === "fernet"
      ? await this.#encryptFernet(found, plaintext, params)
      : await this.#encryptDirect(found, plaintext, params);
    return { result: { message }, by: used(found), bytes: plaintext.length };
  }

  async #encryptDirect(found: Found, plaintext: Bytes, params: ContextParams): Promise<string> {
    const options = { context: readContext(params), engine: this.#parts.engine };
    return armor(await sealDirect(found.version, plaintext, options));
  }

  async #encryptFernet(found: Found, plaintext: Bytes, params: ContextParams): Promise<string> {
    refuseContext(params);
    return await sealFernet(found.version.material, plaintext);
  }

  async #decrypt(params: Params<"decrypt">): Promise<Done<"decrypt">> {
    const asText = readForm(params.as);
    const { found, plaintext } = looksLikeFernet(params.message)
      ? await this.#decryptFernet(params)
      : await this.#decryptDirect(params);
    const form = asText ? { text: fromUtf8(plaintext) } : { data: toBase64Url(plaintext) };
    return { result: form, by: used(found), bytes: plaintext.length };
  }

  async #decryptDirect(params: Params<"decrypt">): Promise<Opened> {
    const message = unarmor(params.message);
    const header = readHeader(message);
    const found = this.#find(header.keyId, params.key);
    const options = { context: readContext(params), engine: this.#parts.engine };
    return { found, plaintext: await openDirect(found.version, header, message, options) };
  }

  /** The version that a message names; `expected` narrows it to one key. */
  #find(id: Bytes, expected?: string): Found {
    const found = this.#ring.find(id);
    if (!found || (expected !== undefined && found.key.name !== expected)) {
      throw new CryptoError("denied");
    }
    this.#requirePurpose(found.key, "seal");
    return found;
  }

  /** A token names no key, so each version is tried; its MAC tells which one it is. */
  async #decryptFernet(params: Params<"decrypt">): Promise<Opened> {
    refuseContext(params);
    for (const found of this.#fernetVersions(params.key)) {
      try {
        return { found, plaintext: await openFernet(found.version.material, params.message) };
      } catch (error) {
        if (error instanceof CryptoError && error.code === "decryption_failed") continue;
        throw error;
      }
    }
    throw new CryptoError("decryption_failed");
  }

  #fernetVersions(name: string | undefined): Found[] {
    const keys = name === undefined
      ? this.#ring.keys.filter((key) => key.purpose === "fernet")
      : [this.#requirePurpose(this.#key(name), "fernet")];
    return keys.flatMap((key) => {
      return key.versions.map((version, i) => ({ key, version, number: i + 1 })).reverse();
    });
  }

  async #createEnvelope(params: Params<"envelope.create">): Promise<Done<"envelope.create">> {
    const key = this.#requirePurpose(this.#key(params.key ?? DEFAULT_KEY.seal), "seal");
    const found = this.#ring.newest(key);
    const { envelope, dataKey } = await createEnvelope(found.version, this.#parts.engine);
    const result = { envelope: toBase64Url(envelope), dataKey: toBase64Url(dataKey) };
    return { result, by: used(found), declaredBytes: params.size };
  }

  async #openEnvelope(
    { envelope, key, size }: Params<"envelope.open">,
  ): Promise<Done<"envelope.open">> {
    const header = readHeader(envelope);
    const found = this.#find(header.keyId, key);
    const dataKey = await openEnvelope(found.version, header, envelope, this.#parts.engine);
    return { result: { dataKey: toBase64Url(dataKey) }, by: used(found), declaredBytes: size };
  }

  async #createKey(name: string, purpose: string = "seal", material?: Bytes) {
    if (!isPurpose(purpose)) throw invalidParam("purpose", 'is neither "seal" nor "fernet"');
    const { store, engine } = this.#parts;
    await store.update((ring) => ring.create(name, purpose, { material, engine }));
    return this.#newestOf(name);
  }

  async #rotateKey(name: string) {
    const { store, engine } = this.#parts;
    await store.update((ring) => ring.rotate(name, { engine }));
    return this.#newestOf(name);
  }

  #newestOf(name: string) {
    const found = this.#ring.newest(this.#key(name));
    return { result: { id: formatKeyId(found.version.id) }, by: used(found) };
  }
}

type ContextParams = Pick<Params<"encrypt">, "context" | "contextData">;

interface Opened {
  readonly found: Found;
  readonly plaintext: Bytes;
}

function used({ key, number }: Found): UsedKey {
  return { key: key.name, version: number };
}

function describeKey({ name, purpose, versions }: RingKey) {
  const described = versions.map(({ id, created }) => ({ id: formatKeyId(id), created }));
  return { name, purpose, versions: described };
}

/** A call that was not done: its error, and the line for the log. */
export function failure(op: string, thrown: unknown): Outcome & { readonly error: CryptoError } {
  const error = asCryptoError(thrown);
  return { error, decision: { op, error: error.code } };
}

/** One of two parameters that exclude each other: text, or bytes. */
function readEither(text: string | undefined, bytes: Bytes | undefined, name: string) {
  if (text !== undefined && bytes !== undefined) throw invalidParam(name, "excludes its twin");
  return text === undefined ? bytes : utf8(text);
}

function readPlaintext({ text, data }: Params<"encrypt">): Bytes {
  const plaintext = readEither(text, data, "text");
  if (!plaintext) throw invalidParam("text", "is missing, and so is data");
  return plaintext;
}

function readContext({ context, contextData }: ContextParams): Bytes | undefined {
  return readEither(context, contextData, "context");
}

/** Fernet binds no context; to ignore one would be to promise what is not kept. */
function refuseContext({ context, contextData }: ContextParams): void {
  if (context !== undefined || contextData !== undefined) {
    throw invalidParam("context", "cannot be bound to a Fernet token");
  }
}

function readForm(as: string | undefined): boolean {
  if (as === undefined || as === "data") return false;
  if (as === "text") return true;
  throw invalidParam("as", 'is neither "text" nor "data"');
}
