/**
 * The HTTP application: a request to its answer, over any store. Ids, proofs and tokens come in
 * bodies alone, and nothing of a request is written anywhere.
 */
import { asCryptoError, CryptoError, type ErrorCode } from "../core/errors.ts";
import { misfit } from "../core/share/codec.ts";
import { HSTS_HEADER, SECURITY_HEADERS } from "../core/share/headers.ts";
import { FAILURE } from "../core/share/wire.ts";
import { type ApiContext, isCall, type Outcome, readCall, upload } from "./api.ts";
import { ServiceFailure } from "./aws/failure.ts";
import { clientOf } from "./client.ts";
import { refuseEvenly } from "./even.ts";
import { Managed } from "./managed.ts";
import { Metrics } from "./metrics.ts";
import { isOfPage, Page } from "./page.ts";
import { Rates } from "./rates.ts";
import { Refused } from "./rules.ts";

/** What an application is made of. */
export interface AppOptions extends ApiContext {
  /** Where people reach it: `https://host`. */
  readonly origin: string;
  /** Calls of one client in a minute, and new secrets among them. */
  readonly rates: { readonly requests: number; readonly creations: number };
  /** Peers whose forwarded addresses are believed. */
  readonly proxies: ReadonlySet<string>;
  /** Whether there is the managed mode, in which this server sees what secrets say. */
  readonly managed: boolean;
  /** Is told what failed here. */
  readonly onFailure?: ((failure: AppFailure) => void) | undefined;
}

/** What failed here, without anything of a request. */
export interface AppFailure {
  readonly code: ErrorCode;
  /** Where a service that keeps secrets is the reason: which, and what its error is called. */
  readonly service?: string | undefined;
  readonly reason?: string | undefined;
}

/** What is told of a failure. */
export function appFailure(error: CryptoError): AppFailure {
  if (!(error instanceof ServiceFailure)) return { code: error.code };
  return { code: error.code, service: error.service, reason: error.reason };
}

const JSON_TYPE = { "content-type": "application/json" };
const TEXT_TYPE = { "content-type": "text/plain; charset=utf-8" };
/** Bytes that no browser shows as anything. */
const BYTES_TYPE = {
  "content-type": "application/octet-stream",
  "content-disposition": "attachment",
};

/** An application, for whichever server brings the requests. */
export class ShareApp {
  readonly #requests: Rates;
  readonly #creations: Rates;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #full = new Rates(1);
  readonly #metrics = new Metrics();
  readonly #page: Page;
  readonly #managed: Managed | undefined;

  constructor(private readonly options: AppOptions) {
    this.#requests = new Rates(options.rates.requests);
    this.#creations = new Rates(options.rates.creations);
    const { origin, storage, allowed } = options;
    this.#page = new Page({ origin, storage, allowed });
    this.#headers = { ...SECURITY_HEADERS, ...(origin.startsWith("https:") ? HSTS_HEADER : {}) };
    this.#managed = options.managed ? new Managed(options) : undefined;
  }

  /**
   * Answers a request.
   * @param peer the address that its connection comes from, or `unix`
   */
  async handle(request: Request, peer: string): Promise<Response> {
    const path = pathOf(request);
    const response = path === undefined
      ? this.refuse(misfit("the address"))
      : await this.#answer(request, path, peer);
    this.#metrics.count(kindOf(path ?? ""), response.status);
    return response;
  }

  async #answer(request: Request, path: string, peer: string): Promise<Response> {
    try {
      const refusal = this.#refuseMethod(request, this.#methodsOf(path));
      if (refusal) return refusal;
      if (request.method !== "POST") return await this.#fixed(request, path);
      return this.#answerWith(await this.#perform(request, path, peer));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** What a path may be asked with; none where there is nothing. */
  #methodsOf(path: string): readonly string[] {
    const isManaged = this.#managed !== undefined;
    if (callOf(path) || (isManaged && path === MANAGED_OPEN)) return CALLED;
    if (isManaged && path === MANAGED) return [...READ, ...CALLED];
    return path === HEALTH || isOfPage(path) ? READ : [];
  }

