/** The store that needs nothing but a directory: one database, and files for large bodies. */
import { createHmac } from "node:crypto";
import { type Bytes, equalSecret, randomBytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import {
  answered,
  answerRefusalOf,
  isUpload,
  live,
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
  UPLOAD_REST,
  type Usage,
} from "../store.ts";
import { Bodies, type BodyWriter } from "./bodies.ts";
import { Database, type Sync } from "./database.ts";
import { type ClaimRow, Records, SCHEMA } from "./records.ts";

/** What a store holds at most, in bytes. */
export interface Quotas {
  readonly total: number;
  readonly perClient: number;
}

/** What an upload puts on the disk before it is noted that it is there. */
const SYNC_BYTES = 16 * 1024 * 1024;
const ELSEWHERE = "another request goes on with this upload: ask where it is";
const NO_HASH = new Uint8Array(32);
const UNKNOWN = { state: "unknown", since: 0 } as const;

/** A store in a directory, which several processes may use at once. */
export class EmbeddedStore implements Store {
  readonly timeTells = false;
  readonly #database: Database;
  readonly #records: Records;
  readonly #bodies: Bodies;
  readonly #clientKey: Bytes;

  /**
   * @param directory its own, which nobody else can read
   * @param sync how the disk is asked to confirm, if not as the system does it
   */
  constructor(directory: string, private readonly quotas: Quotas, sync?: Sync) {
    this.#bodies = new Bodies(`${directory}/bodies`);
    this.#database = new Database(`${directory}/share.db`, SCHEMA, sync);
    this.#records = new Records(this.#database);
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
    // The address itself is not kept, nor is anything that tells it without the store's key.
    const client = createHmac("sha256", this.#clientKey).update(row.client).digest("hex");
    const { id, size, expires } = row;
    return this.#database.write(() => {
      if (this.#records.find(id)) return { state: "exists" as const, expires };
      const room = this.#hasRoom(client, size + RECORD_BYTES);
      if (!room) return { state: "full" as const, expires };
      this.#records.insert({ ...row, client }, body);
      return { state: "created" as const, expires };
    });
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
      const room = this.#hasRoom(row.client, answer.size - row.size);
      if (!room) return { files: [], state: "full" as const, expires };
      this.#records.answer(row, { expires, ...more }, body);
      // What is left of an upload that was given up.
      return { files: row.file === null ? [] : [row.file], state: "created" as const, expires };
    });
    this.#remove(files);
    return result;
  }

  #hasRoom(client: string, more: number): boolean {
    return this.#records.usage().bytes + more <= this.quotas.total &&
      this.#records.usage(client).bytes + more <= this.quotas.perClient;
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
    return progressOf(await this.#receive(row, body, clock));
  }

  /**
   * Writes what comes. What has come is kept also where the rest does not, unless the disk fails:
   * what is not noted would only take the room of others.
   */
  async #receive(row: Row, body: AsyncIterable<Bytes>, clock: () => number): Promise<Row> {
    using writer = await this.#bodies.writer(row.file!, row.received);
    let [noted, written] = [row, row.received];
    const note = async () => {
      await writer.sync();
      noted = await this.#advance(noted, written, clock());
    };
    try {
      for await (const piece of body) {
        if (written + piece.length > row.size) throw new CryptoError("too_large");
        await writer.write(piece);
        written += piece.length;
        if (written - noted.received >= SYNC_BYTES) await note();
      }
    } finally {
      try {
        if (!writer.hasFailed && written > noted.received) await note();
      } finally {
        this.#keepNoted(row, writer);
      }
    }
    return noted;
  }

  /** Nothing is kept where it was revoked just before this made its file. */
  #keepNoted({ id, file }: Row, writer: BodyWriter): void {
    if (this.#records.hasFile(file!)) writer.cut(() => this.#records.find(id)!.received);
    else this.#remove([file!]);
  }

  async #advance(row: Row, received: number, now: number): Promise<Row> {
    const whole = received === row.size;
    const next = { ...row, received, ...(whole ? live(row, now) : { ends: now + UPLOAD_REST }) };
    const advanced = await this.#database.write(() => this.#records.advance(row, next));
    if (!advanced) throw new CryptoError("share_uploading", { hint: ELSEWHERE });
    return next;
  }

  look(id: Bytes, linkProofHash: Bytes, now: number): Promise<Seen | Refusal> {
    const row = this.#find(id, linkProofHash, "linkProof");
    return Promise.resolve(row ? refusalOf(row, now) ?? seen(row) : UNKNOWN);
  }

  pay(claim: Claim, now: number): Promise<Payment> {
    return this.#database.write((): Payment => {
      const row = this.#find(claim.id, claim.linkProofHash, "linkProof");
      if (!row) return UNKNOWN;
      const free = row.passphraseProof === null || this.#openClaim(row, claim, now) !== undefined;
      if (free) return { state: "paid" };
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
      const open = this.#openClaim(row, claim, now);
      const refusal = open ? undefined : refusalOf(row, now);
      // The attempt is paid already: the last one locks what it does not open.
      if (refusal && refusal.state !== "locked") return refusal;
      if (!passphraseFits(row, claim)) return "wrong_passphrase";
      const held = open ?? this.#records.claim(row.id, claim.claimTokenHash);
      if (held && !open) return { state: "used", since: held.at };
      return open ? this.#taken(row, open.until) : this.#addClaim(row, claim, now);
    });
  }

  #addClaim(row: Row, { claimTokenHash }: Claim, now: number): Taken {
    const until = now + (row.size > INLINE_BYTES ? CLAIM_TIME.large : CLAIM_TIME.inline);
    this.#records.addClaim(row.id, claimTokenHash, { at: now, until });
    const taken = row.taken + 1;
    const last = taken === row.views;
    const attempts = Math.min(ATTEMPTS, row.attempts + (row.passphraseProof ? 1 : 0));
    const used = last ? { state: "used" as const, since: now } : {};
    return this.#taken(this.#records.set(row, { taken, attempts, lockedAt: 0, ...used }), until);
  }

  #taken(row: Row, until: number): Taken {
    return { ...seen(row), until, body: this.#records.body(row.id) };
  }

  /** A claim that is neither acknowledged nor over, of a secret whose body is there. */
  #openClaim(
    { id, erased }: Row,
    { claimTokenHash }: Pick<Claim, "claimTokenHash">,
    now: number,
  ): ClaimRow | undefined {
    const claim = this.#records.claim(id, claimTokenHash);
    const open = claim && claim.acknowledged === 0 && claim.until > now && erased === 0;
    return open ? claim : undefined;
  }

  async read(id: Bytes, claimTokenHash: Bytes, offset: number, now: number) {
    const claim = this.#records.claim(id, claimTokenHash);
    const row = claim && this.#records.find(id);
    if (!row || !this.#openClaim(row, { claimTokenHash }, now)) return undefined;
    if (row.file !== null) return { stream: await this.#bodies.read(row.file, offset) };
    return { stream: streamOf(this.#records.body(id)!.subarray(offset)) };
  }

  async acknowledge(id: Bytes, claimTokenHash: Bytes, now: number): Promise<boolean> {
    // Undone by a power cut, it is done again when the claim's time is over.
    const done = await this.#database.writeSoon(() => {
      if (!this.#records.endClaim(id, claimTokenHash)) return undefined;
      const row = this.#records.find(id)!;
      const left = refusalOf(row, now) === undefined || this.#records.hasOpenClaim(id, now);
      return left ? [] : this.#erase(row);
    });
    this.#remove(done ?? []);
    return done !== undefined;
  }

  status(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const row = this.#find(id, receiptHash, "receipt", "answerReceipt");
    return Promise.resolve(row && this.#statusOf(row, now));
  }

  #statusOf(row: Row, now: number): Status {
    return statusOf(row, this.#records.views(row.id), now);
  }

  async revoke(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    const done = await this.#database.write(() => {
      const row = this.#find(id, receiptHash, "receipt", "answerReceipt");
      if (!row) return undefined;
      const open = ["waiting", "uploading", "live"].includes(row.state);
      const next = open ? this.#records.set(row, { state: "revoked", since: now }) : row;
      return { files: this.#erase(next), status: this.#statusOf(next, now) };
    });
    this.#remove(done?.files ?? []);
    return done?.status;
  }

  unlock(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined> {
    return this.#database.write(() => {
      const row = this.#find(id, receiptHash, "receipt", "answerReceipt");
      return row &&
        this.#statusOf(this.#records.set(row, { attempts: ATTEMPTS, lockedAt: 0 }), now);
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
  #erase(row: Row): string[] {
    if (row.erased === 1) return [];
    this.#records.erase(row);
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
  #find(id: Bytes, hash: Bytes, ...columns: readonly HashColumn[]): Row | undefined {
    const row = this.#records.findOrDecoy(id);
    const fits = columns.filter((column) => {
      return equalSecret(row[column] ?? NO_HASH, hash) && row[column] !== null;
    });
    return fits.length > 0 && row.id.length === id.length ? row : undefined;
  }
}

type HashColumn = "linkProof" | "writeProof" | "receipt" | "answerReceipt" | "uploadToken";
