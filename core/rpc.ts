/**
 * The daemon's wire messages: JSON-RPC 2.0 (jsonrpc.org/specification), one message a line.
 * docs/protocol.md is the normative description. Parameters are named, each has one type, and one
 * that is not in the table is refused.
 */
import { type Bytes, fromBase64Url, fromUtf8 } from "./bytes.ts";
import { asCryptoError, CryptoError, type ErrorKind, isErrorCode } from "./errors.ts";
import type { Rung } from "./rungs.ts";

/** The longest request line without its line break, in bytes. An answer may be longer. */
export const MAX_LINE = 1_048_576;
/** The most requests of one batch. */
export const MAX_BATCH = 1_024;
const MAX_ID_LENGTH = 128;

/** What a parameter's type is in JSON, and what it becomes here. A `?` makes it optional. */
interface ParamTypes {
  /** A string of valid Unicode. */
  text: string;
  /** A string of base64url without padding. */
  bytes: Bytes;
  /** A whole number from 0 to 2^53 - 1. */
  size: number;
}
type ParamType = keyof ParamTypes;

/** Every method and its parameters. */
export const METHODS = {
  "status": {},
  "unseal": { sealingKey: "bytes" },
  "encrypt": {
    key: "text?",
    text: "text?",
    data: "bytes?",
    context: "text?",
    contextData: "bytes?",
  },
  "decrypt": {
    message: "text",
    key: "text?",
    as: "text?",
    context: "text?",
    contextData: "bytes?",
  },
  "envelope.create": { key: "text?", size: "size?" },
  "envelope.open": { envelope: "bytes", key: "text?", size: "size?" },
  "key.list": {},
  "key.create": { name: "text", purpose: "text?" },
  "key.rotate": { name: "text" },
  "key.import": { name: "text", purpose: "text?", material: "bytes" },
} as const satisfies Record<string, Record<string, ParamType | `${ParamType}?`>>;

/** A method's name. */
export type Method = keyof typeof METHODS;

type Required<S> = { readonly [K in keyof S as S[K] extends ParamType ? K : never]: TypeOf<S[K]> };
type Optional<S> = {
  readonly [K in keyof S as S[K] extends ParamType ? never : K]?: TypeOf<S[K]> | undefined;
};
type TypeOf<T> = T extends ParamType ? ParamTypes[T]
  : T extends `${infer U extends ParamType}?` ? ParamTypes[U]
  : never;

/** The parameters of a method, read. */
export type Params<M extends Method> =
  & Required<(typeof METHODS)[M]>
  & Optional<(typeof METHODS)[M]>;

/** A key as `key.list` shows it. */
export interface KeyInfo {
  readonly name: string;
  readonly purpose: string;
  readonly versions: readonly { readonly id: string; readonly created: string }[];
}

/** Which key version did something. `version` counts from 1. */
export interface UsedKey {
  readonly key: string;
  readonly version: number;
}

/** The result of each method, as JSON. Byte strings are base64url without padding. */
export interface Results {
  "status": StatusResult;
  "unseal": { readonly unsealed: boolean };
  "encrypt": UsedKey & { readonly message: string };
  "decrypt": UsedKey & { readonly text?: string; readonly data?: string };
  "envelope.create": UsedKey & { readonly envelope: string; readonly dataKey: string };
  "envelope.open": UsedKey & { readonly dataKey: string };
  "key.list": { readonly keys: readonly KeyInfo[] };
  "key.create": UsedKey & { readonly id: string };
  "key.rotate": UsedKey & { readonly id: string };
  "key.import": UsedKey & { readonly id: string };
}

/** What `status` tells those who may use the daemon. */
export interface StatusResult {
  readonly version: string;
  /** The protocol's version: it changes when a client of the old one could be misled. */
  readonly protocol: 1;
  readonly mode: "system" | "user";
  readonly engine: string;
  readonly sealing: Rung;
  /** Whether the ring is still closed; then there are no keys to count. */
  readonly sealed: boolean;
  readonly keys: number;
  readonly connections: number;
  /** Seconds. */
  readonly uptime: number;
  /** Whom the set-up does not stop, in sentences. */
  readonly warnings: readonly string[];
}

/** A request's id: what its answer carries. */
export type RequestId = string | number | null;

/** A request that can be acted upon. */
export interface Call {
  readonly id: RequestId;
  readonly method: Method;
  readonly params: Record<string, unknown>;
}

/** A request that cannot: its answer is already known. */
export interface BadCall {
  readonly id: RequestId;
  readonly error: CryptoError;
}

/** What one line can hold. */
export type Incoming =
  | { readonly kind: "single"; readonly call: Call | BadCall }
  | { readonly kind: "batch"; readonly calls: readonly (Call | BadCall)[] }
  | { readonly kind: "legacy"; readonly command: unknown; readonly payload: unknown };

/**
 * Reads a line from a client. Never throws: what cannot be read becomes a {@link BadCall}.
 * Nesting does no harm: nothing here recurses into a value.
 */
export function readRequestLine(line: Uint8Array): Incoming {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(line));
  } catch {
    return { kind: "single", call: { id: null, error: new CryptoError("parse_error") } };
  }
  if (Array.isArray(value)) return readBatch(value);
  if (isObject(value) && !has(value, "jsonrpc") && has(value, "command")) {
    return { kind: "legacy", command: value.command, payload: value.payload };
  }
  return { kind: "single", call: readCall(value) };
}

