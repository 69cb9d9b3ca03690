/** What the daemon does for a caller, once it knows who that is. */
import { armor, unarmor } from "../core/armor.ts";
import { type Bytes, fromUtf8, toBase64Url } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import { looksLikeFernet, openFernet, sealFernet } from "../core/fernet.ts";
import { formatKeyId, readHeader } from "../core/header.ts";
import { readMac } from "../core/mac.ts";
import { createEnvelope, openDirect, openEnvelope, sealDirect } from "../core/message.ts";
import {
  DEFAULT_KEY,
  type Found,
  isPurpose,
  type KeyRing,
  type Purpose,
  PURPOSES,
  type RingKey,
} from "../core/ring.ts";
import { type Call, invalidParam, readParams } from "../core/calls.ts";
import {
  DEFAULT_RANDOM,
  MAX_RANDOM,
  type Method,
  type Params,
  type StatusResult,
  type UsedKey,
} from "../core/rpc.ts";
import type { Random } from "../platform/random.ts";
import { type Access, type Operation, OPERATIONS } from "./access.ts";
import type { Identity } from "./identity.ts";
import type { KeyStore } from "./keystore.ts";
import { checkMac, createMac, macBytes } from "./macs.ts";
import { type Done, failure, type Handler, type Handlers, type Outcome } from "./outcome.ts";
import type { Quotas } from "./quotas.ts";
import {
  type ContextParams,
  readContext,
  readForm,
  readPlaintext,
  refuseContext,
} from "./values.ts";

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
  readonly random: Random;
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
      "mac.create": (params, who) => this.#createMac(params, who),
      "mac.verify": (params, who) => this.#verifyMac(params, who),
      "random": ({ length }) => this.#random(length),
      "key.list": (_, who) => this.#listKeys(who),
      "key.create": ({ name, purpose }, who) => this.#createKey(who, name, purpose),
      "key.import": ({ name, purpose, material }, who) => {
        return this.#createKey(who, name, purpose, material);
      },
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
      const decision = { op: method, key: by?.key, version: by?.version, bytes, declaredBytes };
      return { result: { ...result, ...by }, decision };
    } catch (thrown) {
      return failure(method, thrown);
    }
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
    this.#requirePurpose(found.key, "seal");
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
    const wanted = { id: header.keyId, purpose: "seal", name: params.key } as const;
    const found = this.#find({ ...act, bytes: message.length }, wanted);
    const options = { context: readContext(params), engine: this.#parts.engine };
    return { found, plaintext: await openDirect(found.version, header, message, options) };
  }

  /** The version that a message names; `name` narrows it to one key. */
  #find(act: Act, { id, purpose, name }: Wanted): Found {
    const found = this.#ring.find(id);
    if (!found || (name !== undefined && found.key.name !== name)) throw new CryptoError("denied");
    this.#requireRight(act, found.key.name);
    this.#requirePurpose(found.key, purpose);
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
    const act: Act = { who, operation: "decrypt", bytes: size ?? 0 };
    const found = this.#find(act, { id: header.keyId, purpose: "seal", name: key });
    const dataKey = await openEnvelope(found.version, header, envelope, this.#parts.engine);
    return { result: { dataKey: toBase64Url(dataKey) }, by: used(found), declaredBytes: size };
  }

  async #createMac(params: Params<"mac.create">, who: Identity): Promise<Done<"mac.create">> {
    const act: Act = { who, operation: "mac", bytes: macBytes(params) };
    const found = this.#newest(act, params.key ?? DEFAULT_KEY.mac);
    this.#requirePurpose(found.key, "mac");
    return { ...await createMac(found.version, params, this.#parts.engine), by: used(found) };
  }

  async #verifyMac(params: Params<"mac.verify">, who: Identity): Promise<Done<"mac.verify">> {
    const mac = readMac(params.mac);
    const act: Act = { who, operation: "verify", bytes: macBytes(params) };
    const found = this.#find(act, { id: mac.keyId, purpose: "mac", name: params.key });
    return { ...await checkMac(found.version, mac, params, this.#parts.engine), by: used(found) };
  }

  #random(length = DEFAULT_RANDOM): Done<"random"> {
    const possible = length >= 1 && length <= MAX_RANDOM;
    if (!possible) throw invalidParam("length", `is not from 1 to ${MAX_RANDOM}`);
    return { result: { data: toBase64Url(this.#parts.random(length)) }, bytes: length };
  }

  async #createKey(who: Identity, name: string, purpose: string = "seal", material?: Bytes) {
    const act: Act = { who, operation: "manage", bytes: 0 };
    this.#requireRight(act, name);
    if (!isPurpose(purpose)) throw invalidParam("purpose", `is none of ${PURPOSES.join(", ")}`);
    const { store, engine } = this.#parts;
    await store.update((ring) => ring.create(name, purpose, { material, engine }));
    return this.#made(act, name);
  }

  async #rotateKey(who: Identity, name: string) {
    const act: Act = { who, operation: "manage", bytes: 0 };
    this.#requireRight(act, name);
    const { store, engine } = this.#parts;
    await store.update((ring) => ring.rotate(name, { engine }));
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

/** The version that a message or mac names, and what its key must be. */
interface Wanted {
  readonly id: Bytes;
  readonly purpose: Purpose;
  readonly name?: string | undefined;
}

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
