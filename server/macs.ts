/** The methods that make and verify macs. */
import type { Bytes } from "../core/bytes.ts";
import { invalidParam } from "../core/calls.ts";
import { DIGEST_LENGTH, digestOf, makeMac, readMac, verifyMac } from "../core/mac.ts";
import { DEFAULT_KEY } from "../core/ring.ts";
import type { Params } from "../core/methods.ts";
import { type Done, type Handlers, type ServiceParts, used } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import { type KeyLookup, requirePurpose } from "./lookup.ts";
import { readContext, readEither } from "./params.ts";

type MacParams = Omit<Params<"mac.create">, "key">;

interface MacParts extends Pick<ServiceParts, "engine" | "usage"> {
  readonly lookup: KeyLookup;
}

/** The methods whose names begin with `mac.`. */
export function macHandlers(parts: MacParts): Handlers<"mac.create" | "mac.verify"> {
  return {
    "mac.create": (params, who) => createMac(parts, params, who),
    "mac.verify": (params, who) => checkMac(parts, params, who),
  };
}

async function createMac(
  { lookup, engine, usage }: MacParts,
  params: Params<"mac.create">,
  who: Identity,
): Promise<Done<"mac.create">> {
  const act = { who, operation: "mac", bytes: macBytes(params) } as const;
  const found = lookup.encrypting(act, params.key ?? DEFAULT_KEY.mac);
  requirePurpose(found.key, "mac");
  const { digest, ...sizes } = await readDigest(params);
  usage.encrypted(found.version.id, act.bytes);
  const mac = await makeMac(found.version, digest, { context: readContext(params), engine });
  return { result: { mac }, by: used(found), ...sizes };
}

/** @throws {CryptoError} `verification_failed` */
async function checkMac(
  { lookup, engine, usage }: MacParts,
  params: Params<"mac.verify">,
  who: Identity,
): Promise<Done<"mac.verify">> {
  const mac = readMac(params.mac);
  const act = { who, operation: "verify", bytes: macBytes(params) } as const;
  const wanted = { id: mac.keyId, purpose: "mac", name: params.key } as const;
  const { version, ...found } = lookup.byId(act, wanted);
  const { digest, ...sizes } = await readDigest(params);
  await verifyMac(version, mac, digest, { context: readContext(params), engine });
  usage.decrypted(version.id);
  return { result: {}, by: used(found), ...sizes };
}

/** Bytes of the data, as far as the caller says. */
function macBytes({ text, data, size }: MacParams): number {
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
