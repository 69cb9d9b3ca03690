/** The daemon's methods as functions of bytes and texts. */
import { fromBase64Url, toBase64Url } from "../core/base64.ts";
import type { Bytes } from "../core/bytes.ts";
import type { KeySettings } from "../core/lifecycle.ts";
import type { Method } from "../core/methods.ts";
import type { KeyInfo, Results, Rewrapped, StatusResult, UsedKey } from "../core/rpc.ts";
import { type Channel, present, type WireParams } from "./channel.ts";
import type { Digest } from "./digest.ts";
import { pipelined, type Values } from "./pipeline.ts";

/** A plaintext or a context: a text stands for its UTF-8. */
export type Data = string | Bytes;

/** Options of encryption and decryption. */
export interface KeyOptions {
  /** The key's name; the daemon's default key when encrypting, the message's when decrypting. */
  readonly key?: string | undefined;
  /** What the message is bound to, at most 64 KiB: the reader must give the same. */
  readonly context?: Data | undefined;
}

/** A data key and the envelope that it travels in. */
export interface DataKey extends UsedKey {
  /** 117 bytes. */
  readonly envelope: Bytes;
  /** 32 secret bytes. */
  readonly dataKey: Bytes;
}

function valueParams(value: Data): WireParams {
  return typeof value === "string" ? { text: value } : { data: toBase64Url(value) };
}

function macParams(data: Data | Digest, { key, context }: KeyOptions): WireParams {
  const value = typeof data === "object" && "digest" in data
    ? { digest: toBase64Url(data.digest), size: data.size }
    : valueParams(data);
  return { key, ...value, ...contextParams(context) };
}

function contextParams(context: Data | undefined): Record<string, string> {
  if (context === undefined) return {};
  return typeof context === "string" ? { context } : { contextData: toBase64Url(context) };
}

/** A daemon. */
export class KeyService {
  constructor(private readonly channel: Channel) {}

  /** Asks for whatever docs/protocol.md has, with parameters as they are there. */
  ask<M extends Method>(method: M, params?: WireParams): Promise<Results[M]> {
    return this.channel.ask(method, params);
  }

  /**
   * Encrypts many values, several at once. Gives what became of each, in their order: one that fails
   * does not stop the others.
   */
  encryptMany(
    values: Values<Data>,
    options: KeyOptions = {},
  ): AsyncGenerator<PromiseSettledResult<string>> {
    const size = ({ length }: Data) => length;
    return pipelined(values, { act: (value) => this.encrypt(value, options), size });
  }

  /** Decrypts many values that {@link encrypt} gave, in the same way. */
  decryptMany(
    messages: Values<string>,
    options: KeyOptions = {},
  ): AsyncGenerator<PromiseSettledResult<Bytes>> {
    const size = ({ length }: string) => length;
    return pipelined(messages, { act: (message) => this.decrypt(message, options), size });
  }

  /** Encrypts a value. Gives one line of text: a direct message, or a Fernet token. */
  async encrypt(plaintext: Data, { key, context }: KeyOptions = {}): Promise<string> {
    const params = { key, ...valueParams(plaintext), ...contextParams(context) };
    return present((await this.channel.ask("encrypt", params)).message);
  }

  /** Decrypts a value that {@link encrypt} gave. */
  async decrypt(message: string, { key, context }: KeyOptions = {}): Promise<Bytes> {
    const params = { message, key, ...contextParams(context) };
    return fromBase64Url(present((await this.channel.ask("decrypt", params)).data));
  }

  /** Decrypts a value that is a text. */
  async decryptText(message: string, { key, context }: KeyOptions = {}): Promise<string> {
    const params = { message, key, as: "text", ...contextParams(context) };
    return present((await this.channel.ask("decrypt", params)).text);
  }

  /** Makes a data key. `size` is what the log shall say of the message's plaintext, in bytes. */
  async createDataKey(key?: string, size?: number): Promise<DataKey> {
    const result = await this.channel.ask("envelope.create", { key, size });
    const envelope = fromBase64Url(present(result.envelope));
    return { ...result, envelope, dataKey: fromBase64Url(present(result.dataKey)) };
  }

