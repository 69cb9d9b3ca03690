/**
 * Events of API Gateway and of function URLs, payload formats 1.0 and 2.0, to requests, and
 * responses to what both take as an answer. Sources: tests/share/lambda/events/README.md.
 */
import { Buffer } from "node:buffer";
import { type Bytes, fromUtf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";

/**
 * Bytes of a request's body, and of an answer, as events have them. Lambda itself stops at 6 MB
 * (6,291,456) of the whole event, and the caller is not told why.
 */
export const EVENT_BYTES = 6_000_000;

/** A request, and who sent it. */
export interface Incoming {
  readonly request: Request;
  /** The address of the connection, as AWS saw it. */
  readonly peer: string;
}

/** An answer as both payload formats have it. */
export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** What both formats say, each in its own way. */
interface Parts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: [name: string, value: string][];
  readonly peer: string;
  readonly body: string | null | undefined;
  readonly isBase64Encoded: boolean | undefined;
}

type Body = Partial<Pick<Parts, "body" | "isBase64Encoded">>;
type Lists = Readonly<Record<string, readonly string[]>>;

/** Payload format 1.0: of an HTTP API, or of a REST API, which has no version. */
interface Event1 extends Body {
  readonly version?: "1.0";
  readonly httpMethod: string;
  readonly path: string;
  readonly multiValueHeaders: Lists | null;
  readonly multiValueQueryStringParameters: Lists | null;
  readonly requestContext: { readonly identity: { readonly sourceIp: string } };
}

/** Payload format 2.0: of an HTTP API or a function URL. Headers of one name are joined. */
interface Event2 extends Body {
  readonly version: "2.0";
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly http: { readonly method: string; readonly sourceIp: string };
  };
}

/** Headers that mean nothing here: there are no cookies, and the body is at hand as a whole. */
const DROPPED = ["cookie", "content-length"];

/**
 * Reads an event.
 * @param origin what the service is reached at, whatever the event says
 * @throws {CryptoError} `invalid_request` if it is none of an HTTP request; `too_large`
 */
export function requestOf(event: unknown, origin: string): Incoming {
  const parts = partsOf(event);
  const url = new URL(origin);
  url.pathname = parts.path;
  url.search = parts.query;
  const body = bodyOf(parts);
  try {
    const headers = new Headers(parts.headers.filter(([name]) => !isDropped(name)));
    return { request: new Request(url, { method: parts.method, headers, body }), peer: parts.peer };
  } catch (cause) {
    throw noRequest(cause);
  }
}

function partsOf(event: unknown): Parts {
  try {
    const isSecond = (event as Partial<Event2>).version === "2.0";
    const parts = isSecond ? partsOf2(event as Event2) : partsOf1(event as Event1);
    const texts = [parts.method, parts.path, parts.query, parts.peer, parts.body ?? ""];
    if (texts.every((text) => typeof text === "string")) return parts;
  } catch {
    // Something of it is missing.
  }
  throw noRequest();
}

function partsOf1(event: Event1): Parts {
  const { httpMethod: method, path, requestContext, body, isBase64Encoded } = event;
  const query = new URLSearchParams(pairsOf(event.multiValueQueryStringParameters)).toString();
  const headers = pairsOf(event.multiValueHeaders);
  return {
    method,
    path,
    query,
    headers,
    peer: requestContext.identity.sourceIp,
    body,
    isBase64Encoded,
  };
}

function partsOf2(event: Event2): Parts {
  const { rawPath: path, rawQueryString: query, requestContext, body, isBase64Encoded } = event;
  const { method, sourceIp: peer } = requestContext.http;
  return {
    method,
    path,
    query,
    headers: Object.entries(event.headers),
    peer,
    body,
    isBase64Encoded,
  };
}

function pairsOf(lists: Lists | null): [string, string][] {
  return Object.entries(lists ?? {}).flatMap(([name, values]) => {
    return values.map((value): [string, string] => [name, value]);
  });
}

function isDropped(name: string): boolean {
  return DROPPED.includes(name.toLowerCase());
}

function bodyOf({ method, body, isBase64Encoded }: Parts): Bytes | null {
  if (!body || method === "GET" || method === "HEAD") return null;
  requireSize(Buffer.byteLength(body));
  return new Uint8Array(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
}

function noRequest(cause?: unknown): CryptoError {
  const hint = "send events of an HTTP API, a REST API or a function URL";
  return new CryptoError("invalid_request", { hint, cause });
}

/** Writes an answer. @throws {CryptoError} `too_large` */
export async function answerOf(response: Response): Promise<Answer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isText = isTextual(response.headers);
  const answer = {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: isText ? fromUtf8(bytes) : Buffer.from(bytes).toString("base64"),
    isBase64Encoded: !isText,
  };
  requireSize(Buffer.byteLength(JSON.stringify(answer)));
  return answer;
}

/** Text goes as it is: REST APIs decode nothing unless they are told to. */
function isTextual(headers: Headers): boolean {
  if (headers.has("content-encoding")) return false;
  return /^(text\/|application\/json)/.test(headers.get("content-type") ?? "text/plain");
}

function requireSize(bytes: number): void {
  if (bytes <= EVENT_BYTES) return;
  const hint = `what goes through here in one piece has at most ${EVENT_BYTES} bytes`;
  throw new CryptoError("too_large", { hint });
}
