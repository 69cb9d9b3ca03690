/** Connections that are cut, and what is asked for in the middle of them. */
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat, utf8 } from "../../core/bytes.ts";
import { formatUploadPlace } from "../../core/share/wire.ts";
import { Absent, type Attack, expect, type Target } from "./attack.ts";
import { ask, call, GONE, madeUp, post, stillReads, TAKEN, UNAVAILABLE, Victim } from "./victim.ts";

/** Large enough for several writes of every layer between. */
const SIZE = 1_000_000;
const CUTS = [0, 0.5, 0.999];
const CUT_AFTER = 20;
const TRIES = 20;

async function cutUploads({ urls: [url] }: Target): Promise<void> {
  const victim = await uploading(url);
  const { content } = victim;
  for (const part of CUTS) {
    const offset = await offsetOf(url, victim);
    const end = Math.floor(content.length * part);
    await upload(url, victim, offset, cut(content.subarray(offset, end))).catch(() => undefined);
    const early = await ask(url, "take", victim.claim());
    expect(early.status === 409, `taken before it was whole: ${early.status}`);
  }
  await uploadRest(url, victim);
  const claim = victim.claim();
  const { status } = await ask(url, "take", claim);
  expect(status === TAKEN, `the upload was taken with ${status}`);
  await expectFrom(url, victim, claim.claimToken, 0);
}

/** A secret whose body is to come. @throws {Absent} where bodies do not go through the server */
async function uploading(url: string, content?: Bytes): Promise<Victim> {
  const victim = await new Victim({ size: SIZE, content }).create(url);
  const { next } = await stateOf(url, victim);
  if (next !== undefined) throw new Absent("bodies go past this server, to its storage");
  return victim;
}

async function offsetOf(url: string, victim: Victim): Promise<number> {
  return Number((await stateOf(url, victim)).offset);
}

async function stateOf(url: string, { id, uploadToken }: Victim) {
  return (await ask(url, "upload-state", { id, uploadToken: toBase64Url(uploadToken) })).json;
}

/** Gives where to go on. */
async function upload(
  url: string,
  { place }: Pick<Victim, "place">,
  offset: number,
  body: BodyInit,
): Promise<number> {
  const headers = {
    "content-type": "application/octet-stream",
    "crypto-share": formatUploadPlace({ ...place, offset }),
  };
  const { status, json } = await ask(url, "upload", undefined, { headers, body });
  const at = json.offset;
  expect(status === TAKEN && typeof at === "number", `the upload got ${status}`);
  return at;
}

async function uploadRest(url: string, victim: Victim): Promise<void> {
  const { content } = victim;
  let offset = await offsetOf(url, victim);
  // What was cut may still be under way in the server: then this piece is refused, and goes again.
  for (let tries = 0; offset < content.length; tries++) {
    expect(tries < TRIES, `the upload does not go on from ${offset}`);
    await upload(url, victim, offset, content.slice(offset)).catch(() => undefined);
    offset = await offsetOf(url, victim);
  }
}

/** A body that breaks off. */
function cut(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
    },
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, CUT_AFTER));
      controller.error(new Error("cut"));
    },
  });
}

/** With another's token, at another place, and more than was announced. */
async function strangeUploads({ urls: [url] }: Target): Promise<void> {
  const victim = await uploading(url);
  const half = victim.content.slice(0, SIZE / 2);
  const stranger = { place: { ...victim.place, uploadToken: new Victim().uploadToken } };
  const given = await upload(url, stranger, 0, half).catch(() => undefined);
  expect(given === undefined, "a stranger has uploaded");
  expect(await upload(url, victim, 0, half) === half.length, "the half is not there");
  for (const offset of [0, half.length - 1, half.length + 1, SIZE]) {
    const at = await upload(url, victim, offset, new Uint8Array(10));
    expect(at === half.length, `at ${offset} something was written`);
  }
  const more = await upload(url, victim, half.length, new Uint8Array(SIZE)).catch(() => undefined);
  expect(more === undefined, "more was taken than was announced");
  const state = await offsetOf(url, victim);
  expect(state < SIZE, "what was too much has made it whole");
}