  /**
   * Opens an envelope (117 bytes): gives the data key.
   * @param key the name that its key must have, if that matters
   * @throws {CryptoError} `denied` if it is another key's
   */
  async openDataKey(envelope: Bytes, size?: number, key?: string): Promise<Bytes> {
    const params = { envelope: toBase64Url(envelope), key, size };
    return fromBase64Url(present((await this.channel.ask("envelope.open", params)).dataKey));
  }

  /**
   * Makes a mac, under the key named `mac` if none is named. Data that are long, or a stream, are
   * given by their digest.
   */
  async mac(data: Data | Digest, options: KeyOptions = {}): Promise<string> {
    return present((await this.channel.ask("mac.create", macParams(data, options))).mac);
  }

  /**
   * Makes sure that a mac was made of these data in this context.
   * @throws {CryptoError} `verification_failed` if it was not
   */
  async verifyMac(mac: string, data: Data | Digest, options: KeyOptions = {}): Promise<void> {
    present((await this.channel.ask("mac.verify", { mac, ...macParams(data, options) })).key);
  }

  /** The keys that there are. */
  async keys(): Promise<readonly KeyInfo[]> {
    return (await this.channel.ask("key.list")).keys;
  }

  /** Makes a key; `material` (32 bytes) makes it an import. */
  createKey(name: string, purpose: string, material?: Bytes): Promise<UsedKey & { id: string }> {
    if (!material) return this.channel.ask("key.create", { name, purpose });
    const params = { name, purpose, material: toBase64Url(material) };
    return this.channel.ask("key.import", params);
  }

  /** Makes a new version of a key, which encrypts from then on. */
  rotateKey(name: string): Promise<UsedKey & { id: string }> {
    return this.channel.ask("key.rotate", { name });
  }

  /** Changes what is set for a key; what is not given stays. `rotateAfter` in seconds, 0: never. */
  setKey(
    name: string,
    { rotateAfter, minVersion }: KeySettings,
  ): Promise<Results["key.set"]> {
    return this.channel.ask("key.set", { name, rotateAfter, minVersion });
  }

  /**
   * Retires a version, or restores one that was to be destroyed.
   * @throws {CryptoError} `key_in_use`, `key_destroyed`
   */
  changeVersion(change: "retire" | "restore", name: string, version: number) {
    return this.channel.ask(`key.${change}`, { name, version });
  }

  /** Disables or enables a version, or without one the key. @throws {CryptoError} `key_destroyed` */
  switchKey(change: "disable" | "enable", name: string, version?: number) {
    return this.channel.ask(`key.${change}`, { name, version });
  }

  /**
   * Has a version destroyed when a time is over, in which it does nothing and can be restored.
   * @param after seconds; a week if absent
   * @throws {CryptoError} `key_in_use`, `key_destroyed`
   */
  destroyKey(name: string, version: number, after?: number): Promise<Results["key.destroy"]> {
    return this.channel.ask("key.destroy", { name, version, after });
  }

  /**
   * Brings an envelope (117 bytes) to its key's newest version: the message's body stays.
   * @throws {CryptoError} `decryption_failed`, `malformed`, `key_disabled`, `key_destroyed`
   */
  async rewrapEnvelope(envelope: Bytes): Promise<Rewrapped & { readonly envelope: Bytes }> {
    const params = { envelope: toBase64Url(envelope) };
    const result = await this.channel.ask("envelope.rewrap", params);
    return { ...result, envelope: fromBase64Url(present(result.envelope)) };
  }

  /** Brings a direct message to its key's newest version. */
  rewrap(message: string, { key, context }: KeyOptions = {}): Promise<Results["rewrap"]> {
    return this.channel.ask("rewrap", { message, key, ...contextParams(context) });
  }

  /**
   * Opens a sealed ring.
   * @param sealingKey 32 bytes
   * @returns false if it was open already
   * @throws {CryptoError} `decryption_failed` if it is another key
   */
  async unseal(sealingKey: Bytes): Promise<boolean> {
    const params = { sealingKey: toBase64Url(sealingKey) };
    return (await this.channel.ask("unseal", params)).unsealed;
  }

  /** What the daemon says of itself. */
  status(): Promise<StatusResult> {
    return this.channel.ask("status");
  }

  /** Hangs up. Settles when nothing of the connection is left, for which nobody need wait. */
  async close(): Promise<void> {
    await this.channel.close();
  }
}
