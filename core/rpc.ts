/**
 * The daemon's wire messages: JSON-RPC 2.0 (jsonrpc.org/specification), one message a line.
 * docs/protocol.md is the normative description. Here is what both sides know, and what a client
 * writes and reads; what a daemon reads and writes is in `calls.ts`, which a client does without.
 */
import { fromUtf8 } from "./bytes.ts";
import { asCryptoError, CryptoError, isErrorCode } from "./errors.ts";
import type { VersionState } from "./lifecycle.ts";
import type { Method } from "./methods.ts";
import type { Rung } from "./rungs.ts";

/** The longest request line without its line break, in bytes. An answer may be longer. */
export const MAX_LINE = 1_048_576;
/** The most bytes that `random` gives, and how many it gives if not told. */
export const MAX_RANDOM = 65_536;
export const DEFAULT_RANDOM = 32;
const MAX_ID_LENGTH = 128;

/** A key as `key.list` shows it. */
export interface KeyInfo {
  readonly name: string;
  readonly purpose: string;
  readonly disabled?: boolean | undefined;
  /** Seconds. */
  readonly rotateAfter?: number | undefined;
  readonly minVersion?: number | undefined;
  /** The number of the version that encrypts, if one does. */
  readonly encrypts?: number | undefined;
  /** Oldest first. */
  readonly versions: readonly VersionInfo[];
}

/** How often a key version was used, counted by this daemon. */
export interface KeyUsage {
  /** Messages; after a kill more than were. */
  readonly encrypted: number;
  readonly decrypted: number;
  /** Of plaintext that was encrypted; of enveloped messages what their clients said. */
  readonly bytes: number;
  readonly lastUsed?: string;
}

/** A version as `key.list` shows it. Times are ISO 8601, UTC. */
export interface VersionInfo extends KeyUsage {
  readonly id: string;
  /** Counted from 1. */
  readonly version: number;
  readonly state: VersionState;
  readonly created: string;
  readonly retired?: string | undefined;
  readonly destroyAt?: string | undefined;
  readonly destroyed?: string | undefined;
}

/** Which key version did something. `version` counts from 1. */
export interface UsedKey {
  readonly key: string;
  readonly version: number;
}

/** A key, or a version of it, and what it is now. */
export interface Changed {
  readonly key: string;
  readonly version?: number;
  readonly state: VersionState;
}

/** A version, and what it is now. */
export type ChangedVersion = UsedKey & Changed;

/** What a message was under, and is under now. */
export interface Rewrapped extends UsedKey {
  /** False if it was under the newest version already. */
  readonly rewrapped: boolean;
  /** The number of the version that it was under. */
  readonly from: number;
}

/** The result of each method, as JSON. Byte strings are base64url without padding. */
export interface Results {
  "status": StatusResult;
  "unseal": { readonly unsealed: boolean };
  "encrypt": UsedKey & { readonly message: string };
  "decrypt": UsedKey & { readonly text?: string; readonly data?: string };
  "envelope.create": UsedKey & { readonly envelope: string; readonly dataKey: string };
  "envelope.open": UsedKey & { readonly dataKey: string };
  "envelope.rewrap": Rewrapped & { readonly envelope: string };
  "rewrap": Rewrapped & { readonly message: string };
  "mac.create": UsedKey & { readonly mac: string };
  /** That it is answered at all says that the mac fits. */
  "mac.verify": UsedKey;
  "random": { readonly data: string };
  "key.list": { readonly keys: readonly KeyInfo[] };
  "key.create": UsedKey & { readonly id: string };
  "key.rotate": UsedKey & { readonly id: string };
  "key.import": UsedKey & { readonly id: string };
  "key.set": Pick<UsedKey, "key"> & { readonly rotateAfter: number; readonly minVersion: number };
  "key.retire": ChangedVersion;
  "key.disable": Changed;
  "key.enable": Changed;
  "key.destroy": ChangedVersion & {
    readonly destroyAt: string;
    /** Whether older copies of the ring will open no more. */
    readonly renews: boolean;
    readonly sealing: Rung;
  };
  "key.restore": ChangedVersion;
}

/** What a daemon reads again when it is told to. */
export type ReloadedPart = "configuration" | "policy" | "certificates";

/** A part that is in force as it was before a reload that failed. */
export interface Stale {
  readonly part: ReloadedPart;
  /** When the first of these reloads was: ISO 8601, UTC. */
  readonly since: string;
  /** What is wrong with the file, for those who administer the daemon. */
  readonly problem?: string;
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
  /** What is older than its file, since a reload found a mistake there. */
  readonly stale: readonly Stale[];
}

/** A request's id: what its answer carries. */
export type RequestId = string | number | null;

/** An id that an answer can carry; undefined for a notification and for what is no id. */
export function readId(id: unknown): string | number | undefined {
  if (typeof id === "string") return id.length <= MAX_ID_LENGTH ? id : undefined;
  return Number.isSafeInteger(id) ? id as number : undefined;
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
    if (!Object.hasOwn(value, "result")) throw new Error("neither result nor error");
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
  const retryAfter = Number.isSafeInteger(data.retryAfter) ? data.retryAfter as number : undefined;
  return new CryptoError(data.code, {
    subject: text(data.subject),
    hint: text(data.hint),
    retryAfter,
  });
}

/** Whether a value of JSON is an object, and neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
