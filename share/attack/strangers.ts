/** Who has the address only: what it may use up, and what it may learn. */
import { type Attack, expect, Finding, type Target } from "./attack.ts";
import { rankDifference } from "./ranks.ts";
import { ask, GONE, madeUp, stillReads, UNAVAILABLE, Victim, VictimRequest } from "./victim.ts";

/** z of a rank test that chance gives once in fifteen thousand. */
const TELLING = 4;
/** Answers of each kind that are timed, unless fewer attempts are asked for. */
const TIMED = 300;
const AT_ONCE = 50;
/** The shortest lifetime in seconds, and how long it is waited for in milliseconds. */
const SHORTEST = 60;
const PATIENCE = 90_000;
const POLL = 250;

/** What somebody with the address only, or without the right proof, may send of a secret. */
export function strangersCalls(id: string): [name: string, fields: object][] {
  return [
    ["look", { id, linkProof: madeUp() }],
    ["take", { id, linkProof: madeUp(), claimToken: madeUp() }],
    ["take", { id, linkProof: madeUp(), claimToken: madeUp(), passphraseProof: madeUp() }],
    ["body", { id, claimToken: madeUp(), offset: 0 }],
    ["acknowledge", { id, claimToken: madeUp() }],
    ["status", { id, receipt: madeUp() }],
    ["revoke", { id, receipt: madeUp() }],
    ["unlock", { id, receipt: madeUp() }],
    ["upload-state", { id, uploadToken: madeUp() }],
    ["look-request", { id, writeProof: madeUp() }],
    ["answer", { id, writeProof: madeUp(), receiptHash: madeUp(), size: 1, body: "AA" }],
  ];
}

async function addressOnly({ urls: [url], attempts }: Target): Promise<void> {
  const victim = await new Victim({ passphrase: true }).create(url);
  const calls = strangersCalls(victim.id);
  for (let done = 0; done < attempts; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => {
      const [name, fields] = calls[(done + i) % calls.length]!;
      const { status } = await ask(url, name, fields);
      expect(status === UNAVAILABLE, `${name}: ${status}`);
    }));
  }
  const { json } = await ask(url, "look", victim.link);
  expect(json.attemptsLeft === 10, `attempts were spent: ${json.attemptsLeft} are left`);
  await stillReads(url, victim);
}

/** Secrets in every state that a stranger must not tell from one that never was, which is first. */
async function inEveryState(url: string): Promise<string[]> {
  const make = (passphrase = false) => new Victim({ passphrase }).create(url);
  const [live, used, revoked, locked] = [
    await make(),
    await make(),
    await make(),
    await make(true),
  ];
  await ask(url, "take", used.claim());
  await ask(url, "revoke", revoked.held);
  for (let i = 0; i < 10; i++) {
    await ask(url, "take", { ...locked.claim(), passphraseProof: madeUp() });
  }
  const waiting = await new VictimRequest().create(url);
  const answered = await new VictimRequest().create(url);
  await ask(url, "answer", await answered.answer());
  const victims = [new Victim(), live, used, revoked, locked, waiting, answered];
  return victims.map(({ id }) => id);
}

async function sameBytes(url: string, ids: readonly string[]): Promise<void> {
  const seen = new Map<string, Set<string>>();
  for (const id of ids) {
    for (const [i, [name, fields]] of strangersCalls(id).entries()) {
      const { status, text, headers } = await ask(url, name, fields);
      const kept = [...headers].filter(([header]) => header !== "date");
      const answers = seen.get(`${i} ${name}`) ?? new Set();
      seen.set(`${i} ${name}`, answers.add(JSON.stringify([status, text, kept])));
    }
  }
  for (const [name, answers] of seen) expect(answers.size === 1, `${name} answers differ`);
}

async function sameTime(
  { urls: [url], attempts }: Target,
  ids: readonly string[],
): Promise<void> {
  const times = ids.map((): number[] => []);
  for (let round = 0; round < Math.min(TIMED, attempts); round++) {
    for (const which of shuffled(ids.length)) {
      const started = performance.now();
      await ask(url, "take", { id: ids[which], linkProof: madeUp(), claimToken: madeUp() });
      times[which]!.push(performance.now() - started);
    }
  }
  for (const [i, other] of times.entries()) {
    const z = i === 0 ? 0 : rankDifference(times[0]!, other);
    expect(Math.abs(z) < TELLING, `state ${i} is told by its time: z ${z.toFixed(1)}`);
  }
}

/** The numbers below `length` in any order, so that none always follows the same one. */
function shuffled(length: number): number[] {
  const drawn = Array.from({ length }, (_, which) => ({ which, place: Math.random() }));
  return drawn.sort((a, b) => a.place - b.place).map(({ which }) => which);
}

/** Lives as short as can be, and is tried at once when that is over. */
async function expiry(target: Target): Promise<void> {
  const { urls: [url] } = target;
  const expiring = () => new Victim().create(url, { ttl: SHORTEST });
  const [victim, other] = [await expiring(), await expiring()];
  await untilExpired(url, victim);
  const late = await ask(url, "take", victim.claim());
  expect(late.status === GONE, `after its time it was answered with ${late.status}`);
  expect(late.json.error === "share_expired", `the reader was told ${late.json.error}`);
  const ids = [new Victim().id, other.id];
  await sameBytes(url, ids);
  await sameTime(target, ids);
}

async function untilExpired(url: string, victim: Victim): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (performance.now() < end) {
    const { json } = await ask(url, "status", victim.held);
    if (json.state === "expired") return;
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  throw new Finding("it did not expire");
}

/** Attacks by somebody with the address only. */
export const STRANGERS: readonly Attack[] = [
  { name: "who has the address only consumes nothing, however often", run: addressOnly },
  {
    name: "never existed, live, used, revoked, locked and requests have the same bytes",
    run: async ({ urls: [url] }) => sameBytes(url, await inEveryState(url)),
  },
  {
    name: "and take the same time",
    run: async (target) => sameTime(target, await inEveryState(target.urls[0])),
  },
];

/** Takes more than a minute: no lifetime is shorter. */
export const EXPIRY: Attack = {
  name: "what has expired is refused at once, and to strangers looks like what never existed",
  run: expiry,
};
