/** Runs on Node, bundled: the store needs nothing of Deno. Prints what came of it. */
import { equalSecret, randomBytes } from "../../../core/bytes.ts";
import { awsClients } from "../../../share/aws/clients.ts";
import { awsPlace } from "../../../share/aws/place.ts";
import { AwsStore } from "../../../share/aws/store.ts";
import process from "node:process";

const place = awsPlace(process.argv[2] ?? "", (name) => process.env[name]);
const store = new AwsStore({ ...place, clientBytes: 1_000_000, ...awsClients(place) });
const [id, linkProofHash, receiptHash] = [randomBytes(16), randomBytes(32), randomBytes(32)];
const body = randomBytes(1024);
const terms = { kind: "secret", ttl: 3600, views: 1, size: body.length } as const;
const client = "192.0.2.1";
const now = Date.now();
const { state } = await store.create(
  { id, linkProofHash, receiptHash, client, ...terms },
  body,
  now,
);
const claim = { id, linkProofHash, claimTokenHash: randomBytes(32) };
const taken = await store.take(claim, now);
const isSame = typeof taken === "object" && "body" in taken && equalSecret(taken.body!, body);
const acknowledged = await store.acknowledge(id, claim.claimTokenHash, now);
const status = await store.status(id, receiptHash, now);
console.log(JSON.stringify([process.release.name, state, isSame, acknowledged, status?.state]));
