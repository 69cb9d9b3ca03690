/** Quotas: what the file says of them, how they are counted, and what a client hears. */
import assert from "node:assert/strict";
import { CryptoError } from "../../core/errors.ts";
import { readAnswerLine } from "../../core/rpc.ts";
import { Accounts } from "../../server/accounts.ts";
import type { Identity } from "../../server/identity.ts";
import { parsePolicy } from "../../server/policy.ts";
import { Quotas } from "../../server/quotas.ts";
import { codeOf, Peer, Place, request, resultOf, startDaemon } from "../support/daemon.ts";
import { eventually } from "../support/wait.ts";

const ACCOUNTS = new Accounts("alice:x:1001:1001::/:/bin/sh\n", "batch:x:2001:\nnight:x:2002:\n");
const ALICE: Identity = { uid: 1001, gid: 1001, groups: [2001], pid: 1 };
const BOB: Identity = { uid: 1002, gid: 1002, groups: [2002, 2001], pid: 1 };
const CAROL: Identity = { uid: 1003, gid: 1003, groups: [], pid: 1 };
const BUILD: Identity = {
  names: ["DNS:build.example.org", "URI:spiffe://example.org/build", `SHA256:${"1".repeat(64)}`],
  expires: Infinity,
  address: "192.0.2.1:1",
};
const SITE: Identity = { ...BUILD, names: ["DNS:site.example.org", `SHA256:${"2".repeat(64)}`] };
/** 2026-11-24T12:00:00Z, a whole second. */
const NOON = 1_795_521_600_000;

/** Quotas by a file's text, at a time that a test sets. */
function quotasOf(text: string) {
  const { policy, mistakes } = parsePolicy(text, ACCOUNTS);
  assert.deepEqual(mistakes, []);
  const clock = { now: NOON };
  const quotas = new Quotas(() => clock.now);
  quotas.rules = policy.quotas;
  /** Seconds to wait; 0 if it was done. */
  const charge = (who: Identity, bytes = 0): number => {
    try {
      quotas.charge(who, bytes);
      return 0;
    } catch (error) {
      assert.ok(error instanceof CryptoError && error.code === "quota_exceeded", `${error}`);
      return error.retryAfter!;
    }
  };
  return { quotas, clock, charge };
}

Deno.test("requests of a second are counted by user, and begin anew with the next", () => {
  const { clock, charge } = quotasOf("[quotas.default]\nrequests_per_second = 2");
  assert.deepEqual([charge(ALICE), charge(ALICE), charge(ALICE), charge(BOB)], [0, 0, 1, 0]);
  clock.now += 999;
  assert.equal(charge(ALICE), 1);
  clock.now += 1;
  assert.equal(charge(ALICE), 0);
});

Deno.test("two connections of one user share the user's quota", () => {
  const { charge } = quotasOf("[quotas.default]\nrequests_per_second = 2");
  assert.deepEqual([charge(ALICE), charge({ ...ALICE, pid: 2 }), charge({ ...ALICE })], [0, 0, 1]);
});

Deno.test("a day is UTC's, and the answer says how long it lasts", () => {
  const { clock, charge } = quotasOf("[quotas.default]\nrequests_per_day = 1");
  assert.deepEqual([charge(ALICE), charge(ALICE)], [0, 43_200]);
  clock.now += 43_199_001;
  assert.equal(charge(ALICE), 1);
  clock.now += 999;
  assert.equal(charge(ALICE), 0);
});

Deno.test("what begins within the quota is done whole, and paid by what follows", () => {
  const { clock, charge } = quotasOf("[quotas.default]\nbytes_per_second = 100");
  assert.equal(charge(ALICE, 350), 0);
  assert.equal(charge(ALICE, 1), 3);
  clock.now += 2_000;
  assert.equal(charge(ALICE, 1), 1);
  clock.now += 1_000;
  assert.equal(charge(ALICE, 49), 0, "50 of this second are taken");
  assert.equal(charge(ALICE, 1), 0);
  assert.equal(charge(ALICE, 1), 1);
});

