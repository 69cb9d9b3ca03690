/** The daemon's methods as functions of bytes and texts. */
import { type Bytes, fromBase64Url, toBase64Url } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { KeyInfo, StatusResult, UsedKey } from "../core/rpc.ts";
import type { Channel } from "./connection.ts";

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

function contextParams(context: Data | undefined): Record<string, string> {
  if (context === undefined) return {};
  return typeof context === "string" ? { context } : { contextData: toBase64Url(context) };
}

/** A part that an answer must have: to go on without it would be to invent it. */
function present(part: string | undefined): string {
  if (typeof part === "string") return part;
  throw new CryptoError("unavailable", { hint: "this is not the answer of a crypto daemon" });
}

/** A daemon. */
export class KeyService {
  constructor(private readonly channel: Channel) {}

  /** Encrypts a value. Gives one line of text: a direct message, or a Fernet token. */
  async encrypt(plaintext: Data, { key, context }: KeyOptions = {}): Promise<string> {
    const value = typeof plaintext === "string"
      ? { text: plaintext }
      : { data: toBase64Url(plaintext) };
    const params = { key, ...value, ...contextParams(context) };
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

  /** What the daemon says of itself. */
  status(): Promise<StatusResult> {
    return this.channel.ask("status");
  }

  /** Hangs up. */
  close(): void {
    this.channel.close();
  }
}
