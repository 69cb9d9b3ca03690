/**
 * Attacks on the API of a share server: what went wrong in systems like this before. Each gets the
 * address of a server, or several over one store, and throws a {@link Finding} if it succeeds.
 */
import { randomBytes, toBase64Url } from "../../core/bytes.ts";
import { formatUploadPlace } from "../../core/share/wire.ts";
import { rankDifference } from "./ranks.ts";
import { REQUEST_ATTACKS } from "./requests.ts";
import { call, expect, Victim, VictimRequest } from "./victim.ts";

/** What is attacked, and how hard. */
export interface Target {
  /** Base addresses of servers over one store. */
  readonly urls: readonly string[];
  /** Races of each kind. */
  readonly rounds: number;
  /** Attempts by somebody who has the address only. */
  readonly attempts: number;
}

/** One attack. */
export interface Attack {
  /** What must hold in spite of it. */
  readonly name: string;
  readonly run: (target: Target) => Promise<void>;
}

const TAKEN = 200;
const UNAVAILABLE = 404;
const GONE = 410;
/** What is no lifetime and no number of views. */
const ODD = [0, -1, 1e18, 1.5, "", null, "1e9", "60", true, [], [60], {}, 1e300];
const NOT_TOKENS = [undefined, null, "", "A", "A".repeat(42), "A".repeat(44), 0, true, [], {}];
/** z of a rank test that chance gives once in fifteen thousand. */
const TELLING = 4;

function first({ urls }: Target): string {
  return urls[0]!;
}

function bytes(): string {
  return toBase64Url(randomBytes(32));
}

/** Lets readers take at once, over all the servers in turn, and counts who got it. */
async function race({ urls }: Target, readers: number, views: number): Promise<void> {
  const victim = await new Victim().create(urls[0]!, { views });
  const takes = Array.from({ length: readers }, (_, i) => {
    return call(urls[i % urls.length]!, "take", victim.claim());
  });
  const all = await Promise.all(takes);
  const taken = all.filter(({ status }) => status === TAKEN);
  const whole = taken.every(({ json }) => json.body === toBase64Url(victim.content));
  expect(taken.length === views, `${taken.length} of ${readers} took ${views} views`);
  expect(whole, "a taker got something else");
  expect(all.every(({ status }) => status === TAKEN || status === GONE), "another answer came");
}

function races(readers: number, views: number): Attack {
  const who = views === 1 ? "exactly one takes" : `exactly ${views} take`;
  return {
    name: `of ${readers} readers at once ${who}`,
    async run(target) {
      for (let round = 0; round < target.rounds; round++) await race(target, readers, views);
    },
  };
}

/** What somebody with the address only, or without the right proof, may send of a secret. */
function strangersCalls(id: string): [name: string, fields: object][] {
  return [
    ["look", { id, linkProof: bytes() }],
    ["take", { id, linkProof: bytes(), claimToken: bytes() }],
    ["take", { id, linkProof: bytes(), claimToken: bytes(), passphraseProof: bytes() }],
    ["body", { id, claimToken: bytes(), offset: 0 }],
    ["acknowledge", { id, claimToken: bytes() }],
    ["status", { id, receipt: bytes() }],
    ["revoke", { id, receipt: bytes() }],
    ["unlock", { id, receipt: bytes() }],
    ["upload-state", { id, uploadToken: bytes() }],
    ["look-request", { id, writeProof: bytes() }],
    ["answer", { id, writeProof: bytes(), receiptHash: bytes(), size: 1, body: "AA" }],
  ];
}

/** Secrets in every state that a stranger must not tell from one that never was. */
async function inEveryState(url: string): Promise<string[]> {
  const make = (passphrase = false) => new Victim({ passphrase }).create(url);
  const [live, used, revoked, locked] = [
    await make(),
    await make(),
    await make(),
    await make(true),
  ];
  await call(url, "take", used.claim());
  await call(url, "revoke", revoked.held);
  for (let i = 0; i < 10; i++) {
    await call(url, "take", { ...locked.claim(), passphraseProof: bytes() });
  }
  const waiting = await new VictimRequest().create(url);
  const answered = await new VictimRequest().create(url);
  await call(url, "answer", await answered.answer());
  const victims = [new Victim(), live, used, revoked, locked, waiting, answered];
  return victims.map(({ id }) => id);
}

