/** What one client may ask for, and whether it can be another one by saying so. */
import { isLoopback } from "../../core/share/origin.ts";
import { type Attack, expect, type Target, Untried } from "./attack.ts";
import { call, madeUp, TOO_MANY, Victim } from "./victim.ts";

const AT_ONCE = 100;
/** Calls after which a server without a limit is left. */
const MOST = 3_000;
/** Refusals that leave no doubt: were the two kinds of calls alike, one of each would be refused. */
const TELLING = 20;

/** By what proxies tell servers who has asked them. An address of TEST-NET-3 in each. */
const CLAIMS: Readonly<Record<string, (address: string) => string>> = {
  "x-forwarded-for": (address) => address,
  "x-real-ip": (address) => address,
  "forwarded": (address) => `for=${address};proto=https`,
  "x-client-ip": (address) => address,
  "cf-connecting-ip": (address) => address,
  "true-client-ip": (address) => address,
};

/** Why nothing is said of a server that believes this machine: it may be told to. */
const NAMED_PROXY = "this machine may be a proxy whose word is taken: try the proxy's own address";

/** Asks about nothing. @returns whether that was too often */
async function isRefused(url: string, headers: Record<string, string>): Promise<boolean> {
  const fields = { id: new Victim({ size: 1 }).id, linkProof: madeUp() };
  return (await call(url, "look", fields, { headers })).status === TOO_MANY;
}

/** Asks as oneself and as others, in turn and at once. @returns how many of each were refused */
async function burst(url: string, header: string): Promise<[plain: number, claiming: number]> {
  const claim = CLAIMS[header]!;
  const asked = Array.from({ length: AT_ONCE }, (_, i) => {
    return Promise.all([isRefused(url, {}), isRefused(url, { [header]: claim(`203.0.113.${i}`) })]);
  });
  const all = await Promise.all(asked);
  const refused = (which: 0 | 1) => all.filter((pair) => pair[which]).length;
  return [refused(0), refused(1)];
}

/**
 * No time is measured: where the claim is not believed, both kinds are paid from one account, and
 * when many of the one kind are refused, some of the other are.
 */
async function claimedAddresses({ urls: [url] }: Target): Promise<void> {
  for (const header of Object.keys(CLAIMS)) {
    const claiming = await refusedClaims(url, header);
    if (claiming === 0 && isLoopback(new URL(url).hostname)) throw new Untried(NAMED_PROXY);
    expect(claiming > 0, `who claims another address by ${header} is another client`);
  }
}

/** How many of who claims are refused, as soon as enough of who does not are. @throws {Untried} */
async function refusedClaims(url: string, header: string): Promise<number> {
  for (let asked = 0; asked < MOST; asked += 2 * AT_ONCE) {
    const [plain, claiming] = await burst(url, header);
    if (plain >= TELLING) return claiming;
  }
  throw new Untried(`no limit was met in ${MOST} calls`);
}

/** For a server that has its usual limits, which stop the other attacks. */
export const LIMITS: Attack = {
  name: "who claims to be somebody else is the same client to the limits",
  run: claimedAddresses,
};
