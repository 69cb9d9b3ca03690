/** What the attacks are made with: secrets, and calls of the API that keep no rule by themselves. */
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import { expect, Untried } from "./attack.ts";

/** HTTP statuses of the answers that attacks look for. */
export const TAKEN = 200;
export const UNAVAILABLE = 404;
export const GONE = 410;
export const TOO_MANY = 429;

/** 32 random bytes as base64url: what anybody can make up. */
export function madeUp(): string {
  return toBase64Url(randomBytes(32));
}

/** SHA-256 as base64url. */
export async function hashed(bytes: Bytes): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Posts JSON. */
export async function call(url: string, name: string, fields: unknown, init: RequestInit = {}) {
  const response = await post(url, name, { body: JSON.stringify(fields), ...init });
  const text = await response.text();
  const json = text.startsWith("{") ? JSON.parse(text) as Record<string, unknown> : {};
  return { status: response.status, headers: response.headers, text, json };
}

/** The same, for who learns nothing from being told to wait. @throws {Untried} */
export async function ask(...request: Parameters<typeof call>): ReturnType<typeof call> {
  const answer = await call(...request);
  if (answer.status === TOO_MANY) throw new Untried("the server limits how often it is asked");
  return answer;
}

/** Posts, as JSON unless the headers say otherwise, and gives the answer before its body. */
export function post(url: string, name: string, init: RequestInit): Promise<Response> {
  const headers = { "content-type": "application/json", ...init.headers };
  return fetch(`${url}/api/${name}`, { method: "POST", ...init, headers });
}

function randomContent(size: number): Bytes {
  const content = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  return content;
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

  constructor({ passphrase = false, size = 1024, content = randomContent(size) } = {}) {
    this.passphraseProof = passphrase ? randomBytes(32) : undefined;
    this.content = content;
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
      ttl: 600,
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
    const { status } = await ask(url, "create", await this.creation(more));
    expect(status === 201 || status === 202, `not created: ${status}`);
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
  claim(claimToken: string = madeUp()) {
    const proof = this.passphraseProof;
    const passphraseProof = proof && toBase64Url(proof);
    return { ...this.link, claimToken, ...(passphraseProof ? { passphraseProof } : {}) };
  }
}

/** In spite of an attack, whoever has the link reads. @throws {Finding} */
export async function stillReads(url: string, victim: Victim): Promise<void> {
  const { status, json } = await ask(url, "take", victim.claim());
  expect(status === TAKEN, `the recipient got ${status}`);
  expect(json.body === toBase64Url(victim.content), "the recipient got something else");
}

/** A request to be attacked: what its maker and its answerer hold, as base64url. */
export class VictimRequest {
  readonly id = toBase64Url(randomBytes(16));
  readonly #readProof = randomBytes(32);
  readonly #writeProof = randomBytes(32);
  readonly #receipt = randomBytes(32);

  /** Registers it, which must succeed. */
  async create(url: string): Promise<this> {
    const { status } = await ask(url, "request", await this.registration());
    expect(status === 201, `not requested: ${status}`);
    return this;
  }

  /** What `request` is asked. */
  async registration(more: object = {}): Promise<Record<string, unknown>> {
    return {
      id: this.id,
      linkProofHash: await hashed(this.#readProof),
      writeProofHash: await hashed(this.#writeProof),
      receiptHash: await hashed(this.#receipt),
      ttl: 600,
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
    return { id: this.id, linkProof, claimToken: madeUp() };
  }
}
