/**
 * The store on AWS: records and short bodies in one DynamoDB table, long bodies in an S3 bucket,
 * which clients reach themselves. What must happen once is one conditional write. So a repeated
 * one, the SDK's own repetitions among them, finds what the first did. Needs no Deno.
 */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import { fromBase64Url } from "../../core/base64.ts";
import { type Bytes, EMPTY } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import {
  answered,
  answerRefusalOf,
  isUpload,
  newRequestRow,
  type NewRow,
  newRow,
  passphraseFits,
  progressOf,
  refusalOf,
  seen,
  seenRequest,
  statusOf,
} from "../rows.ts";
import {
  type Claim,
  type NewAnswer,
  type NewRequest,
  type NewSecret,
  type Payment,
  type Progress,
  RECORD_BYTES,
  type Refusal,
  type Seen,
  type Status,
  type Store,
  streamOf,
  type Taken,
} from "../store.ts";
import { Agenda } from "./agenda.ts";
import { Bodies, type Kept } from "./bodies.ts";
import {
  type ClaimedRow,
  hasOpenClaim,
  type ItemClaim,
  nameOf,
  newName,
  nextTime,
  viewsOf,
} from "./items.ts";
import { Objects, type Upload } from "./objects.ts";
import { Quota } from "./quota.ts";
import { Recent } from "./recent.ts";
import { proven, Records } from "./records.ts";
import { Table } from "./table.ts";

/** What a store is made of. */
export interface AwsOptions {
  /** Name of a table with the partition key `id`, a text, and `deleteAt` as its TTL attribute. */
  readonly table: string;
  readonly bucket: string;
  /** Bytes that one client may bring in a day. */
  readonly clientBytes: number;
  readonly dynamodb: DynamoDBClient;
  readonly s3: S3Client;
}

const UNKNOWN = { state: "unknown", since: 0 } as const;

/** A store on AWS, which any number of processes may use at once. */
export class AwsStore implements Store {
  /** What a condition found comes back over the network, and is longer the more there is. */
  readonly timeTells = true;
  readonly #records: Records;
  readonly #objects: Objects;
  readonly #bodies: Bodies;
  readonly #quota: Quota;
  readonly #agenda = new Agenda();
  readonly #tableRights: Recent;

