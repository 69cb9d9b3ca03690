/** The tables of the embedded store and every statement on them. */
import type { Bytes } from "../../core/bytes.ts";
import type { Advanced, Answered, NewRow, Row } from "../rows.ts";
import { EXPIRED_MEMORY, RECORD_BYTES } from "../store.ts";
import type { Claims } from "./claims.ts";
import type { Database, Schema } from "./database.ts";

/** A record as it is kept here. */
export interface StoredRow extends Row {
  /** All claims to it, as a text of their own. */
  readonly claims: string;
  /** Until when one of them is open. */
  readonly claimed: number;
  /** The number of its short body. */
  readonly body: number | null;
}

/** What a write changes of what becomes of a secret. */
type Changed = Partial<Pick<Row, "state" | "since" | "taken" | "attempts" | "lockedAt">>;

/**
 * The id of a record that is always there and belongs to nobody: no caller's is as long. The record
 * is as long as others: more texts and proofs, or fewer, would take another time to read.
 */
const DECOY = "zeroblob(17)";
const MAKE_DECOY = `INSERT INTO secrets VALUES (${DECOY}, randomblob(32), randomblob(32),
  randomblob(32), NULL, 'secret', 3600, 1, 1024, 1800000000000, 1800000000000, 10, 0, 'revoked',
  1800000000000, 0, 1024, 1800000000000, ${Number.MAX_SAFE_INTEGER}, NULL, 1, hex(randomblob(32)),
  NULL, NULL, 0, '[]', 0, NULL)`;

/** What has not ended yet. */
const CURRENT = "state IN ('live', 'uploading', 'waiting')";

/** What has ended, and its body is there. */
const ENDED = "erased = 0 AND state IN ('used', 'revoked', 'expired')";

/**
 * What a secret's life writes should be in few pages, for each goes to the log whole: so claims are
 * in the record, and bodies one behind the other, under numbers.
 */
export const SCHEMA: Schema = {
  version: 1,
  tables: `
  CREATE TABLE secrets (
    id BLOB PRIMARY KEY, linkProof BLOB NOT NULL, passphraseProof BLOB, receipt BLOB NOT NULL,
    uploadToken BLOB, kind TEXT NOT NULL, ttl INTEGER NOT NULL, views INTEGER NOT NULL,
    size INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
    attempts INTEGER NOT NULL, lockedAt INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL,
    since INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL,
    ends INTEGER NOT NULL, forgotten INTEGER NOT NULL, file TEXT,
    erased INTEGER NOT NULL DEFAULT 0, client TEXT NOT NULL, writeProof BLOB, answerReceipt BLOB,
    largest INTEGER NOT NULL DEFAULT 0, claims TEXT NOT NULL DEFAULT '[]',
    claimed INTEGER NOT NULL DEFAULT 0, body INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE bodies (number INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE TABLE usage (
    client TEXT PRIMARY KEY, secrets INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  CREATE INDEX ending ON secrets (ends) WHERE ${CURRENT};
  CREATE INDEX ended ON secrets (claimed) WHERE ${ENDED};
  CREATE INDEX forgetting ON secrets (forgotten) WHERE erased = 1;
  CREATE INDEX files ON secrets (file) WHERE file IS NOT NULL;
  ${MAKE_DECOY};`,
};

/** Stands for all clients together in the table of usage. */
const EVERYBODY = "";

/** What one sweep does in one transaction. */
const SWEEP_ROWS = 500;

/** The statements, prepared. */
export class Records {
  readonly #find;
  readonly #exists;
  readonly #insert;
  readonly #forget;
  readonly #body;
  readonly #addBody;
  readonly #removeBody;
  readonly #set;
  readonly #claim;
  readonly #erase;
  readonly #advance;
  readonly #usage;
  readonly #charged;
  readonly #charge;
  readonly #settle;
  readonly #expire;
  readonly #resting;
  readonly #answer;
  readonly #ended;
  readonly #forgotten;
  readonly #hasFile;
  readonly #setting;
  readonly #addSetting;

