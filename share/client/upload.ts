/** Bringing a body to the server: at once where it is short, else in pieces, as often as it takes. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { hashProof, PROOF_LENGTH } from "../../core/share/keys.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import type { Answer, Request } from "../../core/share/wire.ts";
import { mayPass, pause, type ShareApi } from "./api.ts";
import { regroup } from "./pieces.ts";

/** Ciphertext that goes in one request. It is kept until the server has it, never made twice. */
const UPLOAD_PIECE = 4_194_304;
const TRIES = 6;
/** What a second attempt is told where the first one's answer was lost; and a stranger's, too. */
const IS_THERE: readonly ErrorCode[] = ["share_exists", "share_answered", "share_uploading"];

/** Told how many bytes of ciphertext have gone or come, and how many there are. */
export type OnProgress = (done: number, total: number) => void;

/** What a body comes with: itself if it is short, else the hash of the token that uploads it. */
export type Beginning = Pick<Request<"answer">, "body" | "uploadTokenHash">;

/** Something new at the server, to which a body belongs. */
export interface Creation {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly receipt: Bytes;
  /** Bytes of ciphertext. */
  readonly size: number;
  /** Asks for it; may be asked again. */
  create(beginning: Beginning): Promise<{ readonly expires: number }>;
  /** Gives up an upload that has failed, which a server may charge for another hour. */
  abandon?(): Promise<unknown>;
}

/**
 * Makes it and sends its body.
 * @returns when it expires, in milliseconds since 1970
 * @throws {CryptoError} what the server says; `share_unreachable`, `share_storage`, `bad_answer`
 */
export async function sendBody(
  api: ShareApi,
  creation: Creation,
  pieces: AsyncIterable<Bytes>,
  onProgress: OnProgress = () => {},
): Promise<number> {
  const { id, size } = creation;
  if (size <= INLINE_BYTES) {
    const [body] = await Array.fromAsync(regroup(pieces, size));
    return await once(api, creation, () => creation.create({ body, uploadTokenHash: undefined }));
  }
  const uploadToken = randomBytes(PROOF_LENGTH);
  const uploadTokenHash = await hashProof(uploadToken);
  await once(api, creation, () => creation.create({ body: undefined, uploadTokenHash }));
  try {
    return await sendPieces(api, { id, uploadToken }, { pieces, size, onProgress });
  } catch (error) {
    await creation.abandon?.().catch(() => {});
    throw error;
  }
}

/** What is to be brought there. */
interface Upload {
  readonly pieces: AsyncIterable<Bytes>;
  readonly size: number;
  readonly onProgress: OnProgress;
}

/** @returns when it expires */
async function sendPieces(
  api: ShareApi,
  upload: Request<"upload-state">,
  { pieces, size, onProgress }: Upload,
): Promise<number> {
  let state = await api.call("upload-state", upload);
  let sent = 0;
  for await (const piece of regroup(pieces, state.next?.length ?? UPLOAD_PIECE)) {
    state = await sendPiece(api, upload, { start: sent, piece }, state);
    onProgress(sent += piece.length, size);
  }
  if (state.expires === undefined) throw new CryptoError("bad_answer");
  return state.expires;
}

/**
 * Creates. A first answer that was lost makes the second one say that it is there: then it is.
 * @returns when it expires
 */
export async function once(
  api: ShareApi,
  { id, receipt }: Pick<Creation, "id" | "receipt">,
  create: () => Promise<{ readonly expires: number }>,
): Promise<number> {
  try {
    return (await create()).expires;
  } catch (error) {
    const isThere = error instanceof CryptoError && IS_THERE.includes(error.code);
    if (!isThere) throw error;
    const status = await api.call("status", { id, receipt }).catch(() => undefined);
    if (!status) throw error;
    return status.expires;
  }
}

/** How far the server has it, and where the rest goes. */
type State = Answer<"upload-state">;

/** A part of a body, and where in that it begins. */
interface Piece {
  readonly start: number;
  readonly piece: Bytes;
}

/**
 * Sends one piece, as often as it takes, each time from where the server has it up to. Only tries
 * that bring nothing are counted: a slow line may need many.
 */
async function sendPiece(
  api: ShareApi,
  upload: Request<"upload-state">,
  { start, piece }: Piece,
  state: State,
): Promise<State> {
  for (let tries = 1; state.offset !== start + piece.length; tries++) {
    if (tries > TRIES) throw new CryptoError(state.next ? "share_storage" : "share_unreachable");
    const isInside = state.offset >= start && state.offset < start + piece.length;
    if (!isInside) throw new CryptoError("bad_answer");
    const before = state.offset;
    state = await sendRest(api, upload, piece.subarray(before - start), state, tries);
    if (state.offset > before) tries = 0;
  }
  return state;
}

/** Sends to where the server said. @returns what it says of it afterwards */
async function sendRest(
  api: ShareApi,
  upload: Request<"upload-state">,
  rest: Bytes,
  { offset, next }: State,
  tries: number,
): Promise<State> {
  try {
    if (next) await api.put(next, rest);
    else return await api.upload({ ...upload, offset }, rest);
  } catch (error) {
    if (!(mayPass(error) || isElsewhere(error)) || tries === TRIES) throw error;
    await pause(tries);
  }
  return await api.call("upload-state", upload);
}

/** Whether an earlier request, whose line was cut, was still being worked on. */
function isElsewhere(error: unknown): boolean {
  return error instanceof CryptoError && error.code === "share_uploading";
}