Deno.test("whatever a client says of a size, a day and the rest of this one are the longest wait", () => {
  for (const unit of ["second", "day"]) {
    const { clock, charge } = quotasOf(`[quotas.default]\nbytes_per_${unit} = 100`);
    assert.equal(charge(ALICE, Number.MAX_SAFE_INTEGER), 0);
    assert.ok(charge(ALICE) <= 86_401 + 43_200);
    clock.now += 86_401_000 + 43_200_000;
    assert.equal(charge(ALICE), 0);
  }
});

Deno.test("what is refused takes nothing, and the longest wait is told", () => {
  const text = "[quotas.default]\nrequests_per_second = 1\nbytes_per_day = 10";
  const { clock, charge } = quotasOf(text);
  assert.equal(charge(ALICE, 5), 0);
  for (let i = 0; i < 50; i++) assert.equal(charge(ALICE, 5), 1);
  clock.now += 1_000;
  assert.equal(charge(ALICE, 5), 0);
  assert.equal(charge(ALICE, 5), 43_199);
});

Deno.test("a user's own quota goes before the first group's in the file, that before the default", () => {
  const text = `[quotas.default]
requests_per_second = 1
requests_per_day = 5
[quotas.groups.batch]
requests_per_second = 2
[quotas.groups.night]
requests_per_second = 9
[quotas.users.alice]
requests_per_second = 4`;
  const { clock, charge } = quotasOf(text);
  const done = (who: Identity) => {
    let count = 0;
    while (count < 20 && charge(who) === 0) count++;
    return count;
  };
  assert.deepEqual([done(ALICE), done(BOB), done(CAROL)], [4, 2, 1]);
  clock.now += 1_000;
  assert.equal(done(ALICE), 1, "what it leaves out is the default's: 5 a day");
});

Deno.test("a certificate's quota is by any of its names, the first of the file, else the default", () => {
  const { charge } = quotasOf(`[quotas.default]
requests_per_day = 2
[quotas.certificates."URI:spiffe://example.org/build"]
requests_per_day = 1
[quotas.certificates."DNS:build.example.org"]
requests_per_day = 4
[quotas.users.1001]
requests_per_day = 3`);
  assert.deepEqual([BUILD, BUILD].map((who) => charge(who) > 0), [false, true]);
  assert.deepEqual([SITE, SITE, SITE].map((who) => charge(who) > 0), [false, false, true]);
});

Deno.test("a reload keeps what was used, and a clock that was put back gives nothing anew", () => {
  const { quotas, clock, charge } = quotasOf("[quotas.default]\nrequests_per_day = 2");
  charge(ALICE);
  charge(ALICE);
  const other = parsePolicy("[quotas.default]\nrequests_per_day = 3", ACCOUNTS).policy.quotas;
  quotas.rules = other;
  assert.equal(charge(ALICE), 0);
  clock.now -= 86_400_000 * 2;
  assert.ok(charge(ALICE) > 0);
  quotas.rules = undefined;
  assert.equal(charge(ALICE), 0);
});

Deno.test("each mistake of the quotas has its line", () => {
  const file: [line: string, wrong: boolean][] = [
    ["[quotas.default]", false],
    ["requests_per_second = 0", true],
    ["bytes_per_day = '5'", true],
    ["requests_per_hour = 5", true],
    ["bytes_per_second = 9007199254740992", true],
    ["[quotas.user.alice]", true],
    ["requests_per_day = 1", false],
    ["[quotas.users.nobody-here]", true],
    ["requests_per_day = 1", false],
    ["[quotas.users.alice]", false],
    ["requests_per_day = 1", false],
    ["[quotas.users.1001]", true],
    ["requests_per_day = 1", false],
    ["[quotas.certificates.'DNS:a.example.org']", false],
    ["requests_per_day = 1", false],
    ["[quotas.certificates.alice]", true],
    ["requests_per_day = 1", false],
    ["[quotas.groups.batch]", true],
    ["[quotas.groups.65534]", true],
    ["requests_per_day = 1", false],
  ];
  const { mistakes } = parsePolicy(file.map(([text]) => text).join("\n"), ACCOUNTS);
  const expected = file.flatMap(([, wrong], i) => wrong ? [i + 1] : []);
  assert.deepEqual([...new Set(mistakes.map(({ line }) => line))], expected);
});

