/** Sending a secret: encrypted here, in constant memory, and given to the server in pieces. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { sealedLength } from "../../core/cobblestone.ts";
import { CHUNK, type Engine } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import { bodyLength, type BodySealer, createBodySealer } from "../../core/share/body.ts";
import {
  deriveLinkKey,
  deriveLinkProof,
  derivePassphraseKey,
  hashProof,
  PROOF_LENGTH,
} from "../../core/share/keys.ts";
import { LINK_SECRET_LENGTH } from "../../core/share/link.ts";
import { scrypt } from "../../core/share/scrypt.ts";
import { INLINE_BYTES, type Terms } from "../../core/share/terms.ts";
import type { Request } from "../../core/share/wire.ts";
import { mayPass, pause, type ShareApi } from "./api.ts";
import type { Content } from "./content.ts";
import { PIECE, regroup } from "./pieces.ts";

/** Ciphertext that goes in one request. It is kept until the server has it, never made twice. */
const UPLOAD_PIECE = 4_194_304;
const TRIES = 6;

/** Told how many bytes of ciphertext have gone or come, and how many there are. */
export type OnProgress = (done: number, total: number) => void;

/** What is asked for. */
export interface SendOptions {
  readonly terms: Omit<Terms, "passphrase">;
  /** Joins the link; a code is one, too. */
  readonly passphrase?: string | undefined;
  readonly engine?: Engine | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What the sender gets. */
export interface Sent {
  /** 32 bytes: what the link is made of. */
  readonly secret: Bytes;
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly receipt: Bytes;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Sends. @throws {CryptoError} what the server says, `io`, `no_passphrase` */
export async function sendSecret(
  api: ShareApi,
  content: Content,
  { terms: asked, passphrase, engine, onProgress }: SendOptions,
): Promise<Sent> {
  const [secret, receipt] = [randomBytes(LINK_SECRET_LENGTH), randomBytes(PROOF_LENGTH)];
  const terms: Terms = { ...asked, passphrase: passphrase !== undefined };
  const { id, linkProof } = await deriveLinkProof(secret);
  const { key, passphraseProof } = passphrase === undefined
    ? await deriveLinkKey(secret)
    : await derivePassphraseKey(secret, passphrase, scrypt);
  const sealing = await createBodySealer(key, terms, content.manifest, { engine });
  const record = {
    id,
    linkProofHash: await hashProof(linkProof),
    passphraseProofHash: passphraseProof && await hashProof(passphraseProof),
    receiptHash: await hashProof(receipt),
    kind: "secret" as const,
    ttl: terms.ttl,
    views: terms.views,
    size: bodyLength(content.manifest, content.length),
  };
  const body = sealed(sealing, content.read());
  const expires = record.size <= INLINE_BYTES
    ? await sendAtOnce(api, record, receipt, body)
    : await sendInPieces(api, record, receipt, body, onProgress);
  return { secret, id, receipt, expires };
}

type NewRecord = Omit<Request<"create">, "body" | "uploadTokenHash">;

/** The ciphertext, each piece to be used before the next is asked for. */
async function* sealed({ head, sealer }: BodySealer, content: AsyncIterable<Bytes>) {
  const room = new Uint8Array(sealedLength(PIECE + CHUNK));
  yield sealer.prefix;
  yield await sealer.update(head);
  for await (const piece of content) yield await sealer.update(piece, room);
  yield await sealer.finish();
}

async function sendAtOnce(
  api: ShareApi,
  record: NewRecord,
  receipt: Bytes,
  pieces: AsyncIterable<Bytes>,
): Promise<number> {
  const [body] = await Array.fromAsync(regroup(pieces, record.size));
  return await create(api, { ...record, body, uploadTokenHash: undefined }, receipt);
}

/** Creates. A first answer that was lost makes the second one say that it is there: then it is. */
async function create(api: ShareApi, request: Request<"create">, receipt: Bytes): Promise<number> {
  try {
    return (await api.call("create", request)).expires;
  } catch (error) {
    const isThere = error instanceof CryptoError && error.code === "share_exists";
    if (!isThere) throw error;
    const status = await api.call("status", { id: request.id, receipt }).catch(() => undefined);
    if (!status) throw error;
    return status.expires;
  }
}

async function sendInPieces(
  api: ShareApi,
  record: NewRecord,
  receipt: Bytes,
  body: AsyncIterable<Bytes>,
  onProgress: OnProgress = () => {},
): Promise<number> {
  const uploadToken = randomBytes(PROOF_LENGTH);
  const uploadTokenHash = await hashProof(uploadToken);
  await create(api, { ...record, body: undefined, uploadTokenHash }, receipt);
  const upload = { id: record.id, uploadToken };
  let offset = 0;
  let expires: number | undefined;
  for await (const piece of regroup(body, UPLOAD_PIECE)) {
    expires = await sendPiece(api, upload, offset, piece);
    onProgress(offset += piece.length, record.size);
  }
  if (expires === undefined) throw new CryptoError("bad_answer");
  return expires;
}

/** Sends one piece, as often as it takes, each time from where the server has it up to. */
async function sendPiece(
  api: ShareApi,
  upload: Request<"upload-state">,
  start: number,
  piece: Bytes,
): Promise<number | undefined> {
  let at = start;
  for (let tries = 1;; tries++) {
    try {
      const answer = await api.upload({ ...upload, offset: at }, piece.subarray(at - start));
      if (answer.offset === start + piece.length) return answer.expires;
      at = inside(answer.offset, start, piece);
    } catch (error) {
      if (!mayPass(error) || tries === TRIES) throw error;
      await pause(tries);
      const { offset, expires } = await api.call("upload-state", upload);
      if (offset === start + piece.length) return expires;
      at = inside(offset, start, piece);
    }
    if (tries === TRIES) throw new CryptoError("share_unreachable");
  }
}

function inside(offset: number, start: number, piece: Bytes): number {
  if (offset >= start && offset <= start + piece.length) return offset;
  throw new CryptoError("bad_answer");
}
