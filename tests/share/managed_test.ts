/** The managed mode: off unless it is switched on, and then one taker, by curl, of what was sent. */
import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, randomBytes, utf8 } from "../../core/bytes.ts";
import { CryptoError, ERRORS } from "../../core/errors.ts";
import type { CostlyScrypt } from "../../core/passphrase.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";
import { Managed, MANAGED_BYTES } from "../../share/managed.ts";
import { installed, testIf } from "../cli/support.ts";
import { run } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { type ShareProcess, startShare, UNHURRIED } from "./server_support.ts";
import { filesHold } from "./support.ts";

const MANAGED = [...UNHURRIED, "--managed"];
const server = await startShare(MANAGED);
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const LINE = /^curl (\S+) -d (crypto:managed:v1:[\w-]{43})\n$/;

/** Sends, and gives what opens it. */
async function keep(url: string, body: Bytes | string, query = ""): Promise<string> {
  const response = await fetch(`${url}/managed${query}`, { method: "POST", body });
  const text = await response.text();
  assert.equal(response.status, 201, text);
  const [, address, opening] = LINE.exec(text)!;
  assert.equal(address, `${url}/managed/open`);
  return opening!;
}

async function open(url: string, opening: string) {
  const response = await fetch(`${url}/managed/open`, { method: "POST", body: opening });
  const { status, headers } = response;
  return { status, headers, bytes: await response.bytes() };
}

async function codeOf(url: string, opening: string): Promise<string> {
  const { status, bytes } = await open(url, opening);
  const { error } = JSON.parse(new TextDecoder().decode(bytes));
  assert.equal(status, ERRORS[error as keyof typeof ERRORS].http);
  return error;
}

