/** Fair shares: who waits for whom, and for how much. */
import assert from "node:assert/strict";
import { Turns } from "../../server/turns.ts";

const [FLOODER, QUIET, OTHER] = [1, 2, 3];
/** Bytes of lines: of most requests, and of half of the longest there may be. */
const [SHORT, LONG] = [150, 500_000];

/** Asks for many requests of a share at once; counts how many were allowed so far. */
function ask(share: ReturnType<Turns["join"]>, count: number, bytes = SHORT) {
  const state = { allowed: 0, order: [] as number[] };
  for (let i = 0; i < count; i++) {
    const turn = share.take(bytes);
    const allow = () => (state.allowed++, void state.order.push(i));
    if (turn) turn.then(allow);
    else allow();
  }
  return state;
}

/** Lets what was settled go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await Promise.resolve();
}

/** How many turns it takes until all of it is allowed. */
async function turnsUntil(turns: Turns, done: () => boolean): Promise<number> {
  for (let count = 0; count < 10_000; count++) {
    await settle();
    if (done()) return count;
    turns.next();
  }
  throw new Error("it never is");
}

Deno.test("beside another user a flooder has a few requests done in each turn, in order", async () => {
  const turns = new Turns(() => {});
  turns.join(QUIET);
  const flood = ask(turns.join(FLOODER), 1_000);
  let before = flood.allowed;
  assert.ok(before > 0 && before <= 32);
  const count = await turnsUntil(turns, () => {
    assert.ok(flood.allowed - before <= 32, "no more in one turn");
    before = flood.allowed;
    return flood.allowed === 1_000;
  });
  assert.ok(count >= 1_000 / 32);
  assert.deepEqual(flood.order, flood.order.toSorted((a, b) => a - b));
});

Deno.test("a quiet user never waits, whatever the flooder asks for", async () => {
  const turns = new Turns(() => {});
  const quiet = turns.join(QUIET);
  ask(turns.join(FLOODER), 5_000);
  for (let i = 0; i < 100; i++) {
    assert.equal(quiet.take(SHORT), undefined, `turn ${i}`);
    assert.equal(quiet.mayRead, true);
    turns.next();
    await settle();
  }
});

Deno.test("who is alone has more done in a turn than beside others", async () => {
  const done = async (...others: number[]) => {
    const turns = new Turns(() => {});
    for (const uid of others) turns.join(uid);
    const flood = ask(turns.join(FLOODER), 1_000);
    return await turnsUntil(turns, () => flood.allowed === 1_000);
  };
  assert.ok(await done() * 2 < await done(QUIET));
});

Deno.test("flooders share what is done in a turn, and each has something", async () => {
  const turns = new Turns(() => {});
  const [one, two] = [turns.join(FLOODER), turns.join(OTHER)];
  const floods = [ask(one, 500), ask(two, 500)];
  turns.next();
  await settle();
  const [first, second] = floods.map(({ allowed }) => allowed) as [number, number];
  turns.next();
  await settle();
  const gains = [floods[0]!.allowed - first, floods[1]!.allowed - second];
  assert.deepEqual(gains[0], gains[1]);
  assert.ok(gains[0]! > 0 && gains[0]! <= 16);
});

Deno.test("connections of one user come in turn", async () => {
  const turns = new Turns(() => {});
  turns.join(QUIET);
  const [one, two] = [turns.join(FLOODER), turns.join(FLOODER)];
  assert.equal(one, two);
  const done = [0, 0];
  const work = async (connection: 0 | 1) => {
    for (let i = 0; i < 200; i++) {
      await one.take(SHORT);
      done[connection]!++;
    }
  };
  void work(0);
  void work(1);
  for (let i = 0; i < 10; i++) {
    turns.next();
    for (let j = 0; j < 100; j++) await Promise.resolve();
    assert.ok(Math.abs(done[0]! - done[1]!) <= 16, `${done}`);
  }
});

Deno.test("who has read much does not read again before the others had turns, but then does", () => {
  const turns = new Turns(() => {});
  const share = turns.join(FLOODER);
  share.received(150_000);
  share.read(1_024, SHORT);
  let waited = 0;
  for (; !share.mayRead; waited++) {
    assert.equal(turns.waiting, true, "or nobody would look again");
    turns.next();
  }
  assert.ok(waited > 4 && waited < 100, `${waited}`);
  assert.equal(turns.next(), false);
});

Deno.test("a request that begins to wait wakes the loop, which has nothing else to wake it", () => {
  let woken = 0;
  const turns = new Turns(() => woken++);
  const share = turns.join(FLOODER);
  while (!share.take(SHORT));
  assert.equal(woken, 1);
  assert.equal(turns.waiting, true);
});

Deno.test("a long line is read in one turn and done in another, each with nothing else of that user", async () => {
  const turns = new Turns(() => {});
  turns.join(QUIET);
  const share = turns.join(FLOODER);
  assert.equal(share.mayRead, true);
  share.read(1, LONG);
  assert.equal(share.mayRead, false);
  let done = false;
  void share.take(LONG)?.then(() => done = true);
  assert.equal(done, false);
  const waited = await turnsUntil(turns, () => done);
  assert.ok(waited > 0);
  assert.equal(share.mayRead, false, "not in the turn in which it is done");
  assert.notEqual(share.take(SHORT), undefined, "nor is anything else done in it");
});

Deno.test("a short request is done between two long lines of another user, and they are done in the end", async () => {
  const turns = new Turns(() => {});
  const quiet = turns.join(QUIET);
  const share = turns.join(FLOODER);
  const lines = ask(share, 3, LONG);
  for (let before = lines.allowed; lines.allowed < 3; before = lines.allowed) {
    turns.next();
    await settle();
    assert.ok(lines.allowed - before <= 1, "no more than one in a turn");
    assert.equal(quiet.take(SHORT), undefined);
  }
});

Deno.test("what is owed for a long line is forgiven by turns, whether or not more is asked", async () => {
  const turns = new Turns(() => {});
  turns.join(QUIET);
  const share = turns.join(FLOODER);
  assert.equal(share.take(LONG), undefined);
  assert.equal(share.owes, true);
  await turnsUntil(turns, () => !share.owes);
  assert.equal(share.take(SHORT), undefined);
});

Deno.test("who hangs up and connects again still owes, and is forgotten once nothing is owed", async () => {
  const turns = new Turns(() => {});
  turns.join(QUIET);
  turns.join(FLOODER).read(1, LONG);
  turns.leave(FLOODER);
  const again = turns.join(FLOODER);
  assert.equal(again.mayRead, false);
  turns.leave(FLOODER);
  await turnsUntil(turns, () => !again.owes);
  turns.next();
  assert.notEqual(turns.join(FLOODER), again);
});
