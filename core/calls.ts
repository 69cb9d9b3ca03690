/**
 * Requests as a daemon reads them, and its answers as it writes them. Parameters are named, each
 * has one type, and one that is not in the table of methods is refused.
 */
import { fromBase64Url } from "./base64.ts";
import { type Bytes, fromUtf8 } from "./bytes.ts";
import { CryptoError, type ErrorKind } from "./errors.ts";
import { type Method, METHODS, type Params, type ParamType } from "./methods.ts";
import { isObject, readId, type RequestId } from "./rpc.ts";

/** The most requests of one batch. */
export const MAX_BATCH = 1_024;

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

/** Members of results that are base64url or armor, and may be long. */
const ENCODED = ["message", "data"] as const;
/** From so many characters on it pays not to look for some that would have to be escaped. */
const LONG = 1_024;

/** A successful answer, without a line break. */
export function resultLine(id: RequestId, result: Record<string, unknown>): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${resultText(result)}}`;
}

/** JSON of a result, without going through what is known to need no escaping. */
function resultText(result: Record<string, unknown>): string {
  const name = ENCODED.find((name) => isLong(result[name]));
  if (!name) return JSON.stringify(result);
  const { [name]: encoded, ...others } = result;
  const rest = JSON.stringify(others);
  return `{"${name}":"${encoded}"${rest === "{}" ? "" : ","}${rest.slice(1)}`;
}

function isLong(value: unknown): boolean {
  return typeof value === "string" && value.length >= LONG;
}

/** A failed answer, without a line break. `message` is the table's; `subject` says what of. */
export function errorLine(id: RequestId, error: CryptoError): string {
  return errorLines([id], error)[0]!;
}

/** The same failure for each of many: what they share is made once. */
export function errorLines(ids: readonly RequestId[], error: CryptoError): string[] {
  const { rpc, message }: ErrorKind = error.kind;
  const { code, subject, hint, retryAfter } = error;
  const data = { code, subject, hint, retryAfter };
  const shared = JSON.stringify({ code: rpc, message, data });
  return ids.map((id) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${shared}}`);
}

function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}

const has = Object.hasOwn;
