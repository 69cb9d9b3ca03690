/**
 * Asking a share server: requests that may all be repeated, over `fetch`, to one origin, and to the
 * one where it keeps large bodies.
 */
import { type Bytes, fromUtf8 } from "../../core/bytes.ts";
import { CryptoError, type ErrorCode, ERRORS, isErrorCode } from "../../core/errors.ts";
import { requireOrigin } from "../../core/share/origin.ts";
import {
  type Answer,
  type AnswerRefusal,
  API,
  type Call,
  FAILURE,
  formatUploadPlace,
  type Place,
  type Refusal,
  REFUSED,
  type Request,
  UPLOAD_HEADER,
  type UploadPlace,
} from "../../core/share/wire.ts";

/** How often one request is sent at most, once the server has answered at all. */
const TRIES = 6;
const FIRST_PAUSE = 200;
const PATIENCE = 60_000;
/** The longest JSON that an answer may have: a body of 256 KiB as base64url, and some more. */
const MAX_JSON = 400_000;

/** What asking again may help against. */
const PASSING: readonly ErrorCode[] = ["share_unreachable", "share_storage", "too_many_requests"];

/** Bytes in a millisecond that a line gives which is slow, but not broken. */
const SLOW_LINE = 16;

/** How a server is asked. */
export interface ApiOptions {
  /** Origin of where it keeps large bodies, if not itself. */
  readonly storage?: string | undefined;
  /** How a piece is given to `fetch`: browsers stream to HTTP/2 alone, if at all. */
  readonly bodyOf?: (piece: Bytes) => BodyInit;
  /** Whether it has answered before, to whoever this is used for. */
  readonly reached?: boolean;
  /** Milliseconds for a request with a short answer, and for which a stream may stand still. */
  readonly patience?: number;
}

/** A share server. */
export class ShareApi {
  #reached: boolean;

  readonly #patience: number;
  readonly #storage: string | undefined;
  readonly #bodyOf: (piece: Bytes) => BodyInit;

  constructor(
    private readonly origin: string,
    { storage, bodyOf = uncopied, reached = false, patience = PATIENCE }: ApiOptions = {},
  ) {
    this.#reached = reached;
    this.#patience = patience;
    this.#storage = storage;
    this.#bodyOf = bodyOf;
  }

  /**
   * Asks; and again if the answer was lost, unless nothing ever came from there.
   * @throws {CryptoError} what the server says; `share_unreachable`, `share_storage`, `bad_answer`
   */
  async call<C extends Call>(call: C, request: Request<C>): Promise<Answer<C>> {
    return await this.#repeat(() => this.callOnce(call, request));
  }

