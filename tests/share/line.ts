/** A line between client and server that does what lines and servers should not do. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import { ShareApi } from "../../share/client/api.ts";
import type { Claim } from "../../share/client/claim.ts";
import type { Content } from "../../share/client/content.ts";
import type { Output } from "../../share/client/download.ts";
import { pieces } from "../core/support.ts";
import type { ShareServer } from "../support/share.ts";

/** What a proxy does to a call: undefined passes it on. */
export type Fault = (call: string, pass: Pass) => Promise<Response> | undefined;
/** Sends a request on, or only so many bytes of it. */
export type Pass = (length?: number) => Promise<Response>;

/** A proxy before a server, and a client of it. */
export function faulty({ origin }: ShareServer, fault: Fault) {
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    const pass = async (length?: number) => {
      const body = (await request.arrayBuffer()).slice(0, length);
      const { method } = request;
      const headers = new Headers(request.headers);
      headers.delete("content-length");
      return await fetch(origin + pathname, { method, headers, body });
    };
    return fault(pathname.slice("/api/".length), pass) ?? pass();
  });
  const address = `http://127.0.0.1:${proxy.addr.port}`;
  return {
    api: new ShareApi(address),
    origin: address,
    [Symbol.asyncDispose]: () => proxy.shutdown(),
  };
}

/** Lets each of some calls be done once and its answer be lost. */
export function losing(...calls: string[]): Fault {
  const left = new Set(calls);
  return (call, pass) => left.delete(call) ? pass().then(lost) : undefined;
}

/** An answer that never came. */
export async function lost(answer: Response): Promise<Response> {
  await answer.body?.cancel();
  return new Response(null, { status: 502 });
}

/** What is asked for where it does not matter. */
export const TERMS = { ttl: 600, views: 1 } as const;

/** Bytes as a text to be sent. */
export function contentOf(bytes: Bytes): Content {
  const manifest: Manifest = { kind: "text" };
  return { manifest, length: bytes.length, read: () => ReadableStream.from(pieces(bytes, 70_000)) };
}

/** A claim that nobody goes on with. */
export function newClaim(): Claim {
  return { token: randomBytes(32), position: 0, mark: "", note() {}, end() {} };
}

/** Keeps what it is given. */
export class Kept implements Output {
  readonly parts: Bytes[] = [];
  state: "open" | "complete" | "discarded" = "open";

  begin() {
    return Promise.resolve(0);
  }

  sync() {
    return Promise.resolve(false);
  }

  suspend() {}

  write(bytes: Bytes) {
    this.parts.push(bytes.slice());
    return Promise.resolve();
  }

  complete() {
    this.state = "complete";
    return Promise.resolve();
  }

  discard() {
    this.state = "discarded";
    return Promise.resolve();
  }
}
