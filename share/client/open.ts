/** Opening a secret: taken under a token of one's own, decrypted here, then acknowledged. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import { BodyReader, type KeyInBody } from "../../core/share/body.ts";
import {
  deriveLinkKey,
  deriveLinkProof,
  derivePassphraseKey,
  type LinkProof,
  PROOF_LENGTH,
} from "../../core/share/keys.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { ANSWER_TERMS, answerKey, deriveRequest } from "../../core/share/request.ts";
import { scrypt } from "../../core/share/scrypt.ts";
import type { Terms } from "../../core/share/terms.ts";
import type { Answer, Refusal } from "../../core/share/wire.ts";
import { mayPass, pause, refusalError, type ShareApi } from "./api.ts";
import { PIECE, regroup } from "./pieces.ts";
import type { OnProgress } from "./upload.ts";

const TRIES = 6;

/** Where a secret goes. */
export interface Output {
  /** Comes first. @throws {CryptoError} if it cannot be written */
  begin(manifest: Manifest): Promise<void>;
  write(bytes: Bytes): Promise<void>;
  /** All of it was authentic: makes it last. */
  complete(): Promise<void>;
  /** It was not, or something failed: nothing stays. */
  discard(): Promise<void>;
}

/** What somebody with the link may know before it is taken. */
export type Seen = Exclude<Answer<"look">, Refusal>;

/** Asks about a secret, which consumes nothing. @throws {CryptoError} why it is not given */
export async function lookAt(api: ShareApi, secret: Bytes): Promise<Seen> {
  return await look(api, await deriveLinkProof(secret));
}

/** Asks about the answer to the request with this seed. @throws {CryptoError} why it is not given */
export async function lookAtAnswer(api: ShareApi, seed: Bytes): Promise<Seen> {
  return await look(api, await proofOf(seed));
}

async function look(api: ShareApi, proof: LinkProof): Promise<Seen> {
  const seen = await api.call("look", proof);
  if ("state" in seen) throw refusalError(seen);
  return seen;
}

async function proofOf(seed: Bytes): Promise<LinkProof> {
  const { id, readProof: linkProof } = await deriveRequest(seed);
  return { id, linkProof };
}

/** How something is opened. */
export interface ReadOptions {
  readonly output: Output;
  /** 32 random bytes of the taker's, new by default: the same ones again go on with the same take. */
  readonly claimToken?: Bytes | undefined;
  readonly engine?: Engine | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** How a secret is opened. */
export interface OpenOptions extends ReadOptions {
  readonly passphrase?: string | undefined;
}

/**
 * Takes a secret, writes it and then has it erased.
 * @returns whether the server has confirmed that; if not, it erases when the claim ends
 * @throws {CryptoError} why it is not given; `wrong_passphrase`, `decryption_failed`, `malformed`
 */
export async function openSecret(
  api: ShareApi,
  secret: Bytes,
  { passphrase, ...options }: OpenOptions,
): Promise<boolean> {
  const proof = await deriveLinkProof(secret);
  const keys = passphrase === undefined
    ? await deriveLinkKey(secret)
    : await derivePassphraseKey(secret, passphrase, scrypt);
  const given = { passphrase: passphrase !== undefined };
  return await open(api, { ...proof, ...keys, terms: given }, options);
}

/** The same with the answer to the request with this seed. */
export async function openAnswer(
  api: ShareApi,
  seed: Bytes,
  options: ReadOptions,
): Promise<boolean> {
  const keys = { ...await proofOf(seed), key: answerKey(seed), terms: ANSWER_TERMS };
  return await open(api, keys, options);
}

/** What takes a body and opens it. */
interface Keys extends LinkProof {
  readonly passphraseProof?: Bytes | undefined;
  readonly key: Bytes | KeyInBody;
  /** What the reader knows by itself, whatever the server says. */
  readonly terms: Partial<Terms> & Pick<Terms, "passphrase">;
}

async function open(
  api: ShareApi,
  { id, linkProof, passphraseProof, key, terms }: Keys,
  { output, claimToken = randomBytes(PROOF_LENGTH), engine, onProgress }: ReadOptions,
): Promise<boolean> {
  const claim = { id, claimToken };
  const taken = await api.call("take", { ...claim, linkProof, passphraseProof });
  const body = taken.body ? [taken.body] : download(api, claim, taken.size, onProgress);
  await writeOut(body, new BodyReader(key, { ...taken, ...terms }, { engine }), output);
  return await api.call("acknowledge", claim).then(() => true, () => false);
}

type Claim = Readonly<Record<"id" | "claimToken", Bytes>>;

async function writeOut(
  body: AsyncIterable<Bytes> | Iterable<Bytes>,
  reader: BodyReader,
  output: Output,
): Promise<void> {
  const room = new Uint8Array(PIECE);
  let begun = false;
  const write = async (bytes: Bytes) => {
    if (!begun && reader.manifest) await output.begin(reader.manifest);
    begun ||= reader.manifest !== undefined;
    if (bytes.length > 0) await output.write(bytes);
  };
  try {
    for await (const piece of regroup(body, PIECE)) {
      await write(await reader.update(piece, room));
    }
    await write(await reader.finish());
    await output.complete();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** All of a body, taken up again where a connection was cut. */
async function* download(
  api: ShareApi,
  claim: Claim,
  size: number,
  onProgress: OnProgress = () => {},
): AsyncGenerator<Bytes> {
  let offset = 0;
  for (let tries = 1; offset < size; tries++) {
    const start = offset;
    try {
      for await (const piece of api.body({ ...claim, offset })) {
        offset += piece.length;
        if (offset > size) throw new CryptoError("bad_answer");
        onProgress(offset, size);
        yield piece;
      }
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
    if (offset > start) tries = 1;
    if (tries === TRIES) throw new CryptoError("share_unreachable");
    if (offset < size) await pause(tries);
  }
}
