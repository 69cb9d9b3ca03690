/** What the daemon does for a caller, once it knows who that is. */
import { armor, unarmorScratch } from "../core/armor.ts";
import { toBase64Url } from "../core/base64.ts";
import { type Bytes, fromUtf8, scratch } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { looksLikeFernet, openFernet, sealFernet } from "../core/fernet.ts";
import { readHeader } from "../core/header.ts";
import type { Usable } from "../core/lifecycle.ts";
import {
  createEnvelope,
  openDirect,
  openEnvelope,
  openEnveloped,
  sealDirect,
  sealEnveloped,
  type WholeMessageOptions,
} from "../core/message.ts";
import { DEFAULT_KEY } from "../core/ring.ts";
import { type Call, invalidParam, readParams } from "../core/calls.ts";
import type { Method, Params } from "../core/methods.ts";
import { DEFAULT_RANDOM, MAX_RANDOM, type StatusResult } from "../core/rpc.ts";
import { type Done, type Handlers, type ServiceParts, used } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import { describeAttempt, describeChange } from "./audit/attempt.ts";
import type { Decision } from "./audit/log.ts";
import { keyHandlers } from "./keys.ts";
import { type Act, KeyLookup, requirePurpose } from "./lookup.ts";
import { macHandlers } from "./macs.ts";
import { failure, type Outcome } from "./outcome.ts";
import {
  type ContextParams,
  readContext,
  readForm,
  readKind,
  readPlaintext,
  refuseContext,
} from "./params.ts";
import { rewrapHandlers } from "./rewrap.ts";
import { keyWarnings } from "./warnings.ts";

type Handler = (params: unknown, who: Identity) => Promise<Done<Method>>;

/** What is answered before the ring is open. */
const WHILE_SEALED: ReadonlySet<Method> = new Set(["status", "unseal"]);