/** The managed mode over a store of its own, without a server. */
class Alone implements AsyncDisposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "cts-" });
  readonly #store = new EmbeddedStore(this.#directory, { total: 1e9, perClient: 1e9 });
  readonly managed: Managed;

  constructor(scrypt: CostlyScrypt) {
    const allowed = { ttl: 86_400, views: 1, size: 1e6 };
    const context = { store: this.#store, allowed, clock: Date.now, origin: "https://h" };
    this.managed = new Managed(context, scrypt);
  }

  async keep(body: BodyInit): Promise<string> {
    const outcome = await this.managed.keep(posted(body), "192.0.2.1");
    assert.ok(outcome && "text" in outcome);
    return LINE.exec(outcome.text)![2]!;
  }

  async open(opening: string): Promise<string> {
    const outcome = await (await this.managed.readOpening(posted(opening)))();
    assert.ok(outcome && "stream" in outcome);
    return await new Response(outcome.stream).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

function posted(body: BodyInit): Request {
  return new Request("https://h/managed", { method: "POST", body });
}

/** The real one in a fraction of the time, for what is not about its cost. */
const quickScrypt: CostlyScrypt = (password, salt) =>
  Promise.resolve(new Uint8Array(scryptSync(password, salt, 32, { N: 2 })));

Deno.test("without --managed there is nothing of it", async () => {
  await using plain = await startShare();
  for (const path of ["/managed", "/managed/open", "/managed/x"]) {
    for (const method of ["GET", "POST"]) {
      const response = await fetch(plain.url + path, { method });
      const other = await fetch(`${plain.url}/nothing`, { method });
      assert.equal(response.status, 404);
      assert.equal(await response.text(), await other.text());
    }
  }
  assert.ok(!plain.stderr.includes("managed"));
});

Deno.test("it is set by a flag or the file, and says that it sees what is sent", async () => {
  assert.match(server.stderr, /managed mode: this server sees/);
  const usage = await fetch(`${server.url}/managed`);
  assert.match(await usage.text(), /This server sees/);
  const directory = Deno.makeTempDirSync({ prefix: "cts-" });
  const file = `${directory}/share.toml`;
  for (const [text, on] of [["managed = true", true], ["managed = false", false]] as const) {
    Deno.writeTextFileSync(file, text);
    await using set = await startShare(["--config", file]);
    assert.equal(set.stderr.includes("managed mode"), on);
    await (await fetch(`${set.url}/managed`)).body?.cancel();
  }
  for (const wrong of ["managed = 1", 'managed = "yes"']) {
    Deno.writeTextFileSync(file, wrong);
    await assert.rejects(startShare(["--config", file]), /managed.*|share\.toml/);
  }
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("what was sent comes back once, byte for byte, and nothing shows it as a page", async () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const texts = ['{"file_name":"x"}', "&lt;b&gt;\0\n"];
  for (const body of [...texts.map(utf8), all]) {
    const opening = await keep(server.url, body);
    const { status, headers, bytes } = await open(server.url, opening);
    assert.equal(status, 200);
    assert.deepEqual(bytes, body);
    assert.equal(headers.get("content-type"), "application/octet-stream");
    assert.equal(headers.get("content-disposition"), "attachment");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(await codeOf(server.url, opening), "share_opened");
  }
});

testIf(
  await installed("curl"),
  "curl sends a file, and the line that it prints opens it",
  async () => {
    const directory = Deno.makeTempDirSync({ prefix: "cts-" });
    const file = `${directory}/file`;
    Deno.writeFileSync(file, randomBytes(60_000));
    const sh = (script: string) => run(["sh", "-c", script, "sh", file, `${server.url}/managed`]);
    const sent = await sh('curl -sS --data-binary @"$1" "$2?ttl=30m"');
    assert.match(sent.stdout, LINE, sent.stderr);
    const opened = await sh(`${sent.stdout.trim()} -sS -o "$1.back" && cmp "$1" "$1.back"`);
    assert.equal(opened.code, 0, opened.stderr);
    const again = await sh(`${sent.stdout.trim()} -sS -f`);
    assert.equal(again.code, 22);
    const typed = await sh('curl -sS -d "correct horse" "$2"');
    assert.equal((await sh(`${typed.stdout.trim()} -sS`)).stdout, "correct horse");
    Deno.removeSync(directory, { recursive: true });
  },
);

Deno.test("a body has its limit, and a lifetime is kept as asked or refused", async () => {
  const largest = new Uint8Array(MANAGED_BYTES).fill(7);
  assert.deepEqual((await open(server.url, await keep(server.url, largest))).bytes, largest);
  const statusOf = async (query: string, body: BodyInit) => {
    const response = await fetch(`${server.url}/managed${query}`, { method: "POST", body });
    await response.body?.cancel();
    return response.status;
  };
  const tooLarge = new Uint8Array(MANAGED_BYTES + 1);
  assert.equal(await statusOf("", tooLarge), 413);
  assert.equal(await statusOf("", new Blob([tooLarge]).stream()), 413);
  for (const ttl of ["59s", "31d", "0", "1", "-1d", "1.5d", "", "1e9s", "NaN", "1d&ttl=2d"]) {
    assert.equal(await statusOf(`?ttl=${ttl}`, "x"), 400, ttl);
  }
  assert.equal(await statusOf("?views=3", "x"), 400);
  const form = new FormData();
  form.set("secret", "x");
  assert.equal(await statusOf("", form), 400);
  assert.equal(await statusOf("", ""), 400, "nothing is no secret");
});

Deno.test("of fifty that ask at once one takes, also of two servers over one store", async () => {
  await using second = await startShare(MANAGED, server.directory);
  for (const urls of [[server.url], [server.url, second.url]]) {
    const opening = await keep(server.url, "hello");
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => {
      return open(urls[i % urls.length]!, opening);
    }));
    const taken = all.filter(({ status }) => status === 200);
    assert.deepEqual(taken.map(({ bytes }) => new TextDecoder().decode(bytes)), ["hello"]);
    // Taken before, or too many waiting for their turn.
    assert.ok(all.every(({ status }) => [200, 410, 429].includes(status)));
  }
});

Deno.test("previews, prefetching and other methods consume nothing", async () => {
  const opening = await keep(server.url, "hello");
  for (
    const path of ["/managed", "/managed/open", `/managed/open/${opening}`, `/managed/${opening}`]
  ) {
    for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
      const headers = { "user-agent": "Slackbot-LinkExpanding 1.0", "sec-purpose": "prefetch" };
      const response = await fetch(server.url + path, { method, headers });
      await response.body?.cancel();
      assert.ok(response.status < 500);
    }
  }
  assert.equal((await open(server.url, opening)).status, 200);
});

Deno.test("what is not whole opens nothing", async () => {
  const opening = await keep(server.url, "hello");
  const odd = ["", "x", opening.slice(0, -1), `${opening}A`, opening.replace("v1", "v2")];
  const named = [
    `${opening} short`,
    `${opening}  0123456789abcdef`,
    `${opening} ${"x".repeat(129)}`,
  ];
  for (const text of [...odd, ...named]) {
    assert.equal(await codeOf(server.url, text), "bad_link", text);
  }
  assert.equal((await open(server.url, "x".repeat(300))).status, 413);
  assert.equal((await open(server.url, `${opening}\n`)).status, 200);
});

