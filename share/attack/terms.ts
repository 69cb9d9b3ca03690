/** What is asked for that cannot be, and what is no request at all. */
import { type Attack, expect, type Target } from "./attack.ts";
import { ask, madeUp, stillReads, UNAVAILABLE, Victim } from "./victim.ts";

/** What is no lifetime, no number of views and no size. */
const ODD = [
  0,
  -1,
  1e18,
  1.5,
  NaN,
  "",
  null,
  undefined,
  "1e9",
  "60",
  true,
  [],
  [60],
  {},
  1e300,
];

async function oddTerms({ urls: [url] }: Target): Promise<void> {
  for (const field of ["ttl", "views", "size"]) {
    for (const odd of ODD) {
      if (field === "size" && odd === 0) continue;
      const victim = new Victim();
      const { status } = await ask(url, "create", await victim.creation({ [field]: odd }));
      expect(status === 400 || status === 422, `${field} ${JSON.stringify(odd)}: ${status}`);
      const look = await ask(url, "look", victim.link);
      expect(look.status === UNAVAILABLE, `${field} ${JSON.stringify(odd)} left something`);
    }
  }
}

/** Numbers that are one in some parsers and another in others. */
const ODD_JSON = ["1e18446744073709551616", "0x3c", "060", "60.0000000000000001e0", "+60", "NaN"];

async function oddNumbers({ urls: [url] }: Target): Promise<void> {
  for (const odd of ODD_JSON) {
    const victim = new Victim();
    const body = JSON.stringify(await victim.creation({ views: 7 })).replace(
      '"views":7',
      `"views":${odd}`,
    );
    const { status } = await ask(url, "create", undefined, { body });
    const fits = status === 400 || (status === 201 && Number(odd) === 60);
    expect(fits, `views ${odd}: ${status}`);
  }
}

async function noRequest({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  const claim = { ...victim.link, claimToken: madeUp() };
  const bodies = ["", "{", "[]", "null", "1", '"x"', "\xff", '{"__proto__":{}}', "{}"];
  const nested = `[${"[".repeat(999)}`;
  const more = [{ ...claim, admin: true }, { ...claim, __proto__x: 1 }, [claim]];
  for (const body of [...bodies, nested, ...more.map((fields) => JSON.stringify(fields))]) {
    const { status } = await ask(url, "take", undefined, { body });
    expect(status === 400, `${body.slice(0, 40)}: ${status}`);
  }
  const type = { "content-type": "text/plain" };
  const { status } = await ask(url, "take", victim.claim(), { headers: type });
  expect(status === 400, `a form of another site: ${status}`);
  await stillReads(url, victim);
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

async function tooMuch({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  for (const name of ["create", "take", "look", "revoke", "acknowledge"]) {
    for (const body of [" ".repeat(5_000_000), streamed(5_000_000)]) {
      // Where the server hangs up before it has read all, the answer may be lost.
      const { status } = await ask(url, name, undefined, { body }).catch((error) => {
        if (error instanceof TypeError) return { status: 413 };
        throw error;
      });
      expect(status === 413, `${name} with 5 MB: ${status}`);
    }
  }
  await stillReads(url, victim);
}

/** Attacks by what is asked. */
export const TERMS: readonly Attack[] = [
  { name: "lifetimes, views and sizes that are none are refused and leave nothing", run: oddTerms },
  { name: "numbers that are no JSON are refused", run: oddNumbers },
  { name: "what is no request is refused", run: noRequest },
  { name: "bodies too large are refused, chunked ones too", run: tooMuch },
];
