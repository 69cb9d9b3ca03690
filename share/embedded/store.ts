/** The store that needs nothing but a directory: one database, and files for large bodies. */
import { createHmac } from "node:crypto";
import { type Bytes, equalSecret, randomBytes } from "../../core/bytes.ts";
import type { CryptoError } from "../../core/errors.ts";
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
  type Row,
  seen,
  seenRequest,
  statusOf,
  unanswered,
} from "../rows.ts";
import {
  ATTEMPTS,
  type Claim,
  CLAIM_TIME,
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
  type Usage,
} from "../store.ts";
import { Bodies } from "./bodies.ts";
import { Claims, type HeldClaim } from "./claims.ts";
import { Database, type Sync } from "./database.ts";
import { Records, SCHEMA, type StoredRow } from "./records.ts";
import { Uploads } from "./uploads.ts";

/** What a store holds at most, in bytes. */
export interface Quotas {
  readonly total: number;
  readonly perClient: number;
}

/** Clients that are known without computing anew. */
const MAX_PAYERS = 10_000;
const NO_HASH = new Uint8Array(32);
const UNKNOWN = { state: "unknown", since: 0 } as const;

/** A store in a directory, which several processes may use at once. */
export class EmbeddedStore implements Store {
  readonly timeTells = false;
  readonly #database: Database;
  readonly #records: Records;
  readonly #bodies: Bodies;
  readonly #uploads: Uploads;
  readonly #clientKey: Bytes;
  readonly #payers = new Map<string, string>();

  /**
   * @param directory its own, which nobody else can read
   * @param sync how the disk is asked to confirm, if not as the system does it
   */
  constructor(directory: string, private readonly quotas: Quotas, sync?: Sync) {
    this.#bodies = new Bodies(`${directory}/bodies`);
    this.#database = new Database(`${directory}/share.db`, SCHEMA, sync);
    this.#records = new Records(this.#database);
    this.#uploads = new Uploads(this.#database, this.#records, this.#bodies);
    this.#clientKey = this.#records.setting("client key", randomBytes(32));
    this.#removeOrphans();
  }

  get failed(): CryptoError | undefined {
    return this.#database.failed;
  }

