/**
 * The database of a store: one file with its write-ahead log. SQLite writes to the log without
 * waiting for the disk; that is waited for here, beside the thread, so that others are served
 * meanwhile. What they write until then waits and shares the next transaction: each page that a
 * transaction changes goes to the log whole, whatever the number of its writes.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { CryptoError } from "../../core/errors.ts";
import { diskFailure } from "./disk.ts";

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const OTHER = "another version of crypto made it: serve it with that one, or serve a new directory";
/** How long a write waits for another process's. */
const BUSY_MILLISECONDS = 5_000;

/** How long the cutting of the log waits for others. */
const TRUNCATE_MILLISECONDS = 50;

/** Pages kept in memory: records are all over the database. */
const CACHE_KIB = 16_384;

const SETTINGS = `
  PRAGMA busy_timeout = ${BUSY_MILLISECONDS};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA secure_delete = ON;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -${CACHE_KIB};
`;

/** The tables of a database, and the number that a database with these has. */
export interface Schema {
  readonly version: number;
  readonly tables: string;
}

/** One prepared statement, with the type of its rows. */
export class Statement<R> {
  constructor(private readonly statement: StatementSync) {}

  get(...values: SQLInputValue[]): R | undefined {
    return this.statement.get(...values) as R | undefined;
  }

  all(...values: SQLInputValue[]): R[] {
    return this.statement.all(...values) as R[];
  }

  /** Gives how many rows were changed. */
  run(...values: SQLInputValue[]): number {
    return Number(this.statement.run(...values).changes);
  }

  /** Gives the number of the row that was added. */
  insert(...values: SQLInputValue[]): number {
    return Number(this.statement.run(...values).lastInsertRowid);
  }
}

/** What Deno's types do not know (2.9.4): rows as lists. */
type ListStatement = StatementSync & { setReturnArrays(asked: boolean): void };

/** A statement whose rows have many columns: to name each takes as long as to find them. */
export class WideStatement<R> {
  constructor(
    private readonly statement: ListStatement,
    private readonly toRow: (values: readonly unknown[]) => R,
  ) {
    statement.setReturnArrays(true);
  }

  get(...values: SQLInputValue[]): R | undefined {
    const found = this.statement.get(...values) as unknown as readonly unknown[] | undefined;
    return found && this.toRow(found);
  }

  all(...values: SQLInputValue[]): R[] {
    const found = this.statement.all(...values) as unknown as (readonly unknown[])[];
    return found.map(this.toRow);
  }
}

/** A write that waits for its transaction. */
interface Waiting {
  readonly write: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Waits until what was written into a file is on its disk. */
export type Sync = (file: Deno.FsFile) => Promise<void>;

const syncData: Sync = (file) => file.syncData();

/** A database that several processes may have open. */
export class Database {
  readonly #database: DatabaseSync;
  // Prepared: an error of `exec` does not say which it is (Deno 2.9.4).
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #checkpoint: StatementSync;
  readonly #log: Deno.FsFile;
  #waiting: Waiting[] = [];
  // Asked again, a disk that once did not confirm may say that all is well.
  #failed: CryptoError | undefined;
  #confirming: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** Opens or makes it. @throws {CryptoError} `io`; `config` where it has other tables */
  constructor(
    private readonly path: string,
    schema: Schema,
    private readonly sync: Sync = syncData,
  ) {
    try {
      // Its log and the like get the mode of the database.
      Deno.openSync(path, { write: true, create: true, mode: 0o600 }).close();
      this.#database = new DatabaseSync(path);
      this.#database.exec(SETTINGS);
      this.#prepareTables(schema);
      this.#log = Deno.openSync(`${path}-wal`);
      this.#begin = this.#database.prepare("BEGIN IMMEDIATE");
      this.#commit = this.#database.prepare("COMMIT");
      this.#rollback = this.#database.prepare("ROLLBACK");
      this.#checkpoint = this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  #prepareTables({ version, tables }: Schema): void {
    this.#database.exec("BEGIN IMMEDIATE");
    const isNew = this.#database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
    if (isNew) this.#database.exec(`${tables}; PRAGMA user_version = ${version}`);
    this.#database.exec("COMMIT");
    const found = this.#database.prepare("PRAGMA user_version").get()?.user_version;
    if (found !== version) throw new CryptoError("config", { subject: this.path, hint: OTHER });
  }

  /** Why nothing is written any more, once the disk has not confirmed: for good. */
  get failed(): CryptoError | undefined {
    return this.#failed;
  }

  prepare<R>(sql: string): Statement<R> {
    return new Statement<R>(this.#database.prepare(sql));
  }

  /** @param toRow makes a row of the values of its columns */
  prepareWide<R>(sql: string, toRow: (values: readonly unknown[]) => R): WideStatement<R> {
    return new WideStatement<R>(this.#database.prepare(sql) as ListStatement, toRow);
  }

  /**
   * Runs a write with those that wait, in one transaction; settles when that is on the disk.
   * @param write must do nothing but write here: it may be rolled back and run again
   * @throws {CryptoError} `share_full`, `io`; see {@link failed}
   */
  async write<T>(write: () => T): Promise<T> {
    const result = await this.writeSoon(write);
    await this.#confirm();
    return result;
  }

  /** The same, but settles before it is on the disk: a power cut may undo it. */
  writeSoon<T>(write: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) this.#flushSoon();
      this.#waiting.push({ write, resolve: resolve as Waiting["resolve"], reject });
    });
  }

