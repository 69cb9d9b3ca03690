/** What is removed when nobody comes by any more, and that nothing else is. */
import assert from "node:assert/strict";
import { UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import type { AwsServices } from "../../support/aws.ts";
import { eventually } from "../../support/wait.ts";
import {
  claimTo,
  manyBytes,
  newRequest,
  newSecret,
  stateOf,
  T0,
  taken,
} from "../contract_support.ts";
import { OnAws, second } from "./support.ts";

const DAY = 86_400_000;
/** DynamoDB Local looks every ten seconds. */
const TTL_PATIENCE = 60_000;

/** Registers the tests. */
export function forgettingTests(services: AwsServices): void {
  Deno.test("aws: DynamoDB's TTL removes what has ended, and nothing that is still needed", async () => {
    await using subject = await OnAws.open(services);
    const { store, clients: { dynamodb }, name } = subject;
    await dynamodb.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { AttributeName: "deleteAt", Enabled: true },
      }),
    );
    const now = Date.now();
    await store.create(newSecret({ ttl: 60 }), manyBytes(1024), now - 60 * DAY);
    await store.request(newRequest(), now - 60 * DAY);
    // Expired, and remembered for as long as it lived.
    const remembered = newSecret({ ttl: 2 * 86_400 });
    await store.create(remembered, manyBytes(1024), now - 3 * DAY);
    const live = newSecret();
    await store.create(live, manyBytes(1024), now);
    const ended = async () => {
      const items = await subject.items();
      return items.filter(({ deleteAt }) => Number(deleteAt?.N ?? Infinity) * 1000 < now).length;
    };
    assert.ok(await ended() >= 4, "record, body, request and quota of two months ago");
    await eventually("they are gone", async () => await ended() === 0, TTL_PATIENCE);
    const look = await store.look(remembered.id, remembered.linkProofHash, now);
    assert.equal(stateOf(look), "expired");
    assert.equal(taken(await store.take(claimTo(live), now)).size, 1024);
  });

  Deno.test("aws: of many who create where one was forgotten one does, and is not removed", async () => {
    await using subject = await OnAws.open(services, 1e9);
    using other = second(subject);
    for (let round = 0; round < 5; round++) {
      const old = newSecret({ ttl: 60 });
      await subject.store.create(old, manyBytes(1024), T0);
      const later = T0 + DAY;
      const all = Array.from({ length: 20 }, () => newSecret({ id: old.id }));
      const made = await Promise.all(all.map(async (secret, i) => {
        const { state } = await (i % 2 ? subject : other).store.create(
          secret,
          manyBytes(1024),
          later,
        );
        return state;
      }));
      assert.equal(made.filter((state) => state === "created").length, 1);
      await subject.store.sweep(later);
      const winner = all[made.indexOf("created")]!;
      assert.equal(stateOf(await other.store.look(old.id, winner.linkProofHash, later)), "live");
    }
  });

  Deno.test("aws: no item holds the address of a client", async () => {
    await using subject = await OnAws.open(services);
    const client = "2001:db8:4711::/64";
    const secret = newSecret({ client });
    await subject.store.create(secret, manyBytes(1024), T0);
    await subject.store.take(claimTo(secret), T0);
    const text = JSON.stringify(await subject.items());
    assert.ok(!text.includes("2001:db8"), text);
  });
}
