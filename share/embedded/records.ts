/** The tables of the embedded store and every statement on them. */
import type { Bytes } from "../../core/bytes.ts";
import type { Advanced, Answered, NewRow, Row } from "../rows.ts";
import { EXPIRED_MEMORY, RECORD_BYTES, type View } from "../store.ts";
import type { Database } from "./database.ts";

/** A claim. */
export interface ClaimRow {
  readonly at: number;
  readonly until: number;
  readonly acknowledged: number;
}

/** The id of a record that is always there and belongs to nobody: no caller's is as long. */
const DECOY = "zeroblob(17)";
const MAKE_DECOY = `INSERT OR IGNORE INTO secrets VALUES (${DECOY}, randomblob(32), randomblob(32),
  randomblob(32), randomblob(32), 'secret', 3600, 1, 1024, 1800000000000, 1800000000000, 10, 0,
  'revoked', 1800000000000, 0, 1024, 1800000000000, ${Number.MAX_SAFE_INTEGER}, NULL, 1, '',
  randomblob(32), randomblob(32), 0)`;

/** What has not ended yet. */
const CURRENT = "state IN ('live', 'uploading', 'waiting')";

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS secrets (
    id BLOB PRIMARY KEY, linkProof BLOB NOT NULL, passphraseProof BLOB, receipt BLOB NOT NULL,
    uploadToken BLOB, kind TEXT NOT NULL, ttl INTEGER NOT NULL, views INTEGER NOT NULL,
    size INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
    attempts INTEGER NOT NULL, lockedAt INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL,
    since INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL,
    ends INTEGER NOT NULL, forgotten INTEGER NOT NULL, file TEXT,
    erased INTEGER NOT NULL DEFAULT 0, client TEXT NOT NULL, writeProof BLOB, answerReceipt BLOB,
    largest INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claims (
    id BLOB NOT NULL REFERENCES secrets ON DELETE CASCADE, token BLOB NOT NULL,
    at INTEGER NOT NULL, until INTEGER NOT NULL, acknowledged INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (id, token)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS bodies (id BLOB PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS usage (
    client TEXT PRIMARY KEY, secrets INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS ending ON secrets (ends)
    WHERE ${CURRENT};
  CREATE INDEX IF NOT EXISTS ended ON secrets (state)
    WHERE erased = 0 AND state IN ('used', 'revoked', 'expired');
  CREATE INDEX IF NOT EXISTS forgetting ON secrets (forgotten) WHERE erased = 1;
  CREATE INDEX IF NOT EXISTS files ON secrets (file) WHERE file IS NOT NULL;
  ${MAKE_DECOY}
`;

/** Stands for all clients together in the table of usage. */
const EVERYBODY = "";

/** What one sweep does in one transaction. */
const SWEEP_ROWS = 500;

/** The statements, prepared. */
export class Records {
  readonly #find;
  readonly #insert;
  readonly #forget;
  readonly #claim;
  readonly #claims;
  readonly #openClaims;
  readonly #addClaim;
  readonly #endClaim;
  readonly #body;
  readonly #addBody;
  readonly #removeBody;
  readonly #set;
  readonly #erase;
  readonly #advance;
  readonly #usage;
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
    this.#find = all<Row>(`SELECT * FROM secrets WHERE id IN (?1, ${DECOY})
      ORDER BY id = ?1 DESC LIMIT 1`);
    this.#insert = all(`INSERT INTO secrets (id, linkProof, passphraseProof, receipt, uploadToken,
      kind, ttl, views, size, created, expires, attempts, state, since, received, ends, forgotten,
      file, client, writeProof, largest)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#forget = all("DELETE FROM secrets WHERE id = ?");
    this.#claim = all<ClaimRow>("SELECT * FROM claims WHERE id = ? AND token = ?");
    this.#claims = all<ClaimRow>("SELECT * FROM claims WHERE id = ? ORDER BY at");
    this.#openClaims = all<{ n: number }>(
      "SELECT count(*) AS n FROM claims WHERE id = ? AND acknowledged = 0 AND until > ?",
    );
    this.#addClaim = all("INSERT INTO claims (id, token, at, until) VALUES (?, ?, ?, ?)");
    this.#endClaim = all("UPDATE claims SET acknowledged = 1 WHERE id = ? AND token = ?");
    this.#body = all<{ data: Bytes }>("SELECT data FROM bodies WHERE id = ?");
    this.#addBody = all("INSERT INTO bodies (id, data) VALUES (?, ?)");
    this.#removeBody = all("DELETE FROM bodies WHERE id = ?");
    this.#set = all(`UPDATE secrets
      SET state = ?, since = ?, taken = ?, attempts = ?, lockedAt = ? WHERE id = ?`);
    this.#erase = all("UPDATE secrets SET erased = 1, file = NULL WHERE id = ?");
    this.#advance = all(`UPDATE secrets SET received = ?, ends = ?, state = ?, since = ?,
      expires = ?, forgotten = ? WHERE id = ? AND received = ? AND file = ? AND state = 'uploading'`);
    this.#usage = all<{ secrets: number; bytes: number }>("SELECT * FROM usage WHERE client = ?");
    this.#charge = all(`INSERT INTO usage VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE
      SET secrets = secrets + ?2, bytes = bytes + ?3`);
    this.#settle = all("DELETE FROM usage WHERE client = ? AND secrets = 0");
    this.#expire = all(`UPDATE secrets SET state = 'expired', since = ends,
      forgotten = ends + min(ttl * 1000, ${EXPIRED_MEMORY})
      WHERE ${CURRENT} AND ends <= ?`);
    this.#resting = all<Row>(`SELECT * FROM secrets WHERE ${CURRENT} AND ends <= ?1
      AND state = 'uploading' AND kind = 'answer' AND created + ttl * 1000 > ?1
      LIMIT ${SWEEP_ROWS}`);
    this.#answer = all(`UPDATE secrets SET received = ?, ends = ?, state = ?, since = ?,
      expires = ?, forgotten = ?, size = ?, file = ?, uploadToken = ?, answerReceipt = ?
      WHERE id = ?`);
    this.#ended = all<Row>(`SELECT * FROM secrets WHERE erased = 0
      AND state IN ('used', 'revoked', 'expired') AND NOT EXISTS (SELECT 1 FROM claims
      WHERE claims.id = secrets.id AND acknowledged = 0 AND until > ?) LIMIT ${SWEEP_ROWS}`);
    this.#forgotten = all<Row>(`SELECT * FROM secrets WHERE erased = 1 AND forgotten <= ?
      LIMIT ${SWEEP_ROWS}`);
    this.#setting = all<{ value: Bytes }>("SELECT value FROM settings WHERE name = ?");
    this.#addSetting = all("INSERT OR IGNORE INTO settings VALUES (?, ?)");
    this.#hasFile = all<{ found: number }>("SELECT 1 AS found FROM secrets WHERE file = ?");
  }

  /** A record, and where there is none one that fits nobody: both take the same time to find. */
  findOrDecoy(id: Bytes): Row {
    return this.#find.get(id)!;
  }

  find(id: Bytes): Row | undefined {
    const row = this.findOrDecoy(id);
    return row.id.length === id.length ? row : undefined;
  }

  insert(row: NewRow, body: Bytes | undefined): void {
    const { id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size } = row;
    const { created, expires, attempts, state, since, received, ends, forgotten } = row;
    const asked = [id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size];
    const own = [created, expires, attempts, state, since, received, ends, forgotten];
    const { file, client, writeProof, largest } = row;
    this.#insert.run(...asked, ...own, file, client, writeProof, largest);
    if (body) this.#addBody.run(id, body);
    this.#chargeFor(client, 1, size + RECORD_BYTES);
  }

  /** Puts an answer into a request, or takes out one whose upload was given up. */
  answer(row: Row, answered: Answered, body?: Bytes): Row {
    const { received, ends, state, since, expires, forgotten } = answered;
    const { size, file, uploadToken, answerReceipt } = answered;
    const progress = [received, ends, state, since, expires, forgotten];
    this.#answer.run(...progress, size, file, uploadToken, answerReceipt, row.id);
    if (body) this.#addBody.run(row.id, body);
    this.#chargeFor(row.client, 0, size - row.size);
    return { ...row, ...answered };
  }

  /** Some of the answers whose upload rests for too long, while their requests may be answered. */
  resting(now: number): Row[] {
    return this.#resting.all(now);
  }

  /** Changes what becomes of a secret. */
  set(row: Row, changed: Partial<Row>): Row {
    const next = { ...row, ...changed };
    const { state, since, taken, attempts, lockedAt } = next;
    this.#set.run(state, since, taken, attempts, lockedAt, row.id);
    return next;
  }

  /** Deletes the body; its file is for the caller to remove. */
  erase({ id, client, size }: Row): void {
    this.#removeBody.run(id);
    this.#erase.run(id);
    this.#chargeFor(client, 0, -size);
  }

  /** Deletes the record of what is erased. */
  forget({ id, client }: Row): void {
    this.#forget.run(id);
    this.#chargeFor(client, -1, -RECORD_BYTES);
    this.#settle.run(client);
  }

  #chargeFor(client: string, secrets: number, bytes: number): void {
    for (const who of [client, EVERYBODY]) this.#charge.run(who, secrets, bytes);
  }

  usage(client: string = EVERYBODY): { secrets: number; bytes: number } {
    const { secrets, bytes } = this.#usage.get(client) ?? { secrets: 0, bytes: 0 };
    return { secrets, bytes };
  }

  /** Notes how far an upload has come, unless another request was quicker. */
  advance(row: Row, to: Advanced): boolean {
    const { received, ends, state, since, expires, forgotten } = to;
    const where = [row.id, row.received, row.file];
    return this.#advance.run(received, ends, state, since, expires, forgotten, ...where) === 1;
  }

  body(id: Bytes): Bytes | undefined {
    return this.#body.get(id)?.data;
  }

  claim(id: Bytes, token: Bytes): ClaimRow | undefined {
    return this.#claim.get(id, token);
  }

  addClaim(id: Bytes, token: Bytes, { at, until }: Pick<ClaimRow, "at" | "until">): void {
    this.#addClaim.run(id, token, at, until);
  }

  /** Gives whether there is such a claim. */
  endClaim(id: Bytes, token: Bytes): boolean {
    return this.#endClaim.run(id, token) === 1;
  }

  hasOpenClaim(id: Bytes, now: number): boolean {
    return this.#openClaims.get(id, now)!.n > 0;
  }

  views(id: Bytes): View[] {
    return this.#claims.all(id).map(({ at, acknowledged }) => ({
      at,
      acknowledged: acknowledged === 1,
    }));
  }

  /** Marks what has expired. */
  expire(now: number): void {
    this.#expire.run(now);
  }

  /** Some of what is to be erased. */
  ended(now: number): Row[] {
    return this.#ended.all(now);
  }

  /** Some of what is to be forgotten. */
  forgotten(now: number): Row[] {
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