  constructor(database: Database) {
    const all = <R>(sql: string) => database.prepare<R>(sql);
    this.#find = all<StoredRow>(`SELECT * FROM secrets WHERE id = coalesce(
      (SELECT id FROM secrets WHERE id = ?1), ${DECOY})`);
    this.#exists = all<{ found: number }>("SELECT 1 AS found FROM secrets WHERE id = ?");
    this.#insert = all(`INSERT INTO secrets (id, linkProof, passphraseProof, receipt, uploadToken,
      kind, ttl, views, size, created, expires, attempts, state, since, received, ends, forgotten,
      file, client, writeProof, largest, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#forget = all("DELETE FROM secrets WHERE id = ?");
    this.#body = all<{ data: Bytes }>("SELECT data FROM bodies WHERE number = ?");
    this.#addBody = all<{ number: number }>(
      "INSERT INTO bodies (data) VALUES (?) RETURNING number",
    );
    this.#removeBody = all("DELETE FROM bodies WHERE number = ?");
    this.#set = all(`UPDATE secrets
      SET state = ?, since = ?, taken = ?, attempts = ?, lockedAt = ? WHERE id = ?`);
    this.#claim = all(`UPDATE secrets SET state = ?, since = ?, taken = ?, attempts = ?,
      lockedAt = ?, claims = ?, claimed = ? WHERE id = ?`);
    this.#erase = all(`UPDATE secrets SET erased = 1, file = NULL, body = NULL, claims = ?
      WHERE id = ?`);
    this.#advance = all(`UPDATE secrets SET received = ?, ends = ?, state = ?, since = ?,
      expires = ?, forgotten = ? WHERE id = ? AND received = ? AND file = ? AND state = 'uploading'`);
    this.#usage = all<{ secrets: number; bytes: number }>(
      "SELECT secrets, bytes FROM usage WHERE client = ?",
    );
    this.#charged = all<{ own: number | null; everybodys: number | null }>(`SELECT
      (SELECT bytes FROM usage WHERE client = ?) AS own,
      (SELECT bytes FROM usage WHERE client = '${EVERYBODY}') AS everybodys`);
    this.#charge = all(`INSERT INTO usage VALUES (?1, ?2, ?3), ('${EVERYBODY}', ?2, ?3)
      ON CONFLICT DO UPDATE SET secrets = secrets + ?2, bytes = bytes + ?3`);
    this.#settle = all("DELETE FROM usage WHERE client = ? AND secrets = 0");
    this.#expire = all(`UPDATE secrets SET state = 'expired', since = ends,
      forgotten = ends + min(ttl * 1000, ${EXPIRED_MEMORY})
      WHERE ${CURRENT} AND ends <= ?`);
    this.#resting = all<StoredRow>(`SELECT * FROM secrets WHERE ${CURRENT} AND ends <= ?1
      AND state = 'uploading' AND kind = 'answer' AND created + ttl * 1000 > ?1
      LIMIT ${SWEEP_ROWS}`);
    this.#answer = all(`UPDATE secrets SET received = ?, ends = ?, state = ?, since = ?,
      expires = ?, forgotten = ?, size = ?, file = ?, uploadToken = ?, answerReceipt = ?, body = ?
      WHERE id = ?`);
    this.#ended = all<StoredRow>(`SELECT * FROM secrets WHERE ${ENDED} AND claimed <= ?
      LIMIT ${SWEEP_ROWS}`);
    this.#forgotten = all<StoredRow>(`SELECT * FROM secrets WHERE erased = 1 AND forgotten <= ?
      LIMIT ${SWEEP_ROWS}`);
    this.#setting = all<{ value: Bytes }>("SELECT value FROM settings WHERE name = ?");
    this.#addSetting = all("INSERT OR IGNORE INTO settings VALUES (?, ?)");
    this.#hasFile = all<{ found: number }>("SELECT 1 AS found FROM secrets WHERE file = ?");
  }

  /** A record, and where there is none one that fits nobody: both take the same time to find. */
  findOrDecoy(id: Bytes): StoredRow {
    return this.#find.get(id)!;
  }

  find(id: Bytes): StoredRow | undefined {
    const row = this.findOrDecoy(id);
    return row.id.length === id.length ? row : undefined;
  }

  exists(id: Bytes): boolean {
    return this.#exists.get(id) !== undefined;
  }

  insert(row: NewRow, body: Bytes | undefined): void {
    const { id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size } = row;
    const { created, expires, attempts, state, since, received, ends, forgotten } = row;
    const asked = [id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size];
    const own = [created, expires, attempts, state, since, received, ends, forgotten];
    const { file, client, writeProof, largest } = row;
    this.#insert.run(...asked, ...own, file, client, writeProof, largest, this.#newBody(body));
    this.#chargeFor(client, 1, size + RECORD_BYTES);
  }

  /** Keeps a short body, if there is one, and gives its number. */
  #newBody(body: Bytes | undefined): number | null {
    return body ? this.#addBody.get(body)!.number : null;
  }

  /** Puts an answer into a request, or takes out one whose upload was given up. */
  answer(row: Row, answered: Answered, body?: Bytes): void {
    const { received, ends, state, since, expires, forgotten } = answered;
    const { size, file, uploadToken, answerReceipt } = answered;
    const progress = [received, ends, state, since, expires, forgotten];
    const own = [size, file, uploadToken, answerReceipt, this.#newBody(body)];
    this.#answer.run(...progress, ...own, row.id);
    this.#chargeFor(row.client, 0, size - row.size);
  }

  /** Some of the answers whose upload rests for too long, while their requests may be answered. */
  resting(now: number): StoredRow[] {
    return this.#resting.all(now);
  }

  /** Changes what becomes of a secret. */
  set(row: StoredRow, changed: Changed): StoredRow {
    const next = { ...row, ...changed };
    this.#set.run(...fate(next), row.id);
    return next;
  }

  /** The same, with the claims to it. */
  claim(row: StoredRow, all: Claims, changed: Changed = {}): StoredRow {
    const next = { ...row, ...changed, claims: all.text, claimed: all.until };
    this.#claim.run(...fate(next), next.claims, next.claimed, row.id);
    return next;
  }

  /** Deletes the body; its file is for the caller to remove. */
  erase({ id, client, size, body }: StoredRow, claims: string): void {
    if (body !== null) this.#removeBody.run(body);
    this.#erase.run(claims, id);
    this.#chargeFor(client, 0, -size);
  }

  /** Deletes the record of what is erased. */
  forget({ id, client }: Row): void {
    this.#forget.run(id);
    this.#chargeFor(client, -1, -RECORD_BYTES);
    this.#settle.run(client);
  }

  #chargeFor(client: string, secrets: number, bytes: number): void {
    this.#charge.run(client, secrets, bytes);
  }

  usage(): { secrets: number; bytes: number } {
    const { secrets, bytes } = this.#usage.get(EVERYBODY) ?? { secrets: 0, bytes: 0 };
    return { secrets, bytes };
  }

  /** Bytes that are charged to a client, and to all clients together. */
  charged(client: string): { own: number; everybodys: number } {
    const { own, everybodys } = this.#charged.get(client)!;
    return { own: own ?? 0, everybodys: everybodys ?? 0 };
  }

  /** Notes how far an upload has come, unless another request was quicker. */
  advance(row: Row, to: Advanced): boolean {
    const { received, ends, state, since, expires, forgotten } = to;
    const where = [row.id, row.received, row.file];
    return this.#advance.run(received, ends, state, since, expires, forgotten, ...where) === 1;
  }

  body({ body }: StoredRow): Bytes | undefined {
    return body === null ? undefined : this.#body.get(body)?.data;
  }

  /** Marks what has expired. */
  expire(now: number): void {
    this.#expire.run(now);
  }

  /** Some of what is to be erased. */
  ended(now: number): StoredRow[] {
    return this.#ended.all(now);
  }

  /** Some of what is to be forgotten. */
  forgotten(now: number): StoredRow[] {
    return this.#forgotten.all(now);
  }

  hasFile(name: string): boolean {
    return this.#hasFile.get(name) !== undefined;
  }

  /** A value that is the same for all who use this store: what is there, else this one. */
  setting(name: string, first: Bytes): Bytes {
    this.#addSetting.run(name, first);
    return this.#setting.get(name)!.value;
  }
}

/** What becomes of a secret, in the order of the statements. */
function fate({ state, since, taken, attempts, lockedAt }: StoredRow) {
  return [state, since, taken, attempts, lockedAt] as const;
}
