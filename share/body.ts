/** Reading what a request brings. No header is believed about its length. */
import { type Bytes, concat, fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { Patience } from "./patience.ts";

/** How long a body may pause, and how long a short one may take, in milliseconds. */
const PATIENCE = 30_000;

/** The pieces of a body as they come. @throws {CryptoError} `invalid_params` if it breaks off */
export async function* bodyPieces(request: Request): AsyncGenerator<Bytes> {
  const reader = request.body?.getReader();
  try {
    for (;;) {
      const next = await reader?.read().catch(brokenOff);
      if (!next || next.done) return;
      yield next.value as Bytes;
    }
  } finally {
    reader?.releaseLock();
  }
}

/** Whoever hung up is no failure of the server's. */
function brokenOff(cause: unknown): never {
  throw new CryptoError("invalid_params", {
    subject: "body",
    hint: "it broke off: send it again",
    cause,
  });
}

const patience = new Patience(PATIENCE);

/** A body that has come in time. Cuts it off otherwise. */
export async function* inTime(request: Request): AsyncGenerator<Bytes> {
  const pieces = bodyPieces(request);
  for (;;) {
    const next = await patience.wait(pieces.next());
    if (next.done) return;
    yield next.value;
  }
}

/**
 * A JSON value. Another media type is refused: a page of another site could send that without
 * asking first.
 * @param limit bytes, counted as they come
 * @throws {CryptoError} `too_large`, `invalid_params`, `idle_timeout`
 */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json *(;|$)/i.test(type)) throw notJson("content-type");
  const bytes = await readBytes(request, limit);
  try {
    return JSON.parse(fromUtf8(bytes));
  } catch {
    // What the parser says quotes what was sent.
    throw notJson("body");
  }
}

/**
 * A short body, whatever it is.
 * @param limit bytes, counted as they come
 * @throws {CryptoError} `too_large`, `idle_timeout`
 */
export async function readBytes(request: Request, limit: number): Promise<Bytes> {
  return await patience.wait(readAtMost(request, limit));
}

function notJson(subject: string): CryptoError {
  return new CryptoError("invalid_params", {
    subject,
    hint: "send a JSON object as application/json",
  });
}

/** Where a length is declared, the layer below gives no more than that; else it is counted. */
async function readAtMost(request: Request, limit: number): Promise<Bytes> {
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > limit) throw tooLarge(limit);
  const bytes = declared === null ? await countPieces(request, limit) : await request.bytes();
  if (bytes.length > limit) throw tooLarge(limit);
  return bytes;
}

async function countPieces(request: Request, limit: number): Promise<Bytes> {
  const pieces: Bytes[] = [];
  let length = 0;
  for await (const piece of bodyPieces(request)) {
    length += piece.length;
    if (length > limit) throw tooLarge(limit);
    pieces.push(piece);
  }
  return concat(...pieces);
}

function tooLarge(limit: number): CryptoError {
  return new CryptoError("too_large", {
    hint: `a request of this kind has at most ${limit} bytes`,
  });
}
