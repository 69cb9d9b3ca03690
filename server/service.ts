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
import { type Access, type Operation, OPERATIONS } from "./access.ts";
import type { Identity } from "./identity.ts";
import type { KeyStore } from "./keystore.ts";
import { describeAttempt } from "./audit/attempt.ts";
import type { ContextTags } from "./audit/contexts.ts";
import type { AuditLog, Decision } from "./audit/log.ts";
import type { Quotas } from "./quotas.ts";

/** What of `status` the service knows by itself. */
export type KnownByService = "protocol" | "engine" | "keys" | "sealing" | "sealed";

/** What `status` says that the service does not know by itself. */
export type Circumstances = () => Omit<StatusResult, KnownByService>;

/** What a service works with. */
export interface ServiceParts {
  readonly store: KeyStore;
  readonly access: Access;
  readonly quotas: Quotas;
  readonly engine: Engine;
  readonly circumstances: Circumstances;
  readonly log: Pick<AuditLog, "write">;
  readonly contexts: ContextTags;
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
  readonly [M in Method]: (params: Params<M>, who: Identity) => Promise<Done<M>> | Done<M>;
};

type Handler = (params: unknown, who: Identity) => Promise<Done<Method>>;

/** What became of a call: its result or its error, and the line for the log. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: CryptoError;
  readonly decision: Decision;
}

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
      "unseal": ({ sealingKey }, who) => this.#unseal(sealingKey, who),
      "encrypt": (params, who) => this.#encrypt(params, who),
      "decrypt": (params, who) => this.#decrypt(params, who),
      "envelope.create": (params, who) => this.#createEnvelope(params, who),
      "envelope.open": (params, who) => this.#openEnvelope(params, who),
      "key.list": (_, who) => this.#listKeys(who),
      "key.create": (params, who) => this.#createKey(who, "key.create", params),
      "key.import": (params, who) => this.#createKey(who, "key.import", params),
      "key.rotate": ({ name }, who) => this.#rotateKey(who, name),
    };
  }

  get #ring(): KeyRing {
    return this.#parts.store.ring;
  }

  /** Does what a call asks, if its caller may. Never throws. */
  async handle(who: Identity, { method, params }: Call): Promise<Outcome> {
    try {
      this.#requireOpen(who, method);
      const handler = this.#handlers[method] as Handler;
      const { result, by, bytes, declaredBytes } = await handler(readParams(method, params), who);
      const context = await this.#parts.contexts.of(params);
      const { key, version } = by ?? {};
      const decision = {
        op: method,
        key,
        version,
        context,
        bytes,
        declaredBytes,
        ...stageOf(method),
      };
      return { result: { ...result, ...by }, decision };
    } catch (thrown) {
      return await this.#failed({ method, params }, thrown);
    }
  }

  async #failed({ method, params }: Pick<Call, "method" | "params">, thrown: unknown) {
    const { error } = failure(method, thrown);
    const { store, contexts } = this.#parts;
    const ring = store.sealed ? undefined : store.ring;
    const about = await describeAttempt(params, { ring, contexts });
    return {
      error,
      decision: { op: method, ...about, ...stageOf(method, error), error: error.code },
    };
  }

  /** Says in the log, before it is done, what is about to change the ring. */
  #announce(who: Identity, op: Method, key: string): () => Promise<void> {
    return async () => {
      const logged = await this.#parts.log.write(who, [{ op, key, stage: "intent" }]);
      if (!logged) throw new CryptoError("log_unavailable");
    };
  }

  #requireOpen(who: Identity, method: Method): void {
    const { access, store } = this.#parts;
    if (!access.mayConnect(who)) throw new CryptoError("denied");
    if (store.sealed && !WHILE_SEALED.has(method)) throw new CryptoError("sealed");
  }

  #requireRight({ who, operation }: Act, key: string): void {
    if (!this.#parts.access.may(who, operation, key)) throw new CryptoError("denied");
  }

  /** After the decision and before the act. Managing costs nothing: it mends things. */
  #charge({ who, operation, bytes }: Act): void {
    if (operation !== "manage") this.#parts.quotas.charge(who, bytes);
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

  async #unseal(sealingKey: Bytes, who: Identity) {
    const { access, store } = this.#parts;
    if (!access.mayAdminister(who)) throw new CryptoError("denied");
    return { result: { unsealed: await store.unseal(sealingKey) } };
  }

  /** The keys that the caller may do something with. */
  #listKeys(who: Identity) {
    const { access } = this.#parts;
    const keys = this.#ring.keys.filter(({ name }) => {
      return OPERATIONS.some((operation) => access.may(who, operation, name));
    });
    return { result: { keys: keys.map(describeKey) } };
  }

  /** The key of a name; one that is not there is answered like one that is not allowed. */
  #key(act: Act, name: string): RingKey {
    this.#requireRight(act, name);
    const key = this.#ring.get(name);
    if (!key) throw new CryptoError("denied");
    this.#charge(act);
    return key;
  }

  #requirePurpose(key: RingKey, purpose: Purpose): RingKey {
    if (key.purpose !== purpose) throw new CryptoError("wrong_purpose", { subject: key.name });
    return key;
  }

  async #encrypt(params: Params<"encrypt">, who: Identity): Promise<Done<"encrypt">> {
    const plaintext = readPlaintext(params);
    const act: Act = { who, operation: "encrypt", bytes: plaintext.length };
    const found = this.#newest(act, params.key ?? DEFAULT_KEY.seal);
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

  async #decrypt(params: Params<"decrypt">, who: Identity): Promise<Done<"decrypt">> {
    const asText = readForm(params.as);
    const act = { who, operation: "decrypt" } as const;
    const { found, plaintext } = looksLikeFernet(params.message)
      ? await this.#decryptFernet(params, act)
      : await this.#decryptDirect(params, act);
    const form = asText ? { text: fromUtf8(plaintext) } : { data: toBase64Url(plaintext) };
    return { result: form, by: used(found), bytes: plaintext.length };
  }

  async #decryptDirect(params: Params<"decrypt">, act: Omit<Act, "bytes">): Promise<Opened> {
    const message = unarmor(params.message);
    const header = readHeader(message);
    const found = this.#find({ ...act, bytes: message.length }, header.keyId, params.key);
    const options = { context: readContext(params), engine: this.#parts.engine };
    return { found, plaintext: await openDirect(found.version, header, message, options) };
  }

  /** The version that a message names; `expected` narrows it to one key. */
  #find(act: Act, id: Bytes, expected?: string): Found {
    const found = this.#ring.find(id);
    if (!found || (expected !== undefined && found.key.name !== expected)) {
      throw new CryptoError("denied");
    }
    this.#requireRight(act, found.key.name);
    this.#requirePurpose(found.key, "seal");
    this.#charge(act);
    return found;
  }

  /** A token names no key, so each version is tried; its MAC tells which one it is. */
  async #decryptFernet(params: Params<"decrypt">, act: Omit<Act, "bytes">): Promise<Opened> {
    refuseContext(params);
    const bytes = params.message.length;
    for (const found of this.#fernetVersions({ ...act, bytes }, params.key)) {
      try {
        return { found, plaintext: await openFernet(found.version.material, params.message) };
      } catch (error) {
        if (error instanceof CryptoError && error.code === "decryption_failed") continue;
        throw error;
      }
    }
    throw new CryptoError("decryption_failed");
  }

  #fernetVersions(act: Act, name: string | undefined): Found[] {
    const keys = name === undefined
      ? this.#fernetKeys(act)
      : [this.#requirePurpose(this.#key(act, name), "fernet")];
    return keys.flatMap((key) => {
      return key.versions.map((version, i) => ({ key, version, number: i + 1 })).reverse();
    });
  }

  /** Those with which they may. */
  #fernetKeys(act: Act): RingKey[] {
    const { access } = this.#parts;
    const keys = this.#ring.keys.filter(({ purpose, name }) => {
      return purpose === "fernet" && access.may(act.who, act.operation, name);
    });
    if (keys.length > 0) this.#charge(act);
    return keys;
  }

  async #createEnvelope(
    params: Params<"envelope.create">,
    who: Identity,
  ): Promise<Done<"envelope.create">> {
    const act: Act = { who, operation: "encrypt", bytes: params.size ?? 0 };
    const found = this.#newest(act, params.key ?? DEFAULT_KEY.seal);
    this.#requirePurpose(found.key, "seal");
    const { envelope, dataKey } = await createEnvelope(found.version, this.#parts.engine);
    const result = { envelope: toBase64Url(envelope), dataKey: toBase64Url(dataKey) };
    return { result, by: used(found), declaredBytes: params.size };
  }

  async #openEnvelope(
    { envelope, key, size }: Params<"envelope.open">,
    who: Identity,
  ): Promise<Done<"envelope.open">> {
    const header = readHeader(envelope);
    const found = this.#find({ who, operation: "decrypt", bytes: size ?? 0 }, header.keyId, key);
    const dataKey = await openEnvelope(found.version, header, envelope, this.#parts.engine);
    return { result: { dataKey: toBase64Url(dataKey) }, by: used(found), declaredBytes: size };
  }

  async #createKey(
    who: Identity,
    method: "key.create" | "key.import",
    { name, purpose = "seal", material }: Params<"key.create"> & Partial<Params<"key.import">>,
  ) {
    const act: Act = { who, operation: "manage", bytes: 0 };
    this.#requireRight(act, name);
    if (!isPurpose(purpose)) throw invalidParam("purpose", 'is neither "seal" nor "fernet"');
    const { store, engine } = this.#parts;
    const create = (ring: KeyRing) => ring.create(name, purpose, { material, engine });
    await store.update(create, this.#announce(who, method, name));
    return this.#made(act, name);
  }

  async #rotateKey(who: Identity, name: string) {
    const act: Act = { who, operation: "manage", bytes: 0 };
    this.#requireRight(act, name);
    const { store, engine } = this.#parts;
    const rotate = (ring: KeyRing) => ring.rotate(name, { engine });
    await store.update(rotate, this.#announce(who, "key.rotate", name));
    return this.#made(act, name);
  }

  #made(act: Act, name: string) {
    const found = this.#newest(act, name);
    return { result: { id: formatKeyId(found.version.id) }, by: used(found) };
  }

  #newest(act: Act, name: string): Found {
    return this.#ring.newest(this.#key(act, name));
  }
}

/** Who does what. */
interface Act {
  readonly who: Identity;
  readonly operation: Operation;
  /** What it takes of a quota: of the plaintext, the message, or what the client says they are. */
  readonly bytes: number;
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

/** A line that came after an intent is marked so. Of failures only one can. */
function stageOf(method: Method, error?: CryptoError): Pick<Decision, "stage"> {
  const changes = method.startsWith("key.") && method !== "key.list";
  return changes && (!error || error.code === "ring_not_saved") ? { stage: "result" } : {};
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