async function stillReads(url: string, victim: Victim): Promise<void> {
  const { status, json } = await call(url, "take", victim.claim());
  expect(status === TAKEN, `the recipient got ${status}`);
  expect(json.body === toBase64Url(victim.content), "the recipient got something else");
}

async function oddTerms(target: Target): Promise<void> {
  const url = first(target);
  for (const field of ["ttl", "views", "size"]) {
    for (const odd of ODD) {
      if (field === "size" && odd === 0) continue;
      const victim = new Victim();
      const { status } = await call(url, "create", await victim.creation({ [field]: odd }));
      expect(status === 400 || status === 422, `${field} ${JSON.stringify(odd)}: ${status}`);
      const look = await call(url, "look", victim.link);
      expect(look.status === UNAVAILABLE, `${field} ${JSON.stringify(odd)} left something`);
    }
  }
}

async function oddTokens(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  for (const receipt of [...NOT_TOKENS, bytes()]) {
    for (const name of ["revoke", "unlock", "status"]) {
      const { status } = await call(url, name, { id: victim.id, receipt });
      expect(status === 400 || status === UNAVAILABLE, `${name} with ${receipt}: ${status}`);
    }
  }
  await stillReads(url, victim);
}

/** A reader knows link proof, id and its claim token; none of it is the sender's receipt. */
async function readersRevoke(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url, { views: 2 });
  const claim = victim.claim();
  await call(url, "take", claim);
  for (const receipt of [claim.linkProof, claim.claimToken]) {
    const { status } = await call(url, "revoke", { id: victim.id, receipt });
    expect(status === UNAVAILABLE, `a reader revoked: ${status}`);
  }
  await stillReads(url, victim);
}

async function addressOnly(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim({ passphrase: true }).create(url);
  const calls = strangersCalls(victim.id);
  for (let done = 0; done < target.attempts; done += 50) {
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const [name, fields] = calls[(done + i) % calls.length]!;
      const { status } = await call(url, name, fields);
      expect(status === UNAVAILABLE, `${name}: ${status}`);
    }));
  }
  const { json } = await call(url, "look", victim.link);
  expect(json.attemptsLeft === 10, `attempts were spent: ${json.attemptsLeft} are left`);
  await stillReads(url, victim);
}

async function overwrite(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  const other = async () => ({ ...await new Victim().creation(), id: victim.id });
  const before = await call(url, "create", await other());
  await stillReads(url, victim);
  const after = await call(url, "create", await other());
  await call(url, "revoke", victim.held);
  const later = await call(url, "create", await other());
  for (const { status } of [before, after, later]) expect(status === 409, `created: ${status}`);
}

async function parallelPassphrases(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim({ passphrase: true }).create(url);
  const bystander = await new Victim().create(url);
  const guesses = Array.from({ length: 500 }, () => {
    return call(url, "take", { ...victim.claim(), passphraseProof: bytes() });
  });
  await stillReads(url, bystander);
  const all = await Promise.all(guesses);
  const judged = all.filter(({ json }) => json.error === "wrong_passphrase").length;
  expect(judged === 10, `${judged} guesses were judged`);
  expect(all.every(({ status }) => status === 403 || status === 423), "another answer came");
  const right = await call(url, "take", victim.claim());
  expect(right.status === 423, `locked, the right one got ${right.status}`);
  await call(url, "unlock", victim.held);
  await stillReads(url, victim);
}

async function lostAnswer(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  const claim = victim.claim();
  for (let i = 0; i < 3; i++) {
    const again = await call(url, "take", claim);
    expect(again.json.body === toBase64Url(victim.content), `the taker got ${again.status}`);
    const stranger = await call(target.urls.at(-1)!, "take", victim.claim());
    expect(stranger.status === GONE, `a stranger got ${stranger.status}`);
  }
  await call(url, "acknowledge", { id: victim.id, claimToken: claim.claimToken });
  const late = await call(url, "take", claim);
  expect(late.status === GONE, `after the acknowledgement: ${late.status}`);
}

