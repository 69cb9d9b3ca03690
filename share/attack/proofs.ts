/** Who has some of what is needed, and tries for the rest. */
import { toBase64Url } from "../../core/base64.ts";
import { type Attack, expect, type Target } from "./attack.ts";
import { ask, GONE, madeUp, stillReads, UNAVAILABLE, Victim } from "./victim.ts";

const NOT_TOKENS = [undefined, null, "", "A", "A".repeat(42), "A".repeat(44), 0, true, [], {}];
const LOCKED = 423;

async function oddTokens({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  for (const receipt of [...NOT_TOKENS, madeUp()]) {
    for (const name of ["revoke", "unlock", "status"]) {
      const { status } = await ask(url, name, { id: victim.id, receipt });
      expect(status === 400 || status === UNAVAILABLE, `${name} with ${receipt}: ${status}`);
    }
  }
  const { status } = await ask(url, "revoke", { id: victim.id });
  expect(status === 400, `revoke without a receipt: ${status}`);
  await stillReads(url, victim);
}

/** A reader knows link proof, id and its claim token; none of it is the sender's receipt. */
async function readersRevoke({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url, { views: 2 });
  const claim = victim.claim();
  await ask(url, "take", claim);
  for (const receipt of [claim.linkProof, claim.claimToken]) {
    const { status } = await ask(url, "revoke", { id: victim.id, receipt });
    expect(status === UNAVAILABLE, `a reader revoked: ${status}`);
  }
  await stillReads(url, victim);
}

async function overwrite({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  const revoked = await new Victim().create(url);
  await ask(url, "revoke", revoked.held);
  const create = async ({ id }: Victim) =>
    (await ask(url, "create", { ...await new Victim().creation(), id })).status;
  const overSecret = await create(victim);
  await stillReads(url, victim);
  for (const status of [overSecret, await create(victim), await create(revoked)]) {
    expect(status === 409, `created: ${status}`);
  }
  const seen = await ask(url, "look", revoked.link);
  expect(seen.json.state === "revoked", "a tombstone was written over");
}

async function parallelPassphrases({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim({ passphrase: true }).create(url);
  const bystander = await new Victim().create(url);
  const guesses = Array.from({ length: 500 }, () => {
    return ask(url, "take", { ...victim.claim(), passphraseProof: madeUp() });
  });
  await stillReads(url, bystander);
  const all = await Promise.all(guesses);
  const judged = all.filter(({ json }) => json.error === "wrong_passphrase").length;
  expect(judged === 10, `${judged} guesses were judged`);
  expect(all.every(({ status }) => status === 403 || status === LOCKED), "another answer came");
  const right = await ask(url, "take", victim.claim());
  expect(right.status === LOCKED, `locked, the right one got ${right.status}`);
  await ask(url, "unlock", victim.held);
  await stillReads(url, victim);
}

async function lostAnswer({ urls }: Target): Promise<void> {
  const [url] = urls;
  const victim = await new Victim().create(url);
  const claim = victim.claim();
  for (let i = 0; i < 3; i++) {
    const again = await ask(url, "take", claim);
    expect(again.json.body === toBase64Url(victim.content), `the taker got ${again.status}`);
    const stranger = await ask(urls.at(-1)!, "take", victim.claim());
    expect(stranger.status === GONE, `a stranger got ${stranger.status}`);
  }
  await ask(url, "acknowledge", { id: victim.id, claimToken: claim.claimToken });
  const late = await ask(url, "take", claim);
  expect(late.status === GONE, `after the acknowledgement: ${late.status}`);
}

/** Attacks by what is known. */
export const PROOFS: readonly Attack[] = [
  { name: "nothing is revoked or unlocked without the receipt", run: oddTokens },
  { name: "nothing is revoked with what a reader knows", run: readersRevoke },
  { name: "nothing is created over a secret or what is left of one", run: overwrite },
  { name: "five hundred passphrases at once are ten attempts", run: parallelPassphrases },
  { name: "a taker asks again, a stranger in between gets nothing", run: lostAnswer },
];