/** A daemon with a policy in its place. */
async function withDaemon(policy: string, use: (peer: Peer, place: Place) => Promise<void>) {
  using place = new Place();
  place.makeOwn();
  Deno.writeTextFileSync(`${place.config}/policy.toml`, policy);
  await using daemon = await startDaemon({ place });
  using peer = await Peer.connect(daemon.socket);
  await use(peer, place);
}

Deno.test("batches count each request, and managing and looking cost nothing", () =>
  withDaemon("[quotas.default]\nrequests_per_day = 3", async (peer, place) => {
    const lines = [
      ...Array.from({ length: 3 }, (_, i) => request(i, "status")),
      request(3, "key.create", { name: "other" }),
      ...Array.from({ length: 5 }, (_, i) => request(i + 4, "encrypt", { text: "x" })),
      request(9, "key.list"),
    ];
    await peer.sendLine(`[${lines.join(",")}]`);
    const answers = JSON.parse((await peer.line())!);
    const refused = answers.filter(({ error }: { error?: unknown }) => error);
    assert.deepEqual(refused.map(({ id }: { id: number }) => id), [7, 8]);
    for (const one of refused) {
      assert.equal(codeOf(one), "quota_exceeded");
      const { retryAfter } = one.error.data;
      assert.ok(Number.isInteger(retryAfter) && retryAfter > 0 && retryAfter <= 86_400);
      const { outcome } = readAnswerLine(new TextEncoder().encode(JSON.stringify(one)));
      assert.equal("error" in outcome && outcome.error.retryAfter, retryAfter);
    }
    const logged = place.log().filter(({ error }) => error === "quota_exceeded");
    assert.equal(logged.length, 2);
  }));

Deno.test("an enveloped message is one request, with the size that the client says, or none", () =>
  withDaemon("[quotas.default]\nbytes_per_day = 1_000", async (peer) => {
    const ask = async (method: string, params: object) => {
      await peer.sendLine(request(1, method, params));
      return await peer.answer();
    };
    for (let i = 0; i < 3; i++) resultOf(await ask("envelope.create", {}));
    const { envelope } = resultOf(await ask("envelope.create", { size: 999 }));
    resultOf(await ask("envelope.open", { envelope, size: 1_000_000_000_000 }));
    assert.equal(codeOf(await ask("encrypt", { text: "x" })), "quota_exceeded");
    assert.equal(codeOf(await ask("envelope.open", { envelope })), "quota_exceeded");
  }));

Deno.test("rewrapping counts, an envelope without a size", () =>
  withDaemon("[quotas.default]\nrequests_per_day = 3", async (peer) => {
    const ask = async (method: string, params: object) => {
      await peer.sendLine(request(1, method, params));
      return await peer.answer();
    };
    const { envelope } = resultOf(await ask("envelope.create", {}));
    for (let i = 0; i < 2; i++) resultOf(await ask("envelope.rewrap", { envelope }));
    assert.equal(codeOf(await ask("envelope.rewrap", { envelope })), "quota_exceeded");
  }));

Deno.test("random bytes are charged as such", () =>
  withDaemon("[quotas.default]\nbytes_per_day = 64", async (peer) => {
    const ask = async (length: number) => {
      await peer.sendLine(request(1, "random", { length }));
      return await peer.answer();
    };
    assert.equal(codeOf(await ask(0)), "invalid_params");
    resultOf(await ask(63));
    resultOf(await ask(1));
    assert.equal(codeOf(await ask(1)), "quota_exceeded");
  }));

Deno.test("who is refused for another reason is not charged", () =>
  withDaemon("[quotas.default]\nrequests_per_day = 1", async (peer) => {
    for (let i = 0; i < 5; i++) {
      await peer.sendLine(request(1, "encrypt", { text: "x", key: "absent" }));
      assert.equal(codeOf(await peer.answer()), "denied");
    }
    await peer.sendLine(request(1, "encrypt", { text: "x" }));
    resultOf(await peer.answer());
    await eventually("and then there is none left", async () => {
      await peer.sendLine(request(1, "encrypt", { text: "x" }));
      return codeOf(await peer.answer()) === "quota_exceeded";
    });
  }));
