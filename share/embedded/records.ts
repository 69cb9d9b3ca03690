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
  /** Its number, and that of its short body. */
  readonly number: number;
}

/** Whether a record is there, and the bytes that are charged to a client and to all. */
interface Asked {
  readonly number: number | null;
  readonly own: number | null;
  readonly everybodys: number | null;
}

/** What a write changes of what becomes of a secret. */
type Changed = Partial<Pick<Row, "state" | "since" | "taken" | "attempts" | "lockedAt">>;

/** The columns of a record, in the order in which {@link toRow} takes them. */
const COLUMNS =
  `number, id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size,
  created, expires, attempts, lockedAt, state, since, taken, received, ends, forgotten, file, erased,
  client, writeProof, answerReceipt, largest, claims, claimed`;

function toRow(values: readonly unknown[]): StoredRow {
  const [number, id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size] =
    values;
  const [created, expires, attempts, lockedAt, state, since, taken, received, ends, forgotten] =
    values.slice(10);
  const [file, erased, client, writeProof, answerReceipt, largest, claims, claimed] = values
    .slice(20);
  return {
    ...{ number, id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size },
    ...{ created, expires, attempts, lockedAt, state, since, taken, received, ends, forgotten },
    ...{ file, erased, client, writeProof, answerReceipt, largest, claims, claimed },
  } as StoredRow;
}

/** The number of a record that is always there and belongs to nobody. */
const DECOY = 1;
/**
 * Its id is longer than a caller's can be. The record is as long as others: more texts and proofs,
 * or fewer, would take another time to read.
 */
const MAKE_DECOY = `INSERT INTO secrets VALUES (${DECOY}, zeroblob(17), randomblob(32),
  randomblob(32), randomblob(32), NULL, 'secret', 3600, 1, 1024, 1800000000000, 1800000000000,
  10, 0, 'revoked', 1800000000000, 0, 1024, 1800000000000, ${Number.MAX_SAFE_INTEGER}, NULL, 1,
  hex(randomblob(32)), NULL, NULL, 0, '[]', 0)`;

/** What has ended, and its body is there. */
const ENDED = "erased = 0 AND state IN ('used', 'revoked', 'expired')";

/** Stands for all clients together in the table of usage. */
const EVERYBODY = "";

/** Who pays for a record, and all. */
const PAYERS = (row: "OLD" | "NEW") => `client IN (${row}.client, '${EVERYBODY}')`;

/**
 * What goes with a change of a record: to ask for each from here would take longer than to do it.
 * The decoy is made before there are any: nobody pays for it.
 */
const TRIGGERS = `
  CREATE TRIGGER added AFTER INSERT ON secrets BEGIN
    INSERT INTO usage VALUES (NEW.client, 1, NEW.size + ${RECORD_BYTES}),
      ('${EVERYBODY}', 1, NEW.size + ${RECORD_BYTES})
      ON CONFLICT DO UPDATE SET secrets = secrets + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER resized AFTER UPDATE OF size ON secrets BEGIN
    UPDATE usage SET bytes = bytes + NEW.size - OLD.size WHERE ${PAYERS("NEW")};
  END;
  CREATE TRIGGER erased AFTER UPDATE OF erased ON secrets WHEN OLD.erased = 0 BEGIN
    DELETE FROM bodies WHERE number = NEW.number;
    UPDATE usage SET bytes = bytes - NEW.size WHERE ${PAYERS("NEW")};
  END;
  CREATE TRIGGER removed AFTER DELETE ON secrets BEGIN
    UPDATE usage SET secrets = secrets - 1, bytes = bytes - ${RECORD_BYTES}
      WHERE ${PAYERS("OLD")};
    DELETE FROM usage WHERE client = OLD.client AND secrets = 0;
  END;`;

/**
 * What a secret's life writes should be in few pages, for each goes to the log whole: so records
 * and bodies are under numbers, which puts what is new side by side, claims are in the record, and
 * no index changes more often than it must. What is current is forgotten when it expires, and what
 * was used keeps that time: one index finds both.
 */