  constructor({ table: name, bucket, clientBytes, dynamodb, s3 }: AwsOptions) {
    const table = new Table(dynamodb, name);
    this.#records = new Records(table);
    this.#objects = new Objects(s3, bucket);
    this.#bodies = new Bodies(table, this.#objects);
    this.#quota = new Quota(table, clientBytes);
    this.#tableRights = new Recent(async () => {
      await this.#quota.clientOf("");
      await table.check();
    });
  }

  /** Uses every right, not more than once in a while. @throws {ServiceFailure} */
  async check(): Promise<void> {
    await this.#tableRights.get();
    await this.#objects.check();
  }

  async create(secret: NewSecret, body: Bytes | undefined, now: number) {
    const file = newName();
    const row = newRow(secret, body !== undefined, now, file);
    return await this.#insert(row, () => this.#bodies.begin({ ...row, file, body }), now);
  }

  async request(request: NewRequest, now: number) {
    return await this.#insert(newRequestRow(request, now), undefined, now);
  }

  /** A record comes after its body, so that none is without. */
  async #insert(row: NewRow, begin: (() => Promise<Kept>) | undefined, now: number) {
    const { id, size, expires, ends } = row;
    const client = await this.#quota.clientOf(row.client);
    const paid = await this.#quota.charge(client, size + RECORD_BYTES, now);
    if (!paid) return { state: "full" as const, expires };
    const kept = await begin?.();
    const { found, forgotten } = await this.#records.insert({ ...row, client }, kept, now);
    if (forgotten) await this.#bodies.erase(forgotten, now);
    if (!found) this.#agenda.note(nameOf(id), ends);
    else if (kept) await this.#bodies.remove(kept);
    return { state: found ? "exists" as const : "created" as const, expires };
  }

  async lookAtRequest(id: Bytes, writeProofHash: Bytes, now: number) {
    const row = await this.#records.find(id, now, writeProofHash, "writeProof");
    return row ? answerRefusalOf(row, now) ?? seenRequest(row) : UNKNOWN;
  }

  async answer(answer: NewAnswer, body: Bytes | undefined, now: number) {
    const { id, size } = answer;
    const row = await this.#records.find(id, now, answer.writeProofHash, "writeProof");
    const refusal = row ? answerRefusalOf(row, now) : UNKNOWN;
    if (!row || refusal) return refusal ?? UNKNOWN;
    const file = newName();
    const { forgotten: _, ...change } = answered(row, answer, body !== undefined, now, file);
    const { expires } = change;
    if (size > row.largest) return { state: "too_large" as const, expires };
    const paid = await this.#quota.charge(row.client, size, now);
    if (!paid) return { state: "full" as const, expires };
    const kept = await this.#bodies.begin({ ...change, file, body });
    const after = await this.#records.answer(row, { ...change, ...kept }, now);
    if (after?.file !== file) {
      await this.#bodies.remove(kept);
      return after && answerRefusalOf(after, now) || UNKNOWN;
    }
    // What is left of an upload that was given up.
    await this.#bodies.erase(row, now);
    this.#agenda.note(nameOf(id), change.ends);
    return { state: "created" as const, expires };
  }

  /** Bytes come past the server: this says where they go. */
  append(
    id: Bytes,
    uploadTokenHash: Bytes,
    _offset: number,
    _body: AsyncIterable<Bytes>,
    clock: () => number,
  ): Promise<Progress | undefined> {
    return this.progress(id, uploadTokenHash, clock());
  }

  async progress(id: Bytes, uploadTokenHash: Bytes, now: number): Promise<Progress | undefined> {
    const row = await this.#records.find(id, now, uploadTokenHash, "uploadToken");
    if (!row || !isUpload(row, now)) return undefined;
    if (row.state !== "uploading") return progressOf(row);
    const upload = { name: row.file!, size: row.size, uploadId: row.uploadId };
    const offset = await this.#measure(row, upload, now);
    if (offset === undefined) return undefined;
    if (offset === row.size) return await this.#complete(row, now);
    const goesOn = offset <= row.received || await this.#records.advance(row, offset, now);
    return goesOn ? { offset, next: await this.#objects.next(upload, offset) } : undefined;
  }

  /** How far it has come; undefined if it is given up, whatever S3 says of what goes away. */
  async #measure(row: ClaimedRow, upload: Upload, now: number): Promise<number | undefined> {
    try {
      return await this.#objects.measure(upload);
    } catch (error) {
      const { state, file } = await this.#records.get(row.id, now) ?? {};
      if (state === "uploading" && file === row.file) throw error;
      return undefined;
    }
  }

  async #complete(row: ClaimedRow, now: number): Promise<Progress | undefined> {
    const complete = await this.#records.complete(row, now);
    if (complete) this.#agenda.note(nameOf(row.id), complete.ends);
    // It was given up: whoever did that may have come before the object.
    else await this.#bodies.erase(row, now);
    return complete && progressOf(complete);
  }

  async look(id: Bytes, linkProofHash: Bytes, now: number): Promise<Seen | Refusal> {
    const row = await this.#records.find(id, now, linkProofHash, "linkProof");
    return row ? refusalOf(row, now) ?? seen(row) : UNKNOWN;
  }

  async pay(claim: Claim, now: number): Promise<Payment> {
    const { changed, found } = await this.#records.pay(claim, now);
    if (changed) return { state: "paid" };
    const row = proven(found, now, claim.linkProofHash, "linkProof");
    if (!row) return UNKNOWN;
    if (row.passphraseProof === null || openClaim(row, claim, now)) return { state: "paid" };
    return refusalOf(row, now) ?? { state: "paid" };
  }

  async take(claim: Claim, now: number): Promise<Taken | Refusal | "wrong_passphrase"> {
    // None is missing if the sender gave all back since this attempt was paid.
    for (const giveBack of [claim.passphraseProofHash !== undefined, false]) {
      const { changed, found } = await this.#records.claim(claim, now, giveBack);
      if (changed) return await this.#taken(changed, claim, now);
      const row = proven(found, now, claim.linkProofHash, "linkProof");
      if (!row) return UNKNOWN;
      if (openClaim(row, claim, now)) return await this.#taken(row, claim, now);
      const refusal = refusalOfTake(row, claim, now);
      if (refusal) return refusal;
    }
    throw new CryptoError("share_storage", { hint: "the record keeps changing: ask again" });
  }

  async #taken(row: ClaimedRow, claim: Claim, now: number): Promise<Taken | Refusal> {
    const { until } = row.claims.get(nameOf(claim.claimTokenHash))!;
    this.#agenda.note(nameOf(row.id), until);
    const isLong = row.size > INLINE_BYTES;
    const body = isLong ? undefined : await this.#bodies.short(row);
    if (isLong || body) return { ...seen(row), until, body };
    // It was revoked in between.
    const refusal = await this.look(claim.id, claim.linkProofHash, now);
    if (refusal.state !== "live") return refusal;
    throw new CryptoError("io", { subject: "DynamoDB", hint: "a body is missing" });
  }

  async read(id: Bytes, claimTokenHash: Bytes, offset: number, now: number) {
    const row = await this.#records.get(id, now);
    if (!row || !openClaim(row, { claimTokenHash }, now)) return undefined;
    if (row.size > INLINE_BYTES && offset < row.size) {
      return { place: await this.#objects.place(row.file!, offset) };
    }
    const body = await this.#bodies.short(row) ?? EMPTY;
    return { stream: streamOf(body.subarray(offset)) };
  }

  async acknowledge(id: Bytes, claimTokenHash: Bytes, now: number): Promise<boolean> {
    const row = await this.#records.acknowledge(id, claimTokenHash);
    if (!row) return false;
    const isLeft = refusalOf(row, now) === undefined || hasOpenClaim(row, now);
    if (!isLeft) await this.#erase(row, now);
    return true;
  }

  async status(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const row = await this.#records.find(id, now, receiptHash, "receipt", "answerReceipt");
    return row && statusOf(row, viewsOf(row), now);
  }

  async revoke(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const { changed, found } = await this.#records.revoke(id, receiptHash, now);
    const row = proven(changed ?? found, now, receiptHash, "receipt", "answerReceipt");
    if (!row) return undefined;
    await this.#erase(row, now);
    return statusOf(row, viewsOf(row), now);
  }

  async unlock(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const unlocked = await this.#records.unlock(id, receiptHash);
    const row = proven(unlocked, now, receiptHash, "receipt", "answerReceipt");
    return row && statusOf(row, viewsOf(row), now);
  }

  /** Erases a body. Where that fails half-way the record still names it, and it is done again. */
  async #erase(row: ClaimedRow, now: number): Promise<void> {
    try {
      await this.#bodies.erase(row, now);
      if (row.file !== null) await this.#records.erased(row, row.file);
    } catch (error) {
      this.#agenda.note(nameOf(row.id), now);
      throw error;
    }
  }

  /** Looks at what this process has seen: erases what has ended, removes what is forgotten. */
  async sweep(now: number): Promise<void> {
    await this.#agenda.each(now, (name) => this.#sweepOne(fromBase64Url(name), now));
    await this.#bodies.sweep(now);
  }

  async #sweepOne(id: Bytes, now: number): Promise<void> {
    const row = await this.#records.get(id, -Infinity);
    if (!row) return;
    if (row.forgotten <= now) {
      await this.#bodies.erase(row, now);
      return await this.#records.remove(row);
    }
    const next = nextTime(row, now);
    if (next === undefined) await this.#erase(row, now);
    this.#agenda.note(nameOf(id), next ?? row.forgotten);
  }

  usage(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async storageOrigin(): Promise<string> {
    return await this.#objects.origin();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The caller's claim, if it is neither acknowledged nor over and the body is there. */
function openClaim(
  { claims, erased }: ClaimedRow,
  { claimTokenHash }: Pick<Claim, "claimTokenHash">,
  now: number,
): ItemClaim | undefined {
  const claim = claims.get(nameOf(claimTokenHash));
  return claim && !claim.acknowledged && claim.until > now && erased === 0 ? claim : undefined;
}

/** Why a claim is not given, if for a reason that lasts. */
function refusalOfTake(row: ClaimedRow, claim: Claim, now: number) {
  const refusal = refusalOf(row, now);
  // The attempt is paid already: the last one locks what it does not open.
  if (refusal && refusal.state !== "locked") return refusal;
  if (!passphraseFits(row, claim)) return "wrong_passphrase" as const;
  const held = row.claims.get(nameOf(claim.claimTokenHash));
  return held && { state: "used" as const, since: held.at };
}