/** The methods of docs/protocol.md. */
export class Service {
  readonly #parts: ServiceParts;
  readonly #lookup: KeyLookup;
  readonly #handlers: Handlers<Method>;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    const lookup = this.#lookup = new KeyLookup(parts);
    this.#handlers = {
      "status": (_, who) => ({ result: this.#status(who) }),
      "unseal": ({ sealingKey }, who) => this.#unseal(sealingKey, who),
      "encrypt": (params, who) => this.#encrypt(params, who),
      "decrypt": (params, who) => this.#decrypt(params, who),
      "envelope.create": (params, who) => this.#createEnvelope(params, who),
      "envelope.open": (params, who) => this.#openEnvelope(params, who),
      ...macHandlers({ ...parts, lookup }),
      ...keyHandlers({ ...parts, lookup }),
      ...rewrapHandlers({ ...parts, lookup }),
      "random": ({ length }, who) => this.#random(who, length),
    };
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
        ...describeChange(method, params),
        ...version === undefined ? {} : { version },
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
      decision: {
        op: method,
        ...about,
        ...describeChange(method, params),
        ...stageOf(method, error),
        error: error.code,
      },
    };
  }

  #requireOpen(who: Identity, method: Method): void {
    const { access, store } = this.#parts;
    if (!access.mayConnect(who)) throw new CryptoError("denied");
    if (store.sealed && !WHILE_SEALED.has(method)) throw new CryptoError("sealed");
  }

  #status(who: Identity): StatusResult {
    const { engine, circumstances, store, access } = this.#parts;
    const { warnings, stale, ...rest } = circumstances();
    // What is wrong with a policy says what is in it.
    const seen = access.mayAdminister(who)
      ? stale
      : stale.map(({ part, since }) => ({ part, since }));
    return {
      ...rest,
      warnings: store.sealed ? warnings : [...warnings, ...keyWarnings(this.#parts, who)],
      stale: seen,
      protocol: 1,
      engine: engine.name,
      sealing: store.rung,
      sealed: store.sealed,
      keys: store.sealed ? 0 : store.ring.keys.length,
    };
  }

  async #unseal(sealingKey: Bytes, who: Identity) {
    const { access, store } = this.#parts;
    if (!access.mayAdminister(who)) throw new CryptoError("denied");
    return { result: { unsealed: await store.unseal(sealingKey) } };
  }

  async #encrypt(params: Params<"encrypt">, who: Identity): Promise<Done<"encrypt">> {
    const plaintext = readPlaintext(params);
    const enveloped = readKind(params.kind);
    const act: Act = { who, operation: "encrypt", bytes: plaintext.length };
    const found = this.#lookup.encrypting(act, params.key ?? DEFAULT_KEY.seal);
    const message = found.key.purpose === "fernet" && !enveloped
      ? await this.#encryptFernet(found, plaintext, params)
      : await this.#encryptSealed(found, plaintext, params, enveloped ? sealEnveloped : sealDirect);
    return { result: { message }, by: used(found), bytes: plaintext.length };
  }

  async #encryptSealed(
    found: Usable,
    plaintext: Bytes,
    params: ContextParams,
    seal: typeof sealDirect,
  ): Promise<string> {
    requirePurpose(found.key, "seal");
    const options = this.#optionsFor(params);
    this.#parts.usage.encrypted(found.version.id, plaintext.length);
    return armor(await seal(found.version, plaintext, options));
  }

  async #encryptFernet(found: Usable, plaintext: Bytes, params: ContextParams): Promise<string> {
    refuseContext(params);
    this.#parts.usage.encrypted(found.version.id, plaintext.length);
    return await sealFernet(found.version.material, plaintext);
  }

  async #decrypt(params: Params<"decrypt">, who: Identity): Promise<Done<"decrypt">> {
    const asText = readForm(params.as);
    const act = { who, operation: "decrypt" } as const;
    const { found, plaintext } = looksLikeFernet(params.message)
      ? await this.#decryptFernet(params, act)
      : await this.#decryptSealed(params, act);
    this.#parts.usage.decrypted(found.version.id);
    const form = asText ? { text: fromUtf8(plaintext) } : { data: toBase64Url(plaintext) };
    return { result: form, by: used(found), bytes: plaintext.length };
  }

  async #decryptSealed(params: Params<"decrypt">, act: Act): Promise<Opened> {
    const message = unarmorScratch(params.message);
    const header = readHeader(message);
    const found = this.#lookup.byId(
      { ...act, bytes: message.length },
      { id: header.keyId, purpose: "seal", name: params.key },
    );
    const options = this.#optionsFor(params);
    const open = header.kind === "enveloped" ? openEnveloped : openDirect;
    return { found, plaintext: await open(found.version, header, message, options) };
  }

  /** What is made with them is encoded at once, and never handed out itself. */
  #optionsFor(params: ContextParams): WholeMessageOptions {
    return { context: readContext(params), engine: this.#parts.engine, allocate: scratch };
  }

  /** A token names no key, so each version is tried; its MAC tells which one it is. */
  async #decryptFernet(params: Params<"decrypt">, act: Act): Promise<Opened> {
    refuseContext(params);
    const bytes = params.message.length;
    for (const found of this.#lookup.fernet({ ...act, bytes }, params.key)) {
      try {
        return { found, plaintext: await openFernet(found.version.material, params.message) };
      } catch (error) {
        if (error instanceof CryptoError && error.code === "decryption_failed") continue;
        throw error;
      }
    }
    throw new CryptoError("decryption_failed");
  }

  async #createEnvelope(
    params: Params<"envelope.create">,
    who: Identity,
  ): Promise<Done<"envelope.create">> {
    const act: Act = { who, operation: "encrypt", bytes: params.size };
    const found = this.#lookup.encrypting(act, params.key ?? DEFAULT_KEY.seal);
    requirePurpose(found.key, "seal");
    this.#parts.usage.encrypted(found.version.id, params.size);
    const { envelope, dataKey } = await createEnvelope(found.version, this.#parts.engine);
    const result = { envelope: toBase64Url(envelope), dataKey: toBase64Url(dataKey) };
    return { result, by: used(found), declaredBytes: params.size };
  }

  async #openEnvelope(
    { envelope, key, size }: Params<"envelope.open">,
    who: Identity,
  ): Promise<Done<"envelope.open">> {
    const header = readHeader(envelope);
    const act = { who, operation: "decrypt", bytes: size } as const;
    const found = this.#lookup.byId(act, { id: header.keyId, purpose: "seal", name: key });
    const dataKey = await openEnvelope(found.version, header, envelope, this.#parts.engine);
    this.#parts.usage.decrypted(found.version.id);
    return { result: { dataKey: toBase64Url(dataKey) }, by: used(found), declaredBytes: size };
  }

  #random(who: Identity, length = DEFAULT_RANDOM): Done<"random"> {
    const possible = length >= 1 && length <= MAX_RANDOM;
    if (!possible) throw invalidParam("length", `is not from 1 to ${MAX_RANDOM}`);
    this.#parts.quotas.charge(who, length);
    return { result: { data: toBase64Url(this.#parts.random(length)) }, bytes: length };
  }
}

interface Opened {
  readonly found: Usable;
  readonly plaintext: Bytes;
}

/** A line that came after an intent is marked so. Of failures only one can. */
function stageOf(method: Method, error?: CryptoError): Pick<Decision, "stage"> {
  const changes = method.startsWith("key.") && method !== "key.list";
  return changes && (!error || error.code === "ring_not_saved") ? { stage: "result" } : {};
}