export const SCHEMA: Schema = {
  version: 2,
  tables: `
  CREATE TABLE secrets (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, linkProof BLOB NOT NULL,
    passphraseProof BLOB, receipt BLOB NOT NULL, uploadToken BLOB, kind TEXT NOT NULL,
    ttl INTEGER NOT NULL, views INTEGER NOT NULL, size INTEGER NOT NULL,
    created INTEGER NOT NULL, expires INTEGER NOT NULL, attempts INTEGER NOT NULL,
    lockedAt INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, since INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL, ends INTEGER NOT NULL,
    forgotten INTEGER NOT NULL, file TEXT, erased INTEGER NOT NULL DEFAULT 0,
    client TEXT NOT NULL, writeProof BLOB, answerReceipt BLOB,
    largest INTEGER NOT NULL DEFAULT 0, claims TEXT NOT NULL DEFAULT '[]',
    claimed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE bodies (number INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
  CREATE TABLE usage (
    client TEXT PRIMARY KEY, secrets INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  CREATE INDEX forgetting ON secrets (forgotten);
  CREATE INDEX uploading ON secrets (ends) WHERE state = 'uploading';
  CREATE INDEX ended ON secrets (claimed) WHERE ${ENDED};
  CREATE INDEX files ON secrets (file) WHERE file IS NOT NULL;
  ${MAKE_DECOY};
  ${TRIGGERS}`,
};

/** What one sweep does in one transaction. */
const SWEEP_ROWS = 500;

/** The statements, prepared. */
export class Records {
  readonly #find;
  readonly #insert;
  readonly #forget;
  readonly #body;
  readonly #addBody;
  readonly #set;
  readonly #claim;
  readonly #erase;
  readonly #advance;
  readonly #usage;
  readonly #asked;
  readonly #expire;
  readonly #expireUploads;
  readonly #resting;
  readonly #answer;
  readonly #ended;
  readonly #forgotten;
  readonly #hasFile;
  readonly #setting;
  readonly #addSetting;

