/** Attacks that never succeed prove nothing: servers with one weakness each, and what finds it. */
import assert from "node:assert/strict";
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { ShareApp } from "../../share/app.ts";
import { type Attack, Finding, Untried } from "../../share/attack/attack.ts";
import { LIMITS } from "../../share/attack/limits.ts";
import { EXPIRY } from "../../share/attack/strangers.ts";
import { ATTACKS } from "../../share/attack/suite.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";

/** Answers as a sound server does. */
type Sound = (request: Request) => Promise<Response>;
/** A server in front of that one, with a weakness. */
type Weak = (request: Request, sound: Sound) => Promise<Response>;

interface Options {
  readonly weak?: Weak;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  readonly perMinute?: number;
  /** Whose word about forwarded addresses is taken. */
  readonly proxies?: readonly string[];
}

const PLENTY = 1e7;

/** The application over a store of its own, in this process. */
class Serving implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "cts-" });
  readonly #store = new EmbeddedStore(this.#directory, { total: 1e9, perClient: 1e9 });
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly url: string;

  constructor({ weak, clock = Date.now, perMinute = PLENTY, proxies = [] }: Options) {
    const app = new ShareApp({
      store: this.#store,
      allowed: { ttl: 2_592_000, views: 100, size: 1e7 },
      clock,
      origin: "http://127.0.0.1",
      rates: { requests: perMinute, creations: perMinute },
      proxies: new Set(proxies),
      managed: false,
    });
    const sound: Sound = (request) => app.handle(request, "127.0.0.1");
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      return weak ? weak(request, sound) : sound(request);
    });
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await this.#store.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function named(part: string): Attack {
  return ATTACKS.find(({ name }) => name.includes(part))!;
}

/** What a request asks, without taking it from the one who answers. */
async function asked(request: Request): Promise<Record<string, string>> {
  return await request.clone().json().catch(() => ({}));
}

/** What is told of secrets that are there, to who has the address only. */
function telling(tell: (response: Response) => Response | Promise<Response>): Weak {
  const known = new Set<string>();
  return async (request, sound) => {
    const { id = "" } = await asked(request);
    const response = await sound(request);
    if (request.url.endsWith("/create")) known.add(id);
    return response.status === 404 && known.has(id) ? await tell(response) : response;
  };
}

/** Gives what one took to whoever asks next. */
function generous(): Weak {
  const taken = new Map<string, string>();
  return async (request, sound) => {
    if (!request.url.endsWith("/take")) return await sound(request);
    const { id = "" } = await asked(request);
    const response = await sound(request);
    if (response.ok) taken.set(id, await response.clone().text());
    return response.status === 410 ? new Response(taken.get(id)) : response;
  };
}

/** Takes what is out of bounds for what is nearest. */
const clamping: Weak = async (request, sound) => {
  if (!request.url.endsWith("/create")) return await sound(request);
  const json = await request.json();
  const ttl = Math.min(Math.max(Number(json.ttl), 60), 600);
  const { method, headers } = request;
  return await sound(
    new Request(request.url, { method, headers, body: JSON.stringify({ ...json, ttl }) }),
  );
};

const without = (header: string): Weak => async (request, sound) => {
  const response = await sound(request);
  response.headers.delete(header);
  return response;
};

const linking: Weak = async (request, sound) => {
  const response = await sound(request);
  response.headers.set("link", `<http://${request.headers.get("host")}/s>; rel="canonical"`);
  return response;
};

const talkative: Weak = async (request, sound) => {
  const response = await sound(request);
  if (response.status !== 400) return response;
  return new Response("Error\n    at parse (file:///srv/share.ts:1:1)", response);
};

/** Changes text that is in a body. */
const respelling: Weak = async (request, sound) => {
  const response = await sound(request);
  if (!request.url.endsWith("/take") || !response.ok) return response;
  const taken = await response.json();
  const body = new TextDecoder("latin1").decode(fromBase64Url(taken.body));
  const changed = body.replaceAll("&lt;", "<");
  const bytes = Uint8Array.from(changed, (character) => character.charCodeAt(0));
  return Response.json({ ...taken, body: toBase64Url(bytes) });
};

