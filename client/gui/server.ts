/** The server of one window: its page, and what that asks. It answers the page alone. */
import type { Bytes } from "../../core/bytes.ts";
import { asCryptoError, CryptoError, ERRORS } from "../../core/errors.ts";
import { SECURITY_HEADERS } from "../../core/share/headers.ts";
import script from "./assets/page.js" with { type: "text" };
import style from "./assets/page.css" with { type: "text" };
import icon from "../../core/page/icon.svg" with { type: "text" };
import html from "./page/page.html" with { type: "text" };
import { Guard } from "./guard.ts";
import { removeHandoff, writeHandoff } from "./handoff.ts";
import { Jobs } from "./jobs.ts";
import { heartbeat, Life } from "./life.ts";
import { readJob, readTextQuestion } from "./questions.ts";
import type { GuiWork } from "./work.ts";

const HOST = "127.0.0.1";
/** The longest question: a text of 512 KiB, each character of which JSON may write as six. */
const MAX_QUESTION = 4_194_304;
/** The longest form with a token, which anybody may send. */
const MAX_FORM = 1_024;

/** What browsers let the page do: run its own script, and ask this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");
const HEADERS = { ...SECURITY_HEADERS, "content-security-policy": POLICY };

/** The page's files: the same for everybody, and without a secret. */
const FILES: ReadonlyMap<string, readonly [type: string, text: string]> = new Map([
  ["/", ["text/html", html]],
  ["/page.js", ["text/javascript", script]],
  ["/page.css", ["text/css", style]],
  ["/icon.svg", ["image/svg+xml", icon]],
]);

/** How a server is started. */
export interface ServerOptions {
  readonly port: number;
  /** Where the page goes that hands the token over. */
  readonly directory: string;
  /** How long it goes on without an open page, in milliseconds. */
  readonly idle: number;
  /** Told once when it was not used for that long. */
  readonly onUnused: () => void;
}

/** Serves until it is stopped. */
export class GuiServer {
  readonly #guard: Guard;
  readonly #jobs: Jobs;
  readonly #life: Life;
  readonly #server: Deno.HttpServer;
  /** The page to be opened. */
  readonly handoff: string;

  /** @throws {CryptoError} `io` if the port has been taken meanwhile */
  constructor(private readonly work: GuiWork, private readonly options: ServerOptions) {
    const { port, directory, idle, onUnused } = options;
    this.#guard = new Guard(port);
    this.#jobs = new Jobs(work);
    this.#life = new Life(idle, onUnused);
    this.#server = listen(port, (request) => this.#handle(request));
    this.handoff = writeHandoff(directory, this.#guard.origin, this.#guard.token);
  }

  /** Closes what is open. */
  stop(): void {
    this.#life.end();
    removeHandoff(this.options.directory);
    // What is on its way is cut: a browser does not take a part for the whole.
    void this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    try {
      if (!this.#guard.isAddressed(request)) throw new CryptoError("gui_refused");
      return await this.#route(request);
    } catch (thrown) {
      return failure(thrown);
    }
  }

  async #route(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const [, place = "", id = "", more] = pathname.split("/");
    const isKnown = search === "" && more === undefined;
    if (request.method === "POST" && isKnown) {
      if (pathname === "/open") return await this.#open(request);
      if (!this.#guard.admits(request)) throw new CryptoError("gui_refused");
      return await this.#answer(request, place, id);
    }
    if (request.method !== "GET" || !isKnown) return notFound();
    if (place === "output") return this.#output(request, id);
    const file = FILES.get(pathname);
    return file ? fileResponse(...file) : notFound();
  }

  /** Shows the page with the key of its session to who has the token. */
  async #open(request: Request): Promise<Response> {
    const form = new URLSearchParams(await readText(request, MAX_FORM));
    const admission = this.#guard.open(request, form.get("token") ?? undefined);
    if (!admission) return fileResponse("text/html", html, 403);
    removeHandoff(this.options.directory);
    const response = fileResponse(
      "text/html",
      html.replace('content=""', `content="${admission.key}"`),
    );
    response.headers.set("set-cookie", admission.cookie);
    return response;
  }

  async #answer(request: Request, place: string, id: string): Promise<Response> {
    if (place === "life") return new Response(heartbeat(this.#life), { headers: HEADERS });
    return Response.json(await this.#result(request, place, id), { headers: HEADERS });
  }

  async #result(request: Request, place: string, id: string): Promise<unknown> {
    switch (place) {
      case "about":
        return await this.work.about();
      case "text":
        return await this.work.text(readTextQuestion(await readJson(request)));
      case "job":
        return { id: this.#jobs.create(readJob(await readJson(request))) };
      case "input":
        return await this.#jobs.input(id, request.body ?? new Blob().stream());
      case "begun":
        return await this.#jobs.begun(id) ?? {};
      default:
        throw new CryptoError("unknown_method");
    }
  }

  #output(request: Request, id: string): Response {
    if (!this.#guard.admitsDownload(request)) throw new CryptoError("gui_refused");
    const output = this.#jobs.output(id);
    if (!output) throw new CryptoError("gui_refused");
    const headers = {
      ...HEADERS,
      // No browser takes this for something to run or to show.
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename*=UTF-8''${encodeRfc5987(output.name)}`,
    };
    return new Response(output.stream, { headers });
  }
}

function listen(port: number, handler: (request: Request) => Promise<Response>) {
  const options = { hostname: HOST, port, onListen: () => {}, onError: failure };
  try {
    return Deno.serve(options, handler);
  } catch (cause) {
    const hint = "another program took the port meanwhile: try again";
    throw new CryptoError("io", { subject: `${HOST}:${port}`, hint, cause });
  }
}

function fileResponse(type: string, text: string, status = 200): Response {
  const headers = { ...HEADERS, "content-type": `${type}; charset=utf-8` };
  return new Response(text, { status, headers });
}

function notFound(): Response {
  return new Response(null, { status: 404, headers: HEADERS });
}

function failure(thrown: unknown): Response {
  const { code } = asCryptoError(thrown);
  return Response.json({ error: code }, { status: ERRORS[code].http, headers: HEADERS });
}

/** All of a short body. @throws {CryptoError} `too_large` */
async function readText(request: Request, limit: number): Promise<string> {
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    if ((length += part.length) > limit) throw new CryptoError("too_large");
    parts.push(part);
  }
  return await new Blob(parts).text();
}

async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request, MAX_QUESTION);
  try {
    return JSON.parse(text);
  } catch {
    throw new CryptoError("parse_error");
  }
}

/** A name as headers have it (RFC 8187). */
function encodeRfc5987(name: string): string {
  const escape = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(name).replace(/['()*]/g, escape);
}
