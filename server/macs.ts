/** Making and verifying macs, once it is known which key version that is allowed with. */
import type { Bytes } from "../core/bytes.ts";
import { invalidParam } from "../core/calls.ts";
import type { Engine } from "../core/engine.ts";
import { DIGEST_LENGTH, digestOf, type Mac, makeMac, verifyMac } from "../core/mac.ts";
import type { KeyVersion } from "../core/message.ts";
import type { Params } from "../core/rpc.ts";
import type { Done } from "./outcome.ts";
import { readContext, readEither } from "./values.ts";

type MacParams = Omit<Params<"mac.create">, "key">;

/** Makes a mac. */
export async function createMac(
  version: KeyVersion,
  params: MacParams,
  engine: Engine,
): Promise<Done<"mac.create">> {
  const { digest, ...sizes } = await readDigest(params);
  const mac = await makeMac(version, digest, { context: readContext(params), engine });
  return { result: { mac }, ...sizes };
}

/** Verifies a mac. @throws {CryptoError} `verification_failed` */
export async function checkMac(
  version: KeyVersion,
  mac: Mac,
  params: MacParams,
  engine: Engine,
): Promise<Done<"mac.verify">> {
  const { digest, ...sizes } = await readDigest(params);
  await verifyMac(version, mac, digest, { context: readContext(params), engine });
  return { result: {}, ...sizes };
}

/** Bytes of the data, as far as the caller says. */
export function macBytes({ text, data, size }: MacParams): number {
  return readEither(text, data, "text")?.length ?? size ?? 0;
}

/** The digest that the caller gives, or that of the value. */
async function readDigest({ text, data, digest, size }: MacParams) {
  const value = readEither(text, data, "text");
  if (digest === undefined) return await digestOfValue(value, size);
  if (value) throw invalidParam("digest", "excludes text and data");
  if (digest.length !== DIGEST_LENGTH) throw invalidParam("digest", "is not SHA-512's 64 bytes");
  return { digest, declaredBytes: size };
}

async function digestOfValue(value: Bytes | undefined, size: number | undefined) {
  if (!value) throw invalidParam("text", "is missing, and so are data and digest");
  if (size !== undefined) throw invalidParam("size", "goes with digest alone");
  return { digest: await digestOf(value), bytes: value.length };
}