const turning: Weak = async (request, sound) => {
  const response = await sound(request);
  if (!request.url.endsWith("/body") || !response.ok) return response;
  const bytes = await response.bytes();
  return new Response(bytes.map((byte) => byte === 0x0d ? 0x0a : byte), response);
};

const WEAKNESSES: Readonly<Record<string, readonly [attack: string, weak: Weak]>> = {
  "gives a taken secret again": ["of 2 readers", generous()],
  "gives it to a stranger while its taker asks again": ["a stranger in between", generous()],
  "clamps a lifetime": ["lifetimes", clamping],
  "tells that an id exists": [
    "the same bytes",
    telling(({ body }) => new Response(body, { status: 403 })),
  ],
  "takes longer where an id exists": [
    "the same time",
    telling(async (response) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return response;
    }),
  ],
  "lets its pages be stored": ["previews", without("cache-control")],
  "has no policy for its pages": ["previews", without("content-security-policy")],
  "believes the host of a request": ["says where links lead", linking],
  "shows where it failed": ["no source", talkative],
  "spells what it keeps anew": ["short bodies", respelling],
  "turns line ends in what it streams": ["long ones", turning],
};

for (const [name, [attack, weak]] of Object.entries(WEAKNESSES)) {
  Deno.test(`a server that ${name} is found out`, async () => {
    await using serving = new Serving({ weak });
    const target = { urls: [serving.url] as const, rounds: 1, attempts: 50 };
    await assert.rejects(named(attack).run(target), Finding);
  });
}

const LIMITED = { rounds: 1, attempts: 1 } as const;

Deno.test(`attack: ${LIMITS.name}`, async () => {
  await using serving = new Serving({ perMinute: 300 });
  await LIMITS.run({ urls: [serving.url], ...LIMITED });
});

Deno.test("a server that believes an address which anybody may claim is found out", async () => {
  await using serving = new Serving({ perMinute: 300, proxies: ["127.0.0.1"] });
  // The same server, by an address that does not say that it is on this machine.
  const url = serving.url.replace("127.0.0.1", "0.0.0.0");
  await assert.rejects(LIMITS.run({ urls: [url], ...LIMITED }), Finding);
});

Deno.test("that a server believes its own machine, where a proxy may be, is no finding", async () => {
  await using serving = new Serving({ perMinute: 300, proxies: ["127.0.0.1"] });
  await assert.rejects(LIMITS.run({ urls: [serving.url], ...LIMITED }), Untried);
});

Deno.test("a limit that is not met is untried", async () => {
  await using serving = new Serving({});
  await assert.rejects(LIMITS.run({ urls: [serving.url], ...LIMITED }), Untried);
});

/** A minute in half a second. */
function hurried(): () => number {
  const started = Date.now();
  return () => started + (Date.now() - started) * 120;
}

Deno.test(`attack: ${EXPIRY.name}`, async () => {
  await using serving = new Serving({ clock: hurried() });
  await EXPIRY.run({ urls: [serving.url], rounds: 1, attempts: 300 });
});

Deno.test("a server that gives what has expired is found out", async () => {
  const lenient: Weak = async (request, sound) => {
    const response = await sound(request);
    const isLate = request.url.endsWith("/take") && response.status === 410;
    return isLate ? new Response("{}") : response;
  };
  await using serving = new Serving({ clock: hurried(), weak: lenient });
  await assert.rejects(EXPIRY.run({ urls: [serving.url], rounds: 1, attempts: 1 }), Finding);
});

Deno.test("what a server only says to wait for is untried", async () => {
  await using serving = new Serving({ perMinute: 5 });
  const target = { urls: [serving.url] as const, rounds: 1, attempts: 50 };
  await assert.rejects(named("of 50 readers").run(target), Untried);
});
