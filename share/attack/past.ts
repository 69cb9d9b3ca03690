/** Bodies that go past a server, to and from its storage. */
import { toBase64Url } from "../../core/base64.ts";
import type { Bytes } from "../../core/bytes.ts";
import { Absent, type Attack, expect, type Target } from "./attack.ts";
import { ask, TAKEN, UNAVAILABLE, Victim } from "./victim.ts";

const SIZE = 1_000_000;
const UPLOADING = 409;

/** Where bytes go or come from, as the API says it. */
interface Place {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function stateOf(url: string, { id, uploadToken }: Victim) {
  return (await ask(url, "upload-state", { id, uploadToken: toBase64Url(uploadToken) })).json;
}

/** A secret whose body is to come, and where that goes. @throws {Absent} */
async function begun(url: string): Promise<[Victim, Place]> {
  const victim = await new Victim({ size: SIZE }).create(url);
  const { next } = await stateOf(url, victim);
  if (next === undefined) throw new Absent("bodies go through this server");
  return [victim, next as Place];
}

/** @returns whether the storage took it */
async function put({ url, headers }: Place, body: Bytes): Promise<boolean> {
  const response = await fetch(url, { method: "PUT", headers, body, redirect: "error" });
  await response.body?.cancel();
  return response.ok;
}

async function strangePuts({ urls: [url] }: Target): Promise<void> {
  const [victim, next] = await begun(url);
  const { content } = victim;
  for (const length of [0, SIZE / 2, SIZE - 1]) {
    expect(!await put(next, content.slice(0, length)), `${length} of ${SIZE} bytes were taken`);
  }
  const early = await ask(url, "take", victim.claim());
  expect(early.status === UPLOADING, `taken before it was whole: ${early.status}`);
  expect(await put(next, content), "the body was not taken");
  expect(!await put(next, new Uint8Array(SIZE)), "a second body went over the first");
  expect((await stateOf(url, victim)).expires !== undefined, "the upload does not end");
  const claim = victim.claim();
  expect((await ask(url, "take", claim)).status === TAKEN, "it was not taken");
  const got = await ask(url, "body", { id: victim.id, claimToken: claim.claimToken, offset: 0 });
  const bytes = await get(got.json as unknown as Place);
  expect(bytes.every((byte, i) => byte === content[i]) && bytes.length === SIZE, "it is another");
}

async function get({ url, headers }: Place): Promise<Bytes> {
  const response = await fetch(url, { headers, redirect: "error" });
  const bytes = await response.bytes();
  return response.ok ? bytes : new Uint8Array();
}

async function lateAddresses({ urls: [url] }: Target): Promise<void> {
  const [victim, next] = await begun(url);
  expect(await put(next, victim.content), "the body was not taken");
  await stateOf(url, victim);
  const claim = victim.claim();
  await ask(url, "take", claim);
  const { id } = victim;
  const body = (claimToken: string) => ask(url, "body", { id, claimToken, offset: 0 });
  const stranger = await body(victim.claim().claimToken);
  expect(stranger.status === UNAVAILABLE, `a stranger's claim got ${stranger.status}`);
  const place = (await body(claim.claimToken)).json as unknown as Place;
  await ask(url, "acknowledge", { id, claimToken: claim.claimToken });
  expect((await get(place)).length === 0, "the body was still there when it was acknowledged");
  expect(!await put(next, victim.content), "an old address brought the body back");
  const again = await body(claim.claimToken);
  expect(again.status === UNAVAILABLE, `a claim that is over got ${again.status}`);
}

/** Tried where a server has a storage beside it. */
export const PAST: readonly Attack[] = [
  {
    name: "what goes to the storage is of one length, once, and no secret before it is whole",
    run: strangePuts,
  },
  {
    name: "an address of the storage ends with the claim, and brings nothing back",
    run: lateAddresses,
  },
];