  constructor(database: Database) {
    const all = <R>(sql: string) => database.prepare<R>(sql);
    const records = (where: string) =>
      database.prepareWide(`SELECT ${COLUMNS} FROM secrets WHERE ${where}`, toRow);
    this.#find = records(`number = coalesce((SELECT number FROM secrets WHERE id = ?), ${DECOY})`);
    this.#insert = all(`INSERT INTO secrets (id, linkProof, passphraseProof, receipt, uploadToken,
      kind, ttl, views, size, created, expires, attempts, state, since, received, ends, forgotten,
      file, client, writeProof, largest)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#forget = all("DELETE FROM secrets WHERE number = ?");
    this.#body = all<{ data: Bytes }>("SELECT data FROM bodies WHERE number = ?");
    this.#addBody = all("INSERT INTO bodies VALUES (?, ?)");
    this.#set = all(`UPDATE secrets
      SET state = ?, since = ?, taken = ?, attempts = ?, lockedAt = ? WHERE number = ?`);
    this.#claim = all(`UPDATE secrets SET state = ?, since = ?, taken = ?, attempts = ?,
      lockedAt = ?, claims = ?, claimed = ? WHERE number = ?`);
    this.#erase = all("UPDATE secrets SET erased = 1, file = NULL, claims = ? WHERE number = ?");
    this.#advance = all(`UPDATE secrets SET received = ?, ends = ?, state = ?, since = ?,
      expires = ?, forgotten = ? WHERE id = ? AND received = ? AND file = ? AND state = 'uploading'`);
    this.#usage = all<{ secrets: number; bytes: number }>(
      "SELECT secrets, bytes FROM usage WHERE client = ?",
    );
    this.#asked = all<Asked>(`SELECT
      (SELECT number FROM secrets WHERE id = ?) AS number,
      (SELECT bytes FROM usage WHERE client = ?) AS own,
      (SELECT bytes FROM usage WHERE client = '${EVERYBODY}') AS everybodys`);
    const expire = (where: string) =>
      all(`UPDATE secrets SET state = 'expired', since = ends,
        forgotten = ends + min(ttl * 1000, ${EXPIRED_MEMORY}) WHERE ${where}`);
    this.#expire = expire("forgotten <= ? AND state IN ('live', 'waiting')");
    this.#expireUploads = expire("ends <= ? AND state = 'uploading'");
    this.#resting = records(`ends <= ?1 AND state = 'uploading' AND kind = 'answer'
      AND created + ttl * 1000 > ?1 LIMIT ${SWEEP_ROWS}`);
    this.#answer = all(`UPDATE secrets SET received = ?, ends = ?, state = ?, since = ?,
      expires = ?, forgotten = ?, size = ?, file = ?, uploadToken = ?, answerReceipt = ?
      WHERE number = ?`);
    this.#ended = records(`${ENDED} AND claimed <= ? LIMIT ${SWEEP_ROWS}`);
    this.#forgotten = records(`forgotten <= ? AND erased = 1 LIMIT ${SWEEP_ROWS}`);
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

  insert(row: NewRow, body: Bytes | undefined): void {
    const { id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size } = row;
    const { created, expires, attempts, state, since, received, ends, forgotten } = row;
    const asked = [id, linkProof, passphraseProof, receipt, uploadToken, kind, ttl, views, size];
    const own = [created, expires, attempts, state, since, received, ends, forgotten];
    const { file, client, writeProof, largest } = row;
    const number = this.#insert.insert(...asked, ...own, file, client, writeProof, largest);
    if (body) this.#addBody.run(number, body);
  }

  /** Puts an answer into a request, or takes out one whose upload was given up. */
  answer(row: StoredRow, answered: Answered, body?: Bytes): void {
    const { received, ends, state, since, expires, forgotten } = answered;
    const { size, file, uploadToken, answerReceipt } = answered;
    const progress = [received, ends, state, since, expires, forgotten];
    this.#answer.run(...progress, size, file, uploadToken, answerReceipt, row.number);
    if (body) this.#addBody.run(row.number, body);
  }

  /** Some of the answers whose upload rests for too long, while their requests may be answered. */
  resting(now: number): StoredRow[] {
    return this.#resting.all(now);
  }

  /** Changes what becomes of a secret. */
  set(row: StoredRow, changed: Changed): StoredRow {
    const next = { ...row, ...changed };
    this.#set.run(...fate(next), row.number);
    return next;
  }

  /** The same, with the claims to it. */
  claim(row: StoredRow, all: Claims, changed: Changed = {}): StoredRow {
    const next = { ...row, ...changed, claims: all.text, claimed: all.until };
    this.#claim.run(...fate(next), next.claims, next.claimed, row.number);
    return next;
  }

  /** Erases the body; its file is for the caller to remove. */
  erase({ number }: StoredRow, claims: string): void {
    this.#erase.run(claims, number);
  }

  /** Deletes the record of what is erased. */
  forget({ number }: StoredRow): void {
    this.#forget.run(number);
  }

  usage(): { secrets: number; bytes: number } {
    const { secrets, bytes } = this.#usage.get(EVERYBODY) ?? { secrets: 0, bytes: 0 };
    return { secrets, bytes };
  }

  /** What is to be known before something is added: whether it is there, and bytes charged. */
  asked(id: Bytes, client: string) {
    const { number, own, everybodys } = this.#asked.get(id, client)!;
    return { exists: number !== null, own: own ?? 0, everybodys: everybodys ?? 0 };
  }

  /** Notes how far an upload has come, unless another request was quicker. */
  advance(row: Row, to: Advanced): boolean {
    const { received, ends, state, since, expires, forgotten } = to;
    const where = [row.id, row.received, row.file];
    return this.#advance.run(received, ends, state, since, expires, forgotten, ...where) === 1;
  }

  body({ number, file }: StoredRow): Bytes | undefined {
    return file === null ? this.#body.get(number)?.data : undefined;
  }

  /** Marks what has expired. */
  expire(now: number): void {
    this.#expire.run(now);
    this.#expireUploads.run(now);
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
