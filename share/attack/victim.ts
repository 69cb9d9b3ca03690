/** What the attacks are made with: secrets, and calls of the API that keep no rule by themselves. */
import { type Bytes, randomBytes, toBase64Url } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";

/** An attack that succeeded. */
export class Finding extends Error {}

/** @throws {Finding} */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Finding(otherwise);
}

/** SHA-256 as base64url. */
export async function hashed(bytes: Bytes): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Posts JSON. */
export async function call(url: string, name: string, fields: unknown, init: RequestInit = {}) {
  const response = await fetch(`${url}/api/${name}`, {
    method: "POST",
    body: JSON.stringify(fields),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
  const text = await response.text();
  const json = text.startsWith("{") ? JSON.parse(text) as Record<string, unknown> : {};
  return { status: response.status, headers: response.headers, text, json };
}

/** A secret to be attacked: what its sender and its reader hold, as base64url. */
export class Victim {
  readonly #id = randomBytes(16);
  readonly id = toBase64Url(this.#id);
  readonly linkProof = randomBytes(32);
  readonly receipt = randomBytes(32);
  readonly uploadToken = randomBytes(32);
  readonly passphraseProof: Bytes | undefined;
  readonly content: Bytes;

  constructor({ passphrase = false, size = 1024 } = {}) {
    this.passphraseProof = passphrase ? randomBytes(32) : undefined;
    this.content = new Uint8Array(size);
    for (let at = 0; at < size; at += 65_536) {
      crypto.getRandomValues(this.content.subarray(at, at + 65_536));
    }
  }

  /** What `create` is asked. */
  async creation(more: object = {}): Promise<Record<string, unknown>> {
    const { passphraseProof, content } = this;
    const inline = content.length <= INLINE_BYTES;
    return {
      id: this.id,
      linkProofHash: await hashed(this.linkProof),
      ...(passphraseProof ? { passphraseProofHash: await hashed(passphraseProof) } : {}),
      receiptHash: await hashed(this.receipt),
      kind: "secret",
      ttl: 3600,
      views: 1,
      size: content.length,
      ...(inline
        ? { body: toBase64Url(content) }
        : { uploadTokenHash: await hashed(this.uploadToken) }),
      ...more,
    };
  }

  /** Creates it, which must succeed. */
  async create(url: string, more: object = {}): Promise<this> {
    const { status, text } = await call(url, "create", await this.creation(more));
    if (status !== 201 && status !== 202) throw new Finding(`not created: ${status} ${text}`);
    return this;
  }

  get link() {
    return { id: this.id, linkProof: toBase64Url(this.linkProof) };
  }

  get held() {
    return { id: this.id, receipt: toBase64Url(this.receipt) };
  }

  /** Where its upload goes. */
  get place() {
    return { id: this.#id, uploadToken: this.uploadToken };
  }

  /** What `take` is asked, under a new claim token unless one is given. */
  claim(claimToken: string = toBase64Url(randomBytes(32))) {
    const proof = this.passphraseProof;
    const passphraseProof = proof && toBase64Url(proof);
    return { ...this.link, claimToken, ...(passphraseProof ? { passphraseProof } : {}) };
  }
}

/** A request to be attacked: what its maker and its answerer hold, as base64url. */
export class VictimRequest {
  readonly id = toBase64Url(randomBytes(16));
  readonly #readProof = randomBytes(32);
  readonly #writeProof = randomBytes(32);
  readonly #receipt = randomBytes(32);

  /** Registers it, which must succeed. */
  async create(url: string): Promise<this> {
    const { status, text } = await call(url, "request", await this.registration());
    if (status !== 201) throw new Finding(`not requested: ${status} ${text}`);
    return this;
  }

  /** What `request` is asked. */
  async registration(more: object = {}): Promise<Record<string, unknown>> {
    return {
      id: this.id,
      linkProofHash: await hashed(this.#readProof),
      writeProofHash: await hashed(this.#writeProof),
      receiptHash: await hashed(this.#receipt),
      ttl: 3600,
      size: 4096,
      ...more,
    };
  }

  /** What whoever has the link that was given away shows. */
  get link() {
    return { id: this.id, writeProof: toBase64Url(this.#writeProof) };
  }

  /** What `answer` is asked by somebody, with a body of its own. */
  async answer(more: object = {}) {
    const receipt = randomBytes(32);
    const body = toBase64Url(randomBytes(1024));
    const receiptHash = await hashed(receipt);
    return { ...this.link, receiptHash, size: 1024, body, ...more };
  }

  get held() {
    return { id: this.id, receipt: toBase64Url(this.#receipt) };
  }

  /** What `take` is asked by who asked for it. */
  claim() {
    const linkProof = toBase64Url(this.#readProof);
    return { id: this.id, linkProof, claimToken: toBase64Url(randomBytes(32)) };
  }
}