/** What link previews, prefetching browsers and scanners send. */
async function previews(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  const paths = ["/", "/s", `/s%23${victim.link.linkProof}`, "/api/take", "/api/acknowledge", "/x"];
  const agents = [
    "Slackbot-LinkExpanding 1.0",
    "WhatsApp/2.0",
    "facebookexternalhit/1.1",
    "curl/8",
  ];
  for (const path of paths) {
    for (const [i, method] of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"].entries()) {
      const headers = { "user-agent": agents[i % agents.length]!, "sec-purpose": "prefetch" };
      const response = await fetch(url + path, { method, headers });
      await response.body?.cancel();
      const { status, headers: answered } = response;
      expect(status < 500, `${method} ${path}: ${status}`);
      expect(answered.get("cache-control") === "no-store", `${method} ${path} may be stored`);
      expect(
        answered.get("referrer-policy") === "no-referrer",
        `${method} ${path} tells referrers`,
      );
      expect(answered.get("x-content-type-options") === "nosniff", `${method} ${path} is sniffed`);
      const policy = answered.get("content-security-policy") ?? "";
      expect(policy.startsWith("default-src 'none'"), `${method} ${path}: policy ${policy}`);
    }
  }
  await stillReads(url, victim);
}

async function sameBytes(target: Target): Promise<void> {
  const url = first(target);
  const seen = new Map<string, Set<string>>();
  for (const id of await inEveryState(url)) {
    for (const [i, [name, fields]] of strangersCalls(id).entries()) {
      const { status, text, headers } = await call(url, name, fields);
      const kept = [...headers].filter(([header]) => header !== "date");
      const answers = seen.get(`${i} ${name}`) ?? new Set();
      seen.set(`${i} ${name}`, answers.add(JSON.stringify([status, text, kept])));
    }
  }
  for (const [name, answers] of seen) expect(answers.size === 1, `${name} answers differ`);
}

async function sameTime(target: Target): Promise<void> {
  const url = first(target);
  const ids = await inEveryState(url);
  const times = ids.map((): number[] => []);
  for (let round = 0; round < 300; round++) {
    // In another order each time, so that none always follows the same one.
    for (let i = 0; i < ids.length; i++) {
      const which = (i * (1 + round % 4) + round) % ids.length;
      const started = performance.now();
      await call(url, "take", { id: ids[which], linkProof: bytes(), claimToken: bytes() });
      times[which]!.push(performance.now() - started);
    }
  }
  for (const [i, other] of times.entries()) {
    const z = i === 0 ? 0 : rankDifference(times[0]!, other);
    expect(Math.abs(z) < TELLING, `state ${i} is told by its time: z ${z.toFixed(1)}`);
  }
}

function streamed(length: number): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(new Uint8Array(Math.min(left, 65_536)).fill(0x20));
      left -= 65_536;
    },
  });
}

async function tooMuch(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  for (const name of ["create", "take", "look", "revoke", "acknowledge"]) {
    for (const body of [" ".repeat(5_000_000), streamed(5_000_000)]) {
      const outcome = await call(url, name, undefined, { body }).catch(() => ({ status: 413 }));
      expect(outcome.status === 413, `${name} with 5 MB: ${outcome.status}`);
    }
  }
  await stillReads(url, victim);
}

async function noRequest(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  const { link } = victim;
  const bodies = [
    "",
    "{",
    "[]",
    "null",
    "1",
    '"x"',
    "\xff",
    '{"__proto__":{}}',
    "{}",
    `[${"[".repeat(999)}`,
  ];
  const more = [{ ...link, claimToken: bytes(), admin: true }, { ...link, __proto__x: 1 }, [link]];
  for (const body of [...bodies, ...more.map((fields) => JSON.stringify(fields))]) {
    const { status } = await call(url, "take", undefined, { body });
    expect(status === 400, `${body.slice(0, 40)}: ${status}`);
  }
  const type = { "content-type": "text/plain" };
  const { status } = await call(url, "take", victim.claim(), { headers: type });
  expect(status === 400, `a form of another site: ${status}`);
  await stillReads(url, victim);
}