Deno.test("id and password have 128 random bits each", async () => {
  await using alone = new Alone(quickScrypt);
  const seen = new Set<string>();
  const ones = new Array<number>(256).fill(0);
  const rounds = 2_000;
  for (let i = 0; i < rounds; i++) {
    const bytes = Uint8Array.fromBase64((await alone.keep("x")).split(":")[3]!, {
      alphabet: "base64url",
    });
    assert.equal(bytes.length, 32);
    seen.add(toBase64Url(bytes.slice(0, 16))).add(toBase64Url(bytes.slice(16)));
    for (const bit of ones.keys()) ones[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1;
  }
  assert.equal(seen.size, 2 * rounds);
  // Six standard deviations: chance does that to one of 256 bits once in two million runs.
  const far = ones.filter((n) => Math.abs(n - rounds / 2) > 6 * Math.sqrt(rounds) / 2);
  assert.deepEqual(far, []);
});

Deno.test("a wrong password costs no scrypt, is not counted and locks nothing", async () => {
  let calls = 0;
  await using alone = new Alone((...asked) => (calls++, quickScrypt(...asked)));
  const opening = await alone.keep("hello");
  const bytes = Uint8Array.fromBase64(opening.split(":")[3]!, { alphabet: "base64url" });
  assert.equal(calls, 1);
  for (let i = 0; i < 1_000; i++) {
    const wrong = bytes.slice();
    wrong.set(randomBytes(16), i % 2 === 0 ? 16 : 0);
    const text = `crypto:managed:v1:${toBase64Url(wrong)}`;
    await assert.rejects(alone.open(text), { code: "share_unavailable" });
  }
  assert.equal(calls, 1);
  assert.equal(await alone.open(opening), "hello");
  assert.equal(calls, 2);
  await assert.rejects(alone.open(opening), { code: "share_opened" });
  assert.equal(calls, 2);
});

Deno.test("one scrypt runs at a time, some wait, and the next is refused and loses nothing", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  let isBlocked = false;
  await using alone = new Alone(async (...asked) => {
    most = Math.max(most, ++running);
    if (isBlocked) await gate.promise;
    running--;
    return await quickScrypt(...asked);
  });
  const openings: string[] = [];
  for (let i = 0; i < 20; i++) openings.push(await alone.keep(`secret ${i}`));
  isBlocked = true;
  const all = openings.map((opening) => {
    return alone.open(opening).catch((error: CryptoError) => error.code);
  });
  await eventually("one runs", () => running === 1);
  gate.resolve();
  const results = await Promise.all(all);
  assert.equal(most, 1);
  const busy = results.flatMap((result, i) => result === "too_many_requests" ? [i] : []);
  assert.equal(busy.length, 4);
  for (const i of busy) assert.equal(await alone.open(openings[i]!), `secret ${i}`);
});

Deno.test("no file of the store and no log holds the secret, its id in the clear or its password", async () => {
  await using own = await startShare(MANAGED);
  const secret = toBase64Url(randomBytes(24));
  const opening = await keep(own.url, secret);
  const bytes = Uint8Array.fromBase64(opening.split(":")[3]!, { alphabet: "base64url" });
  const password = bytes.subarray(16);
  const needles = [utf8(secret), password, utf8(toBase64Url(password)), utf8(opening)];
  const nowhere = () => needles.every((needle) => !filesHold(own.directory, needle));
  assert.ok(nowhere());
  assert.ok(filesHold(own.directory, bytes.subarray(0, 16)), "the search finds what is there");
  await open(own.url, opening);
  await open(own.url, opening);
  assert.ok(nowhere());
  await own.end("SIGTERM");
  const text = own.stderr;
  for (const mark of [opening, secret, toBase64Url(password), toBase64Url(bytes.slice(0, 16))]) {
    assert.ok(!text.includes(mark), text);
  }
});

Deno.test("ten seconds after it was given the ciphertext is gone", async () => {
  await using own = await startShare(MANAGED);
  // Every such message begins alike, and nothing else in the store does.
  const beginning = new Uint8Array([...utf8("CRY1"), 2, 0, 0, 0, 0, 0, 0, 0, 0]);
  const opening = await keep(own.url, randomBytes(1000));
  assert.ok(filesHold(own.directory, beginning), "the search finds what is there");
  await open(own.url, opening);
  await eventually("it is erased", () => !filesHold(own.directory, beginning), 10_000);
});

Deno.test("a kill loses no secret that nobody has asked for, and who has a name asks again", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "cts-" });
  let own: ShareProcess = await startShare(MANAGED, directory);
  try {
    const kept: string[] = [];
    for (let i = 0; i < 3; i++) kept.push(await keep(own.url, `secret ${i}`));
    const asked = `${kept[0]} ${crypto.randomUUID()}`;
    for (let round = 0; round < 5; round++) {
      // The kill comes before the taking, within scrypt, or after it.
      const cut = open(own.url, asked).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 40 * round));
      await own.end("SIGKILL");
      await cut;
      own = await startShare(MANAGED, directory);
    }
    const text = async (opening: string) =>
      new TextDecoder().decode((await open(own.url, opening)).bytes);
    assert.equal(await text(asked), "secret 0");
    assert.equal(await codeOf(own.url, `${kept[0]} ${crypto.randomUUID()}`), "share_opened");
    assert.equal(await codeOf(own.url, kept[0]!), "share_opened");
    assert.equal(await text(kept[1]!), "secret 1");
    assert.equal(await text(kept[2]!), "secret 2");
  } finally {
    await own[Symbol.asyncDispose]();
    Deno.removeSync(directory, { recursive: true });
  }
});