  /** The same, but asks no second time. */
  async callOnce<C extends Call>(call: C, request: Request<C>): Promise<Answer<C>> {
    const { request: asked, answer } = API[call];
    const body = JSON.stringify(asked.write(request as never));
    const headers = { "content-type": "application/json" };
    const json = await readJson(await this.#post(call, headers, body));
    return understood(() => answer.read(json, call) as Answer<C>);
  }

  /** Sends a piece of a body, once. @throws {CryptoError} */
  async upload(place: UploadPlace, piece: Bytes): Promise<Answer<"upload-state">> {
    const headers = {
      "content-type": "application/octet-stream",
      [UPLOAD_HEADER]: formatUploadPlace(place),
    };
    const json = await readJson(await this.#post("upload", headers, this.#bodyOf(piece)));
    return understood(() => API["upload-state"].answer.read(json, "upload"));
  }

  /** Puts a piece where the server said, once. @throws {CryptoError} */
  async put(next: Place & { readonly length: number }, piece: Bytes): Promise<void> {
    if (next.length !== piece.length) throw new CryptoError("bad_answer");
    const response = await this.#reach(next, { method: "PUT", body: piece });
    await response.body?.cancel();
  }

  /** A body from an offset on. It may end early, or fail with what {@link mayPass}. */
  async *body(request: Request<"body">): AsyncGenerator<Bytes> {
    const response = await this.#bodyFrom(request);
    const reader = (response.body ?? new Blob().stream()).getReader();
    try {
      for (let read; !(read = await inTime(reader.read(), this.#patience)).done;) {
        yield read.value as Bytes;
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  /** The server's own answer, or that of where it says the body is. */
  async #bodyFrom(request: Request<"body">): Promise<Response> {
    const body = JSON.stringify(API.body.request.write(request));
    const response = await this.#post("body", { "content-type": "application/json" }, body);
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith("application/json")) return response;
    const json = await readJson(response);
    return await this.#reach(understood(() => API.body.answer.read(json, "body")), {});
  }

  /** Asks the storage, and nobody else whatever the server says. What it refuses may pass. */
  async #reach({ url, headers: given }: Place, init: RequestInit): Promise<Response> {
    if (this.#storage === undefined || URL.parse(url)?.origin !== this.#storage) {
      throw new CryptoError("bad_answer");
    }
    const entries = Object.entries(given).filter(([, value]) => value !== undefined);
    const headers = Object.fromEntries(entries) as Record<string, string>;
    const sent = init.body instanceof Uint8Array ? init.body.length : 0;
    const options = { ...init, headers, redirect: "error", credentials: "omit" } as const;
    const patience = this.#patience + sent / SLOW_LINE;
    const response = await fetchInTime(url, options, patience).catch((cause) => {
      throw storageFailure(this.#storage, AWAY, cause);
    });
    if (response.status === (given.range === undefined ? 200 : 206)) return response;
    await response.body?.cancel();
    throw storageFailure(this.#storage, "it has refused a request: try again");
  }

  async #post(call: string, headers: HeadersInit, body: BodyInit): Promise<Response> {
    const url = `${this.origin}/api/${call}`;
    const options = { method: "POST", headers, body, redirect: "error" } as const;
    const response = await fetchInTime(url, options, this.#patience);
    this.#reached = true;
    if (!response.ok) throw await failureOf(response);
    return response;
  }

  async #repeat<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1;; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!this.#reached || tries === TRIES || !mayPass(error)) throw error;
        await pause(tries);
      }
    }
  }
}

/**
 * An origin that a server has announced, if one may be sent there: https, or the same machine if
 * the server is on it itself.
 * @throws {CryptoError} `bad_answer`
 */
export function requireStorage(announced: string, server: string): string {
  const origin = understood(() => requireOrigin(announced));
  const isProtected = origin.startsWith("https:") || server.startsWith("http:");
  if (origin !== announced || !isProtected) throw new CryptoError("bad_answer");
  return origin;
}

/** Bytes as a stream: as they are, `fetch` would copy them, and V8 lets tens of megabytes of such copies gather. */
function uncopied(bytes: Bytes): ReadableStream<Bytes> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** Whether asking again may help: the answer was lost, or it was asked too often. */
export function mayPass(error: unknown): boolean {
  return error instanceof CryptoError && PASSING.includes(error.code);
}

/** Waits a little, and longer each time. */
export function pause(tries: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * 2 ** (tries - 1)));
}

/** A failure, and since when it is so. */
export class DatedError extends CryptoError {
  /** @param since milliseconds since 1970 @param advice what to do, if not what the table says */
  constructor(code: ErrorCode, readonly since: number, advice: string = ERRORS[code].hint) {
    super(code, { hint: `since ${formatTime(since)}; ${advice}` });
  }
}

/** Says why a secret is not given, or a request not to be answered, and since when. */
export function refusalError({ state, since }: Refusal | AnswerRefusal): CryptoError {
  return new DatedError(REFUSED[state], since);
}

/** A time, given in milliseconds since 1970, as people read it everywhere. */
export function formatTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) throw new CryptoError("bad_answer");
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

const AWAY = "the server keeps large bodies there: see that this machine can reach it";

/** It is not the server that does not answer. */
function storageFailure(subject: string | undefined, hint: string, cause?: unknown): CryptoError {
  return new CryptoError("share_storage", { subject, hint, cause });
}

/** An answer, whose body may take longer. A request that nobody waits for any more is ended. */
async function fetchInTime(url: string, init: RequestInit, patience: number): Promise<Response> {
  const ending = new AbortController();
  try {
    return await inTime(fetch(url, { ...init, signal: ending.signal }), patience);
  } catch (error) {
    ending.abort();
    throw error;
  }
}

/** What a promise gives; a failure, or too long a wait, is a lost answer. */
async function inTime<T>(promise: Promise<T>, patience = PATIENCE): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer in time")), patience);
  try {
    return await Promise.race([promise, late.promise]);
  } catch (cause) {
    throw new CryptoError("share_unreachable", { cause });
  } finally {
    clearTimeout(timer);
  }
}

async function readJson(response: Response): Promise<unknown> {
  if (response.status === 204) return {};
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = (response.body ?? new Blob().stream()).getReader();
  for (let read; !(read = await inTime(reader.read())).done;) {
    parts.push(read.value);
    if ((length += read.value.length) > MAX_JSON) throw new CryptoError("bad_answer");
  }
  const bytes = new Uint8Array(await new Blob(parts as Bytes[]).arrayBuffer());
  return understood(() => JSON.parse(fromUtf8(bytes)));
}

/** What the server says about a failure. Its words are not shown: only codes are believed. */
async function failureOf(response: Response): Promise<CryptoError> {
  const json = await readJson(response).catch(() => undefined);
  try {
    const { error, since } = FAILURE.read(json, "error");
    if (isErrorCode(error)) {
      // What failed there, such as its disk, is nothing of this machine's.
      if (ERRORS[error].http === 500) return new CryptoError("share_failed");
      return since === undefined ? new CryptoError(error) : new DatedError(error, since);
    }
  } catch {
    // Something between here and the server, which does not speak its language.
  }
  return new CryptoError(response.status >= 500 ? "share_unreachable" : "bad_answer");
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CryptoError("bad_answer", { cause });
  }
}
