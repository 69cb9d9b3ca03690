/**
 * The files of the web page: fixed, compressed once each, and without a word of any request in
 * them. What the API answers is never compressed: its length would tell of what is in it.
 */
import { createHash } from "node:crypto";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Bytes } from "../core/bytes.ts";
import { type PagePlace, pagePolicy } from "../core/share/headers.ts";
import type { Allowed } from "./rules.ts";
import script from "./assets/page.js" with { type: "text" };
import worker from "./assets/worker.js" with { type: "text" };
import icon from "../core/page/icon.svg" with { type: "text" };
import style from "./assets/page.css" with { type: "text" };
import html from "./page/page.html" with { type: "text" };

/** A response as far as it is known here. */
export interface Found {
  readonly status: 200 | 304;
  readonly body: Bytes | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** How files are compressed, the best first. */
const PACK = {
  br: (plain: Bytes) => brotliCompressSync(plain),
  gzip: (plain: Bytes) => gzipSync(plain, { level: 9 }),
} as const;
type Coding = keyof typeof PACK;
const CODINGS = Object.keys(PACK) as Coding[];

interface PageFile {
  readonly plain: Bytes;
  readonly headers: Readonly<Record<string, string>>;
  /** By which a browser asks whether it has changed; absent where it may keep nothing. */
  readonly tag?: string;
  /** Made when they are first asked for. */
  readonly packed: Partial<Record<Coding, Bytes>>;
}

/** What is written into the page. */
interface Written extends PagePlace {
  /** Absent: the page asks. */
  readonly allowed?: Allowed | undefined;
}

/** The page of one server. */
export class Page {
  readonly #html: PageFile;
  readonly #policy: { readonly "content-security-policy": string };

  constructor(place: Written) {
    this.#html = file("text/html", htmlFor(place), { "cache-control": "no-store" });
    this.#policy = { "content-security-policy": pagePolicy(place) };
  }

  /** What a path names. */
  find(path: string, headers: Headers): Found | undefined {
    const found = isHtml(path) ? this.#html : FILES.get(path);
    if (!found) return undefined;
    const own = { ...found.headers, ...this.#policy };
    const isKept = found.tag !== undefined && headers.get("if-none-match") === found.tag;
    if (isKept) return { status: 304, body: null, headers: own };
    const coding = codingFor(headers.get("accept-encoding") ?? "");
    if (!coding) return { status: 200, body: found.plain, headers: own };
    const body = found.packed[coding] ??= new Uint8Array(PACK[coding](found.plain));
    return { status: 200, body, headers: { ...own, "content-encoding": coding } };
  }
}

const FILES: ReadonlyMap<string, PageFile> = new Map([
  ["/page.js", kept("text/javascript", script)],
  ["/worker.js", kept("text/javascript", worker)],
  ["/page.css", kept("text/css", style)],
  ["/icon.svg", kept("image/svg+xml", icon)],
]);

/** The page as files for whichever server, by their names. */
export function pageFiles(place: PagePlace): Readonly<Record<string, string>> {
  return {
    "index.html": htmlFor(place),
    "page.js": script,
    "worker.js": worker,
    "page.css": style,
    "icon.svg": icon,
  };
}

function htmlFor({ origin, api = "", storage = "", allowed }: Written): string {
  const limits = allowed ? `${allowed.ttl} ${allowed.views} ${allowed.size}` : "";
  return html
    .replace('name="share-limits" content=""', `name="share-limits" content="${limits}"`)
    .replace('name="share-origin" content=""', `name="share-origin" content="${origin}"`)
    .replace('name="share-api" content=""', `name="share-api" content="${api}"`)
    .replace('name="share-storage" content=""', `name="share-storage" content="${storage}"`);
}

/** Every path that a damaged link may have is the page's. */
function isHtml(path: string): boolean {
  return path === "/" || path.startsWith("/s");
}

/** Whether a path names a file of the page. */
export function isOfPage(path: string): boolean {
  return isHtml(path) || FILES.has(path);
}

function file(type: string, text: string, more: Readonly<Record<string, string>>): PageFile {
  const headers = {
    "content-type": `${type}; charset=utf-8`,
    "vary": "accept-encoding",
    ...more,
  };
  return { plain: new TextEncoder().encode(text), headers, packed: {} };
}

/** A file that browsers may keep, if they ask each time whether it is still the one. */
function kept(type: string, text: string): PageFile {
  const tag = `W/"${createHash("sha256").update(text).digest("base64url")}"`;
  return { ...file(type, text, { "cache-control": "no-cache", "etag": tag }), tag };
}

/** The best that a client takes, if it takes any (RFC 9110, section 12.5.3). */
export function codingFor(header: string): Coding | undefined {
  const codings = header.toLowerCase().split(",").map((coding) => {
    const [name = "", ...parameters] = coding.split(";").map((part) => part.trim());
    return { name, refused: parameters.some((part) => /^q=0(\.0{0,3})?$/.test(part)) };
  });
  const find = (wanted: string) => codings.find(({ name }) => name === wanted);
  return CODINGS.find((name) => (find(name) ?? find("*"))?.refused === false);
}
