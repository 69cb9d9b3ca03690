/**
 * Credentials for units: systemd connects, from an address that says which unit it starts and which
 * credential that wants, and takes what is sent (systemd.exec(5), LoadCredential=). What is sent is
 * a message in the configuration directory, decrypted, if the configuration gives it to that unit.
 */
import { armor, ARMOR_PREFIX, unarmor } from "../core/armor.ts";
import { fromBase64Url, toBase64Url } from "../core/base64.ts";
import { type Bytes, concat, fromUtf8, utf8 } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { readHeader } from "../core/header.ts";
import { BODY_PREFIX_LENGTH, createBodyOpener, ENVELOPE_LENGTH } from "../core/message.ts";
import type { Method } from "../core/methods.ts";
import type { Results } from "../core/rpc.ts";
import { readSecret } from "./durable.ts";
import type { Identity } from "./identity.ts";
import type { Decision } from "./audit/log.ts";
import type { Service } from "./service.ts";

/** What systemd asks for. */
export interface Wanted {
  readonly unit: string;
  readonly credential: string;
}

/** What a credential's message is bound to, before its name. */
const CONTEXT = "credential/";
/**
 * The longest secret, in bytes: so few that the kernel takes them at once, since systemd would take
 * the first half of a secret for the whole.
 */
export const MAX_SECRET = 65_536;
/** Bytes of such a secret's message as text, and some more. */
const MAX_MESSAGE = 90_000;
/** A zero byte, 16 or fewer hexadecimal digits, and the rest as systemd.exec(5) says. */
// deno-lint-ignore no-control-regex -- such characters are in no name of these, and not for the log
const ADDRESS = /^\0[0-9a-f]{1,16}\/unit\/([^/\0-\x1f\x7f-\x9f]+)\/([^/\0-\x1f\x7f-\x9f]+)$/;

/**
 * Reads the address that systemd has bound its socket to.
 * @throws {CryptoError} `denied` if it is none of systemd's
 */
export function readAddress(name: Bytes): Wanted {
  const [, unit, credential] = ADDRESS.exec(new TextDecoder("latin1").decode(name)) ?? [];
  if (unit === undefined || credential === undefined) throw new CryptoError("denied");
  return { unit, credential };
}

/** What credentials are made of. */
export interface CredentialParts {
  readonly service: Service;
  readonly engine: Engine;
  /** The directory of the messages: NAME.crypto. */
  readonly directory: string;
  /** The units that may have each. */
  readonly units: () => ReadonlyMap<string, readonly string[]>;
}

/** What became of it: the secret, or why there is none; and the line for the log. */
export interface Credential {
  readonly secret?: Bytes;
  readonly decision: Decision;
}

/** Decrypts credentials for those units that may have them. */
export class Credentials {
  constructor(private readonly parts: CredentialParts) {}

  /** Never throws. @param who root's process that asks for a unit */
  async get(who: Identity, wanted: Wanted): Promise<Credential> {
    const told = { op: "credential", ...wanted };
    try {
      if (!this.parts.units().get(wanted.credential)?.includes(wanted.unit)) {
        throw new CryptoError("denied");
      }
      const { key, version, secret } = await this.#open(who, wanted.credential);
      if (secret.length > MAX_SECRET) throw new CryptoError("too_large");
      return { secret, decision: { ...told, key, version, bytes: secret.length } };
    } catch (thrown) {
      return { decision: { ...told, error: asCryptoError(thrown).code } };
    }
  }

  /** @param name is a file's: the configuration has no other */
  async #open(who: Identity, name: string) {
    const path = `${this.parts.directory}/${name}.crypto`;
    const file = readSecret(path, MAX_MESSAGE, "too_large");
    if (!file) throw new CryptoError("io", { subject: path, hint: "there is no such file" });
    const message = asBytes(file);
    const context = CONTEXT + name;
    switch (readHeader(message).kind) {
      case "direct":
        return await this.#openDirect(who, message, context);
      case "enveloped":
        return await this.#openEnveloped(who, message, context);
      case "passphrase":
        throw new CryptoError("malformed", { subject: path });
    }
  }

  async #openDirect(who: Identity, bytes: Bytes, context: string) {
    const params = { message: armor(bytes), context };
    const { data, ...used } = await this.#ask(who, "decrypt", params);
    return { ...used, secret: fromBase64Url(data ?? "") };
  }

  /** The whole of it, before any of it is given out. */
  async #openEnveloped(who: Identity, bytes: Bytes, context: string) {
    const body = ENVELOPE_LENGTH + BODY_PREFIX_LENGTH;
    const params = { envelope: toBase64Url(bytes.subarray(0, ENVELOPE_LENGTH)) };
    const { dataKey, ...used } = await this.#ask(who, "envelope.open", params);
    const options = { context: utf8(context), engine: this.parts.engine };
    const prefix = bytes.subarray(ENVELOPE_LENGTH, body);
    const opener = await createBodyOpener(fromBase64Url(dataKey), prefix, options);
    const secret = concat(await opener.update(bytes.subarray(body)), await opener.finish());
    return { ...used, secret };
  }

  /** Asks as root would: what root may not, this does not do for it. */
  async #ask<M extends Method>(who: Identity, method: M, params: Record<string, string>) {
    const { result, error } = await this.parts.service.handle(who, { id: null, method, params });
    if (error) throw error;
    return result as Results[M];
  }
}

/** A message as bytes, if it is there as a line of text. */
function asBytes(file: Bytes): Bytes {
  const prefix = utf8(ARMOR_PREFIX);
  if (!prefix.every((byte, i) => file[i] === byte)) return file;
  return unarmor(fromUtf8(file).replace(/\n$/, ""));
}