async function cutUploads(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim({ size: 1_000_000 }).create(url);
  const { content } = victim;
  const state = { id: victim.id, uploadToken: toBase64Url(victim.uploadToken) };
  for (const part of [0, 0.5, 0.999]) {
    const offset = Number((await call(url, "upload-state", state)).json.offset);
    const end = Math.floor(content.length * part);
    await upload(url, victim, offset, cut(content.subarray(offset, end))).catch(() => undefined);
    const early = await call(url, "take", victim.claim());
    expect(early.status === 409, `taken before it was whole: ${early.status}`);
  }
  let offset = 0;
  // What was cut may still be under way in the server: then this piece is refused, and goes again.
  for (let tries = 0; offset < content.length; tries++) {
    expect(tries < 20, `the upload does not go on from ${offset}`);
    offset = await upload(url, victim, offset, content.slice(offset)).catch(() => offset);
  }
  await downloads(url, victim);
}

async function upload(
  url: string,
  victim: Victim,
  offset: number,
  body: BodyInit,
): Promise<number> {
  const place = formatUploadPlace({ ...victim.place, offset });
  const response = await fetch(`${url}/api/upload`, {
    method: "POST",
    headers: { "crypto-share": place },
    body,
  });
  const json = await response.json() as { offset?: number };
  expect(response.ok && typeof json.offset === "number", `the upload got ${response.status}`);
  return json.offset;
}

/** A body that breaks off. */
function cut(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
    },
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.error(new Error("cut"));
    },
  });
}

async function downloads(url: string, victim: Victim): Promise<void> {
  const claim = victim.claim();
  const { status } = await call(url, "take", claim);
  expect(status === TAKEN, `the upload was taken with ${status}`);
  for (const offset of [0, victim.content.length / 2, victim.content.length - 1]) {
    const fields = { id: victim.id, claimToken: claim.claimToken, offset };
    const response = await fetch(`${url}/api/body`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(fields),
    });
    const got = new Uint8Array(await response.arrayBuffer());
    expect(
      toBase64Url(got) === toBase64Url(victim.content.slice(offset)),
      `from ${offset} it differs`,
    );
  }
}

async function floods(target: Target): Promise<void> {
  const url = first(target);
  const victim = await new Victim().create(url);
  const all = await Promise.all(Array.from({ length: 500 }, async () => {
    return (await call(url, "create", await new Victim().creation())).status;
  }));
  const known = all.every((status) => [201, 429, 507].includes(status));
  expect(known, `answers were ${[...new Set(all)].join(", ")}`);
  await stillReads(url, victim);
}

/** All of them. */
export const ATTACKS: readonly Attack[] = [
  races(50, 1),
  races(2, 1),
  races(50, 3),
  { name: "lifetimes, views and sizes that are none are refused and leave nothing", run: oddTerms },
  { name: "nothing is revoked or unlocked without the receipt", run: oddTokens },
  { name: "nothing is revoked with what a reader knows", run: readersRevoke },
  { name: "who has the address only consumes nothing, however often", run: addressOnly },
  { name: "nothing is created over a secret or what is left of one", run: overwrite },
  { name: "five hundred passphrases at once are ten attempts", run: parallelPassphrases },
  { name: "a taker asks again, a stranger in between gets nothing", run: lostAnswer },
  { name: "previews, prefetching and other methods consume nothing", run: previews },
  {
    name: "never existed, live, used, revoked, locked and requests have the same bytes",
    run: sameBytes,
  },
  { name: "and take the same time", run: sameTime },
  { name: "bodies too large are refused, chunked ones too", run: tooMuch },
  { name: "what is no request is refused", run: noRequest },
  {
    name: "an upload that is cut goes on, and nobody reads it before it is whole",
    run: cutUploads,
  },
  { name: "a flood of new secrets leaves the others readable", run: floods },
  ...REQUEST_ATTACKS,
];