async function cutDownloads({ urls: [url] }: Target): Promise<void> {
  const victim = await uploading(url);
  await uploadRest(url, victim);
  const claim = victim.claim();
  await ask(url, "take", claim);
  for (const part of CUTS) {
    const end = Math.floor(SIZE * part);
    await readSome(await body(url, victim, claim.claimToken, 0), end);
    const stranger = await ask(url, "take", victim.claim());
    expect(stranger.status === GONE, `a stranger got ${stranger.status}`);
    const other = await body(url, victim, madeUp(), end);
    await other.body?.cancel();
    expect(other.status === UNAVAILABLE, `with another token: ${other.status}`);
    await expectFrom(url, victim, claim.claimToken, end);
  }
  await ask(url, "acknowledge", { id: victim.id, claimToken: claim.claimToken });
  const late = await body(url, victim, claim.claimToken, 0);
  await late.body?.cancel();
  expect(late.status === UNAVAILABLE, `after the acknowledgement: ${late.status}`);
}

function body(url: string, { id }: Victim, claimToken: string, offset: number): Promise<Response> {
  return post(url, "body", { body: JSON.stringify({ id, claimToken, offset }) });
}

/** Reads at least `end` bytes of an answer and hangs up. */
async function readSome(response: Response, end: number): Promise<void> {
  const reader = response.body!.getReader();
  for (let got = 0; got < end;) got += (await reader.read()).value?.length ?? end;
  await reader.cancel();
}

async function expectFrom(
  url: string,
  victim: Victim,
  claimToken: string,
  offset: number,
): Promise<void> {
  const response = await body(url, victim, claimToken, offset);
  const got: Bytes = new Uint8Array(await response.arrayBuffer());
  const same = toBase64Url(got) === toBase64Url(victim.content.subarray(offset));
  expect(same, `from ${offset} it differs`);
}

/** What parsers, pages, archives and terminals have been known to change. */
const TELLING: readonly Bytes[] = [
  ...['{"file_name":"x"}', "[]", "null", '"__proto__"', "&lt;b&gt;&amp;", "<b>%23+</b>"].map(utf8),
  ...["\r\n\n\r", " \t", "\0", "\u001b[2J", "\ufeff\u202e"].map(utf8),
  new Uint8Array([0x1f, 0x8b, 8, 0]),
  new Uint8Array([0xff, 0xfe, 0xc0, 0x80]),
  Uint8Array.from({ length: 256 }, (_, byte) => byte),
];

/** To the server a body is bytes, also where it would be something else to somebody. */
async function shortBodies({ urls: [url] }: Target): Promise<void> {
  for (const content of TELLING) await stillReads(url, await new Victim({ content }).create(url));
}

async function longBodies({ urls: [url] }: Target): Promise<void> {
  const all = concat(...TELLING);
  const content = concat(...Array<Bytes>(Math.ceil(SIZE / all.length)).fill(all));
  const victim = await uploading(url, content);
  await uploadRest(url, victim);
  const claim = victim.claim();
  await ask(url, "take", claim);
  await expectFrom(url, victim, claim.claimToken, 0);
}

/** Hangs up on the take itself, sooner and later; the answer can be had again. */
async function cutTakes({ urls: [url] }: Target): Promise<void> {
  for (let after = 0; after < 10; after++) {
    const victim = await new Victim().create(url);
    const claim = victim.claim();
    const hangUp = new AbortController();
    const lost = call(url, "take", claim, { signal: hangUp.signal }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, after / 4));
    hangUp.abort();
    await lost;
    const again = await ask(url, "take", claim);
    const whole = again.json.body === toBase64Url(victim.content);
    expect(whole, `who hung up after ${after / 4} ms got ${again.status}`);
    const stranger = await ask(url, "take", victim.claim());
    expect(stranger.status === GONE, `a stranger got ${stranger.status}`);
  }
}

/** Attacks on what takes a while. */
export const TRANSFERS: readonly Attack[] = [
  {
    name: "an upload that is cut goes on, and nobody reads it before it is whole",
    run: cutUploads,
  },
  { name: "an upload takes what was announced, in order, and of its sender", run: strangeUploads },
  { name: "a download that is cut goes on for its taker alone", run: cutDownloads },
  { name: "whoever hangs up on a take may ask again", run: cutTakes },
  { name: "short bodies come back byte for byte, whatever they hold", run: shortBodies },
  { name: "long ones do, too", run: longBodies },
];