function readBatch(values: readonly unknown[]): Incoming {
  const refuse = (code: "invalid_request" | "batch_too_large"): Incoming => {
    return { kind: "single", call: { id: null, error: new CryptoError(code) } };
  };
  if (values.length === 0) return refuse("invalid_request");
  if (values.length > MAX_BATCH) return refuse("batch_too_large");
  return { kind: "batch", calls: values.map(readCall) };
}

function readCall(value: unknown): Call | BadCall {
  const id = isObject(value) ? readId(value.id) : undefined;
  if (!isObject(value) || id === undefined) return bad(null, "invalid_request");
  const { method, params = {} } = value;
  if (value.jsonrpc !== "2.0" || typeof method !== "string") return bad(id, "invalid_request");
  if (!isMethod(method)) return bad(id, "unknown_method");
  if (!isObject(params)) return bad(id, "invalid_params");
  return { id, method, params };
}

/** Made once: a batch may hold a thousand of them. */
const BAD = {
  invalid_request: new CryptoError("invalid_request"),
  unknown_method: new CryptoError("unknown_method"),
  invalid_params: new CryptoError("invalid_params"),
} as const;

function bad(id: RequestId, code: keyof typeof BAD): BadCall {
  return { id, error: BAD[code] };
}

/** An id that an answer can carry; undefined for a notification and for what is no id. */
function readId(id: unknown): string | number | undefined {
  if (typeof id === "string") return id.length <= MAX_ID_LENGTH ? id : undefined;
  return Number.isSafeInteger(id) ? id as number : undefined;
}

/**
 * Reads a call's parameters by the table.
 * @throws {CryptoError} `invalid_params`, `invalid_text` or `malformed`, naming the parameter.
 */
export function readParams<M extends Method>(method: M, given: Record<string, unknown>): Params<M> {
  const { types, required } = SIGNATURES[method];
  const read: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    const type = types.get(name);
    if (type === undefined) throw invalidParam(name, "is not a parameter of this method");
    read[name] = readParam(name, type, given[name]);
  }
  const missing = required.find((name) => !has(read, name));
  if (missing !== undefined) throw invalidParam(missing, "is missing");
  return read as Params<M>;
}

/** The table of methods as {@link readParams} needs it, made once. */
interface Signature {
  readonly types: ReadonlyMap<string, ParamType>;
  readonly required: readonly string[];
}

const SIGNATURES = Object.fromEntries(
  Object.entries(METHODS).map(([method, params]) => [method, signature(params)]),
) as Record<Method, Signature>;

function signature(params: Record<string, string>): Signature {
  const entries = Object.entries(params);
  const types = entries.map(([name, type]) => [name, type.replace("?", "") as ParamType] as const);
  const required = entries.filter(([, type]) => !type.endsWith("?")).map(([name]) => name);
  return { types: new Map(types), required };
}

function readParam(name: string, type: ParamType, value: unknown): unknown {
  if (type === "size") {
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value;
    throw invalidParam(name, "is not a whole number");
  }
  if (typeof value !== "string") throw invalidParam(name, "is not a string");
  if (type === "bytes") return readBytesParam(name, value);
  if (!value.isWellFormed()) throw new CryptoError("invalid_text", { subject: name });
  return value;
}

function readBytesParam(name: string, value: string): Bytes {
  try {
    return fromBase64Url(value);
  } catch {
    throw invalidParam(name, "is not base64url without padding");
  }
}

/** An error about one parameter. The name is the caller's text, so it is cut and quoted. */
export function invalidParam(name: string, problem: string): CryptoError {
  return new CryptoError("invalid_params", {
    hint: `${JSON.stringify(name.slice(0, 40))} ${problem}`,
  });
}

/** A successful answer, without a line break. */
export function resultLine(id: RequestId, result: unknown): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result)}}`;
}

/** A failed answer, without a line break. `message` is the table's; `subject` says what of. */
export function errorLine(id: RequestId, error: CryptoError): string {
  const { rpc, message }: ErrorKind = error.kind;
  const data = { code: error.code, subject: error.subject, hint: error.hint };
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code: rpc, message, data } });
}

/** A request, without a line break. */
export function requestLine<M extends Method>(
  id: number,
  method: M,
  params: Record<string, string | number | undefined>,
): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

/** An answer, read: to which request, and what it was. */
export interface Answer {
  readonly id: RequestId;
  readonly outcome: { readonly result: unknown } | { readonly error: CryptoError };
}

/**
 * Reads a line from the daemon.
 * @throws {CryptoError} `unavailable` if it is no answer of this protocol.
 */
export function readAnswerLine(line: Uint8Array): Answer {
  try {
    const value: unknown = JSON.parse(fromUtf8(line));
    if (!isObject(value) || value.jsonrpc !== "2.0") throw new Error("no JSON-RPC 2.0");
    const id = readId(value.id) ?? null;
    if (isObject(value.error)) return { id, outcome: { error: readError(value.error) } };
    if (!has(value, "result")) throw new Error("neither result nor error");
    return { id, outcome: { result: value.result } };
  } catch (cause) {
    const hint = "this is not the answer of a crypto daemon";
    throw new CryptoError("unavailable", { hint, cause });
  }
}

/** The error of an answer; a code that a newer daemon may have is taken as `internal`. */
function readError({ data, message }: Record<string, unknown>): CryptoError {
  if (!isObject(data) || !isErrorCode(data.code)) {
    return asCryptoError(new Error(`the daemon says: ${String(message).slice(0, 200)}`));
  }
  const text = (value: unknown) => typeof value === "string" ? value.slice(0, 500) : undefined;
  return new CryptoError(data.code, { subject: text(data.subject), hint: text(data.hint) });
}

function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const has = Object.hasOwn;