  #refuseMethod({ method }: Request, allowed: readonly string[]): Response | undefined {
    if (allowed.length === 0 || allowed.includes(method)) return undefined;
    return this.#respond(405, null, { allow: allowed.join(", ") });
  }

  /** What needs neither store nor limits. Whatever is not a POST to the API changes nothing. */
  async #fixed({ method, headers }: Request, path: string): Promise<Response> {
    const found = await this.#text(path) ?? this.#page.find(path, headers);
    if (!found) return this.#respond(404, null);
    return this.#respond(found.status, method === "HEAD" ? null : found.body, found.headers);
  }

  /** What is told in a line or some. */
  async #text(path: string) {
    if (path === HEALTH) return await this.#health();
    const body = path === MANAGED ? this.#managed?.usage : undefined;
    return body === undefined ? undefined : { status: 200, body, headers: TEXT_TYPE };
  }

  async #health() {
    const { store } = this.options;
    const failed = store.failed ?? await store.check?.().then(() => undefined, asCryptoError);
    const [status, body] = failed ? [503, `${failed.code}\n`] : [200, "ok\n"];
    return { status, body, headers: TEXT_TYPE };
  }

  async #perform(request: Request, path: string, peer: string): Promise<Outcome> {
    const act = await this.#read(request, path, peer);
    return await (this.options.store.timeTells ? refuseEvenly(act) : act());
  }

  /** Reads what is asked for, within the limits. @returns what does it */
  async #read(request: Request, path: string, peer: string): Promise<() => Promise<Outcome>> {
    const { proxies, clock } = this.options;
    const client = clientOf(peer, request.headers, proxies);
    const call = callOf(path);
    const keeps = path === MANAGED && this.#managed !== undefined;
    this.#limit(this.#requests, client, clock());
    if (isCreation(call) || keeps) this.#limit(this.#creations, client, clock());
    if (keeps) return () => this.#managed!.keep(request, client);
    if (path === MANAGED_OPEN && this.#managed) return await this.#managed.readOpening(request);
    if (call === UPLOAD) return () => upload(this.options, request);
    if (call) return await readCall(this.options, call, request, client);
    throw new CryptoError("unknown_method", { hint: "see docs/sharing.md for the calls" });
  }

  #answerWith(outcome: Outcome): Response {
    if (!outcome) return this.#respond(204, null);
    if ("json" in outcome) {
      return this.#respond(outcome.status ?? 200, JSON.stringify(outcome.json), JSON_TYPE);
    }
    if ("text" in outcome) return this.#respond(outcome.status, outcome.text, TEXT_TYPE);
    return this.#respond(200, outcome.stream, BYTES_TYPE);
  }

  #limit(rates: Rates, client: string, now: number): void {
    if (rates.take(client, now)) return;
    const hint = "too many requests from this address: wait a minute and try again";
    throw new CryptoError("too_many_requests", { hint });
  }

  /** Tells the caller what went wrong, also before or after a request was handled. */
  refuse(thrown: unknown): Response {
    const error = asCryptoError(thrown);
    const { code, kind: { http } } = error;
    if (http >= 500 && this.#isNews(code)) this.options.onFailure?.(appFailure(error));
    // Of what failed here the caller learns only that.
    const { message, hint } = http >= 500 ? error.kind : error;
    const since = error instanceof Refused ? error.since : undefined;
    const body = FAILURE.write({ error: code, message, hint, since });
    return this.#respond(http, JSON.stringify(body), JSON_TYPE);
  }

  /** That there is no room is told once in a minute: anybody can come to the end of a quota. */
  #isNews(code: ErrorCode): boolean {
    return code !== "share_full" || this.#full.take("", this.options.clock());
  }

  #respond(status: number, body: BodyInit | null, more: Readonly<Record<string, string>> = {}) {
    return new Response(body, { status, headers: { ...this.#headers, ...more } });
  }

  /** Answers whoever operates it: the counts so far, at their own path. */
  async metrics(request: Request): Promise<Response> {
    if (pathOf(request) !== METRICS) return this.#respond(404, null);
    const refusal = this.#refuseMethod(request, READ);
    if (refusal) return refusal;
    const text = this.#metrics.text(await this.options.store.usage());
    return this.#respond(200, text, { "content-type": "text/plain; version=0.0.4" });
  }
}

const READ = ["GET", "HEAD"];
const CALLED = ["POST"];
const UPLOAD = "upload";
const HEALTH = "/healthz";
const METRICS = "/metrics";
const MANAGED = "/managed";
const MANAGED_OPEN = "/managed/open";
/** Paths that are counted by a name of their own. */
const NAMES: Readonly<Record<string, string>> = {
  [HEALTH]: "health",
  [MANAGED]: "managed",
  [MANAGED_OPEN]: "managed-open",
};

/** Whether a call makes something new. */
function isCreation(call: ReturnType<typeof callOf>): boolean {
  return call === "create" || call === "request" || call === "answer";
}

/** What is asked for; undefined where a host that is none makes the address none. */
function pathOf(request: Request): string | undefined {
  try {
    return new URL(request.url).pathname;
  } catch {
    return undefined;
  }
}

/** The call that a path names. */
function callOf(path: string) {
  const name = path.startsWith("/api/") ? path.slice("/api/".length) : "";
  return name === UPLOAD || isCall(name) ? name : undefined;
}

/** What is counted: no part of a path that a caller made up. */
function kindOf(path: string): string {
  if (Object.hasOwn(NAMES, path)) return NAMES[path]!;
  return callOf(path) ?? (isOfPage(path) ? "page" : "other");
}
