/** The methods that bring messages to the newest version of their own key, and show nothing of them. */
import { armor, unarmor } from "../core/armor.ts";
import { toBase64Url } from "../core/base64.ts";
import { CryptoError } from "../core/errors.ts";
import { looksLikeFernet } from "../core/fernet.ts";
import { readHeader } from "../core/header.ts";
import { encryptingVersion, type Usable } from "../core/lifecycle.ts";
import { openDirect, openEnvelope, sealDirect, sealEnvelope } from "../core/message.ts";
import type { Params } from "../core/methods.ts";
import { type Done, type Handlers, type ServiceParts, used } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import type { KeyLookup } from "./lookup.ts";
import { readContext } from "./params.ts";

interface RewrapParts extends Pick<ServiceParts, "engine" | "usage"> {
  readonly lookup: KeyLookup;
}

type RewrapMethod = "envelope.rewrap" | "rewrap";

export function rewrapHandlers(parts: RewrapParts): Handlers<RewrapMethod> {
  return {
    "envelope.rewrap": (params, who) => rewrapEnvelope(parts, params, who),
    "rewrap": (params, who) => rewrapDirect(parts, params, who),
  };
}

/** The data key is opened also where nothing changes: what is damaged is not called new. */
async function rewrapEnvelope(
  parts: RewrapParts,
  { envelope, key }: Params<"envelope.rewrap">,
  who: Identity,
): Promise<Done<"envelope.rewrap">> {
  const { lookup, engine, usage } = parts;
  const header = readHeader(envelope);
  const from = lookup.byId(
    { who, operation: "rewrap" },
    { id: header.keyId, purpose: "seal", name: key },
  );
  const dataKey = await openEnvelope(from.version, header, envelope, engine);
  usage.decrypted(from.version.id);
  const to = newer(from);
  if (!to) return same(from, { envelope: toBase64Url(envelope) });
  usage.encrypted(to.version.id);
  const anew = await sealEnvelope(to.version, dataKey, engine);
  return changed(from, to, { envelope: toBase64Url(anew) });
}

async function rewrapDirect(
  parts: RewrapParts,
  params: Params<"rewrap">,
  who: Identity,
): Promise<Done<"rewrap">> {
  const { lookup, engine, usage } = parts;
  if (looksLikeFernet(params.message)) throw new CryptoError("malformed", { hint: FERNET });
  const message = unarmor(params.message);
  const header = readHeader(message);
  const act = { who, operation: "rewrap", bytes: message.length } as const;
  const from = lookup.byId(act, { id: header.keyId, purpose: "seal", name: params.key });
  const options = { context: readContext(params), engine };
  const plaintext = await openDirect(from.version, header, message, options);
  usage.decrypted(from.version.id);
  const to = newer(from);
  if (!to) return same(from, { message: params.message });
  usage.encrypted(to.version.id, plaintext.length);
  const anew = await sealDirect(to.version, plaintext, options);
  return changed(from, to, { message: armor(anew) });
}

const FERNET = "a Fernet token names no version: decrypt it and encrypt it anew";

/** The version of the same key that a message is brought to: never to an older one. */
function newer({ key, number }: Usable): Usable | undefined {
  const to = encryptingVersion(key);
  return to && to.number > number ? to : undefined;
}

function same<T extends object>(from: Usable, result: T) {
  return { result: { ...result, rewrapped: false, from: from.number }, by: used(from) };
}

function changed<T extends { readonly [name: string]: string }>(
  from: Usable,
  to: Usable,
  result: T,
) {
  return { result: { ...result, rewrapped: true, from: from.number }, by: used(to) };
}
