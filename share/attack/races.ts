/** Many at once: readers of one secret, and senders of many. */
import { toBase64Url } from "../../core/base64.ts";
import { type Attack, expect, type Target } from "./attack.ts";
import { ask, call, GONE, stillReads, TAKEN, Victim } from "./victim.ts";

/** Lets readers take at once, over all the servers in turn, and counts who got it. */
async function race({ urls }: Target, readers: number, views: number): Promise<void> {
  const victim = await new Victim().create(urls[0], { views });
  const takes = Array.from({ length: readers }, (_, i) => {
    return ask(urls[i % urls.length]!, "take", victim.claim());
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

/** The same secret created by many at once: whoever is first, the others change nothing. */
async function creations({ urls }: Target): Promise<void> {
  const victims = Array.from({ length: 20 }, () => new Victim());
  const [{ id }] = victims as [Victim];
  const all = await Promise.all(victims.map(async (victim, i) => {
    const creation = { ...await victim.creation(), id };
    return (await ask(urls[i % urls.length]!, "create", creation)).status;
  }));
  const created = all.filter((status) => status === 201).length;
  expect(created === 1, `${created} of ${all.length} created one id`);
}

async function floods({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  const all = await Promise.all(Array.from({ length: 500 }, async () => {
    return (await call(url, "create", await new Victim().creation())).status;
  }));
  const known = all.every((status) => [201, 429, 507].includes(status));
  expect(known, `answers were ${[...new Set(all)].join(", ")}`);
  await stillReads(url, victim);
}

/** Attacks by numbers. */
export const RACES: readonly Attack[] = [
  races(50, 1),
  races(2, 1),
  races(50, 3),
  { name: "of twenty senders of one id exactly one creates", run: creations },
];

export const FLOODS: Attack = {
  name: "a flood of new secrets leaves the others readable",
  run: floods,
};