  /** Removes what a kill has left. A record is there before its file. */
  #removeOrphans(): void {
    this.#remove(this.#bodies.names().filter((name) => !this.#records.hasFile(name)));
  }

  create(secret: NewSecret, body: Bytes | undefined, now: number) {
    const file = this.#bodies.newName();
    return this.#insert(newRow(secret, body !== undefined, now, file), body);
  }

  request(request: NewRequest, now: number) {
    return this.#insert(newRequestRow(request, now));
  }

  #insert(row: NewRow, body?: Bytes) {
    const client = this.#payer(row.client);
    const { id, size, expires } = row;
    return this.#database.write(() => {
      const { exists, ...charged } = this.#records.asked(id, client);
      if (exists) return { state: "exists" as const, expires };
      const room = this.#hasRoom(charged, size + RECORD_BYTES);
      if (!room) return { state: "full" as const, expires };
      this.#records.insert({ ...row, client }, body);
      return { state: "created" as const, expires };
    });
  }

  /**
   * Whom a client's bytes are charged to. The address itself is not kept in a file, nor is anything
   * that tells it without the store's key.
   */
  #payer(client: string): string {
    const known = this.#payers.get(client);
    if (known !== undefined) return known;
    const payer = createHmac("sha256", this.#clientKey).update(client).digest("hex");
    if (this.#payers.size === MAX_PAYERS) this.#payers.clear();
    this.#payers.set(client, payer);
    return payer;
  }

  lookAtRequest(id: Bytes, writeProofHash: Bytes, now: number) {
    const row = this.#find(id, writeProofHash, "writeProof");
    return Promise.resolve(row ? answerRefusalOf(row, now) ?? seenRequest(row) : UNKNOWN);
  }

  async answer(answer: NewAnswer, body: Bytes | undefined, now: number) {
    const file = this.#bodies.newName();
    const { files, ...result } = await this.#database.write(() => {
      const row = this.#find(answer.id, answer.writeProofHash, "writeProof");
      const refusal = row ? answerRefusalOf(row, now) : UNKNOWN;
      if (!row || refusal) return { files: [], ...refusal ?? UNKNOWN };
      const { expires, ...more } = answered(row, answer, body !== undefined, now, file);
      if (answer.size > row.largest) return { files: [], state: "too_large" as const, expires };
      const charged = this.#records.asked(row.id, row.client);
      const room = this.#hasRoom(charged, answer.size - row.size);
      if (!room) return { files: [], state: "full" as const, expires };
      this.#records.answer(row, { expires, ...more }, body);
      // What is left of an upload that was given up.
      return { files: row.file === null ? [] : [row.file], state: "created" as const, expires };
    });
    this.#remove(files);
    return result;
  }

  #hasRoom({ own, everybodys }: Charged, more: number): boolean {
    return everybodys + more <= this.quotas.total && own + more <= this.quotas.perClient;
  }

  progress(id: Bytes, uploadTokenHash: Bytes, now: number): Promise<Progress | undefined> {
    const row = this.#find(id, uploadTokenHash, "uploadToken");
    return Promise.resolve(row && isUpload(row, now) ? progressOf(row) : undefined);
  }

  async append(
    id: Bytes,
    uploadTokenHash: Bytes,
    offset: number,
    body: AsyncIterable<Bytes>,
    clock: () => number,
  ): Promise<Progress | undefined> {
    const row = this.#find(id, uploadTokenHash, "uploadToken");
    if (!row || !isUpload(row, clock())) return undefined;
    if (row.state !== "uploading" || row.received !== offset) return progressOf(row);
    return progressOf(await this.#uploads.receive(row, body, clock));
  }

  look(id: Bytes, linkProofHash: Bytes, now: number): Promise<Seen | Refusal> {
    const row = this.#find(id, linkProofHash, "linkProof");
    return Promise.resolve(row ? refusalOf(row, now) ?? seen(row) : UNKNOWN);
  }

  pay(claim: Claim, now: number): Promise<Payment> {
    return this.#database.write((): Payment => {
      const row = this.#find(claim.id, claim.linkProofHash, "linkProof");
      if (!row) return UNKNOWN;
      const held = new Claims(row.claims).find(claim.claimTokenHash);
      if (row.passphraseProof === null || isOpen(row, held, now)) return { state: "paid" };
      const refusal = refusalOf(row, now);
      if (refusal) return refusal;
      const attempts = row.attempts - 1;
      this.#records.set(row, { attempts, lockedAt: attempts === 0 ? now : 0 });
      return { state: "paid" };
    });
  }

  take(claim: Claim, now: number): Promise<Taken | Refusal | "wrong_passphrase"> {
    return this.#database.write(() => {
      const row = this.#find(claim.id, claim.linkProofHash, "linkProof");
      if (!row) return UNKNOWN;
      const claims = new Claims(row.claims);
      const held = claims.find(claim.claimTokenHash);
      const open = isOpen(row, held, now);
      const refusal = open ? undefined : refusalOf(row, now);
      // The attempt is paid already: the last one locks what it does not open.
      if (refusal && refusal.state !== "locked") return refusal;
      if (!passphraseFits(row, claim)) return "wrong_passphrase";
      if (held && !open) return { state: "used", since: held.at };
      return held ? this.#taken(row, held.until) : this.#addClaim(row, claims, claim, now);
    });
  }

  #addClaim(row: StoredRow, claims: Claims, { claimTokenHash }: Claim, now: number): Taken {
    const until = now + (row.size > INLINE_BYTES ? CLAIM_TIME.large : CLAIM_TIME.inline);
    const all = claims.add(claimTokenHash, { at: now, until });
    const taken = row.taken + 1;
    const last = taken === row.views;
    const attempts = Math.min(ATTEMPTS, row.attempts + (row.passphraseProof ? 1 : 0));
    const used = last ? { state: "used" as const, since: now } : {};
    const changed = { taken, attempts, lockedAt: 0, ...used };
    return this.#taken(this.#records.claim(row, all, changed), until);
  }

  #taken(row: StoredRow, until: number): Taken {
    return { ...seen(row), until, body: this.#records.body(row) };
  }

  async read(id: Bytes, claimTokenHash: Bytes, offset: number, now: number) {
    const row = this.#records.find(id);
    if (!row || !isOpen(row, new Claims(row.claims).find(claimTokenHash), now)) return undefined;
    if (row.file !== null) return { stream: await this.#bodies.read(row.file, offset) };
    return { stream: streamOf(this.#records.body(row)!.subarray(offset)) };
  }

  async acknowledge(id: Bytes, claimTokenHash: Bytes, now: number): Promise<boolean> {
    // Undone by a power cut, it is done again when the claim's time is over.
    const done = await this.#database.writeSoon(() => {
      const row = this.#records.find(id);
      const claims = row && new Claims(row.claims);
      const held = claims?.find(claimTokenHash);
      if (!row || !claims || !held) return undefined;
      return held.acknowledged ? [] : this.#endClaim(row, claims.acknowledge(held), now);
    });
    this.#remove(done ?? []);
    return done !== undefined;
  }

  #endClaim(row: StoredRow, claims: Claims, now: number): string[] {
    const left = refusalOf(row, now) === undefined || claims.until > now;
    if (!left && row.erased === 0) return this.#erase(row, claims.text);
    this.#records.claim(row, claims);
    return [];
  }

  status(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const row = this.#find(id, receiptHash, "receipt", "answerReceipt");
    return Promise.resolve(row && storedStatus(row, now));
  }

  async revoke(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const done = await this.#database.write(() => {
      const row = this.#find(id, receiptHash, "receipt", "answerReceipt");
      if (!row) return undefined;
      const open = ["waiting", "uploading", "live"].includes(row.state);
      const next = open ? this.#records.set(row, { state: "revoked", since: now }) : row;
      return { files: this.#erase(next), status: storedStatus(next, now) };
    });
    this.#remove(done?.files ?? []);
    return done?.status;
  }

  unlock(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    return this.#database.write(() => {
      const row = this.#find(id, receiptHash, "receipt", "answerReceipt");
      return row &&
        storedStatus(this.#records.set(row, { attempts: ATTEMPTS, lockedAt: 0 }), now);
    });
  }

  async sweep(now: number): Promise<void> {
    await this.#giveUpUploads(now);
    await this.#database.write(() => this.#records.expire(now));
    while (await this.#sweepSome(now) > 0);
    this.#database.truncateLog();
  }

  /** Requests whose answer did not come wait again. */
  async #giveUpUploads(now: number): Promise<void> {
    const files = await this.#database.write(() => {
      const rows = this.#records.resting(now);
      for (const row of rows) this.#records.answer(row, unanswered(row));
      return rows.map(({ file }) => file!);
    });
    this.#remove(files);
    if (files.length > 0) await this.#giveUpUploads(now);
  }

  async #sweepSome(now: number): Promise<number> {
    const { files, rows } = await this.#database.write(() => {
      const [ended, forgotten] = [this.#records.ended(now), this.#records.forgotten(now)];
      const files = ended.flatMap((row) => this.#erase(row));
      for (const row of forgotten) this.#records.forget(row);
      return { files, rows: ended.length + forgotten.length };
    });
    this.#remove(files);
    return rows;
  }

  /** Erases a body within a transaction, and gives the file that is to be removed after it. */
  #erase(row: StoredRow, claims = row.claims): string[] {
    if (row.erased === 1) return [];
    this.#records.erase(row, claims);
    return row.file === null ? [] : [row.file];
  }

  #remove(files: readonly string[]): void {
    for (const name of files) this.#bodies.remove(name);
  }

  usage(): Promise<Usage> {
    return Promise.resolve(this.#records.usage());
  }

  storageOrigin(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** A record by its id and the hash in one of some columns. Where there is none, a decoy is compared. */
  #find(id: Bytes, hash: Bytes, ...columns: readonly HashColumn[]): StoredRow | undefined {
    const row = this.#records.findOrDecoy(id);
    const fits = columns.filter((column) => {
      return equalSecret(row[column] ?? NO_HASH, hash) && row[column] !== null;
    });
    return fits.length > 0 && row.id.length === id.length ? row : undefined;
  }
}

/** Bytes that are charged to a client, and to all clients together. */
type Charged = Readonly<Record<"own" | "everybodys", number>>;

type HashColumn = "linkProof" | "writeProof" | "receipt" | "answerReceipt" | "uploadToken";

/** Whether this claim of a secret's is neither acknowledged nor over, and the body is there. */
function isOpen({ erased }: Row, held: HeldClaim | undefined, now: number): boolean {
  return held !== undefined && !held.acknowledged && held.until > now && erased === 0;
}

function storedStatus(row: StoredRow, now: number): Status {
  return statusOf(row, new Claims(row.claims).views, now);
}