  /** At the end of a turn in which the disk is not waited for: what comes until then shares it. */
  #flushSoon(): void {
    const turn = () => void setImmediate(() => this.#flush());
    this.#confirming.then(turn, turn);
  }

  /** Runs what waits. If one fails, each gets a transaction of its own. */
  #flush(): void {
    const writes = this.#waiting;
    this.#waiting = [];
    try {
      const results = this.#transact(writes);
      for (const [i, { resolve }] of writes.entries()) resolve(results[i]);
    } catch (error) {
      const hopeless = writes.length === 1 || isSqlite(error, SQLITE_BUSY);
      for (const one of writes) hopeless ? one.reject(this.#failure(error)) : this.#alone(one);
    }
  }

  #alone({ write, resolve, reject }: Waiting): void {
    try {
      resolve(this.#transact([{ write }])[0]);
    } catch (error) {
      reject(this.#failure(error));
    }
  }

  /** Settles when all that was written up to now is on the disk. @throws {CryptoError} */
  #confirm(): Promise<void> {
    return this.#next ??= this.#confirming.then(() => {
      this.#next = undefined;
      return this.#confirming = this.sync(this.#log).catch((cause) => {
        throw this.#failed = diskFailure(cause, this.path);
      });
    });
  }

  #transact(writes: readonly Pick<Waiting, "write">[]): unknown[] {
    if (this.#failed) throw this.#failed;
    this.#begin.run();
    try {
      const results = writes.map(({ write }) => write());
      this.#commit.run();
      return results;
    } catch (error) {
      if (this.#database.isTransaction) this.#rollback.run();
      throw error;
    }
  }

  /**
   * Moves the log into the database and cuts it to nothing, so that what was deleted is in neither.
   * Where others are reading, the next time does it.
   * @throws {CryptoError} `share_full`, `io`
   */
  truncateLog(): void {
    // Not as long as a write: whoever reads would hold up everybody.
    this.#database.exec(`PRAGMA busy_timeout = ${TRUNCATE_MILLISECONDS}`);
    try {
      this.#checkpoint.get();
    } catch (cause) {
      throw this.#failure(cause);
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MILLISECONDS}`);
    }
  }

  /** Closes it, when what waits has been written. */
  async close(): Promise<void> {
    if (this.#waiting.length > 0) this.#flush();
    try {
      await this.#confirm();
    } finally {
      this.#log.close();
      this.#database.close();
    }
  }

  #failure(cause: unknown): CryptoError {
    if (cause instanceof CryptoError) return cause;
    if (isSqlite(cause, SQLITE_FULL)) return new CryptoError("share_full", { cause });
    return new CryptoError("io", { subject: this.path, cause });
  }
}

function isSqlite(error: unknown, code: number): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === code;
}
