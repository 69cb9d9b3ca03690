/** Parameters that several methods take, and that exclude each other. */
import { type Bytes, utf8Scratch } from "../core/bytes.ts";
import { invalidParam } from "../core/calls.ts";
import type { Params } from "../core/methods.ts";

/** A context as text or as bytes. */
export type ContextParams = Pick<Params<"encrypt">, "context" | "contextData">;

/** One of two parameters that exclude each other: text, or bytes. */
export function readEither(text: string | undefined, bytes: Bytes | undefined, name: string) {
  if (text !== undefined && bytes !== undefined) throw invalidParam(name, "excludes its twin");
  return text === undefined ? bytes : utf8Scratch(text);
}

/** @throws {CryptoError} `invalid_params` if there is none */
export function readPlaintext({ text, data }: Params<"encrypt">): Bytes {
  const plaintext = readEither(text, data, "text");
  if (!plaintext) throw invalidParam("text", "is missing, and so is data");
  return plaintext;
}

export function readContext({ context, contextData }: ContextParams): Bytes | undefined {
  return readEither(context, contextData, "context");
}

/** Fernet binds no context; to ignore one would be to promise what is not kept. */
export function refuseContext({ context, contextData }: ContextParams): void {
  if (context !== undefined || contextData !== undefined) {
    throw invalidParam("context", "cannot be bound to a Fernet token");
  }
}

/** Whether a message is to be an enveloped one. */
export function readKind(kind: string | undefined): boolean {
  if (kind === undefined || kind === "direct") return false;
  if (kind === "enveloped") return true;
  throw invalidParam("kind", 'is neither "direct" nor "enveloped"');
}

/** Whether a plaintext is to be given as text. */
export function readForm(as: string | undefined): boolean {
  if (as === undefined || as === "data") return false;
  if (as === "text") return true;
  throw invalidParam("as", 'is neither "text" nor "data"');
}
