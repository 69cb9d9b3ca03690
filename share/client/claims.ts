/**
 * Claims that outlive their process. The token by which a server knows its taker is in a file of the
 * user's own before it is shown to anybody: who is killed in the middle asks again as the same taker.
 */
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat, randomBytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { hashProof, PROOF_LENGTH } from "../../core/share/keys.ts";
import { ifThere, syncDirectory, writeAll } from "../../platform/durable.ts";
import type { Claim } from "./claim.ts";

// token 32 || position 8 || whether there is a passphrase 1
const POSITION_AT = PROOF_LENGTH;
const PASSPHRASE_AT = POSITION_AT + 8;
const LENGTH = PASSPHRASE_AT + 1;
const MARK_BYTES = 9;
/** No claim is as old: milliseconds. */
const STALE = 2 * 86_400_000;

/** A claim in a file, which one process has at a time. */
export class ClaimFile implements Claim, Disposable {
  #position: number;

  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
    private readonly record: Bytes,
    readonly mark: string,
    /** Whether it was an earlier run that made it. */
    readonly isOld: boolean,
  ) {
    this.#position = Number(view(record).getBigUint64(POSITION_AT));
  }

  /**
   * Finds the claim to a secret, or makes one.
   * @param passphrase whether the secret has one, for {@link needsPassphrase}
   * @throws {CryptoError} `io`; `share_opening` if another process has it
   */
  static async open(directory: string, id: Bytes, passphrase: boolean): Promise<ClaimFile> {
    removeStale(directory);
    const path = pathOf(directory, id);
    const file = keeping(directory, () => {
      return Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    });
    try {
      if (!file.tryLockSync(true)) throw new CryptoError("share_opening");
      const old = readRecord(file);
      const record = old ?? newRecord(directory, file, passphrase);
      const mark = (await hashProof(record.slice(0, PROOF_LENGTH))).subarray(0, MARK_BYTES);
      return new ClaimFile(path, file, record, toBase64Url(mark), old !== undefined);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get token(): Bytes {
    return this.record.slice(0, PROOF_LENGTH);
  }

  get position(): number {
    return this.#position;
  }

  note(position: number): void {
    view(this.record).setBigUint64(POSITION_AT, BigInt(position));
    keeping(this.path, () => writeRecord(this.file, this.record));
    this.#position = position;
  }

  /** Emptied first: who waits to open the file must not find an old token in it. */
  end(): void {
    this.file.truncateSync();
    Deno.removeSync(this.path);
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

/**
 * Whether a secret of which there is a claim needs a passphrase: a server that has given it once
 * says no more about it.
 * @returns undefined if there is no claim
 */
export function needsPassphrase(directory: string, id: Bytes): boolean | undefined {
  const record = ifThere(() => Deno.readFileSync(pathOf(directory, id)));
  return record?.length === LENGTH ? record[PASSPHRASE_AT] === 1 : undefined;
}

function pathOf(directory: string, id: Bytes): string {
  return `${directory}/${id.toHex()}`;
}

function view({ buffer }: Bytes): DataView {
  return new DataView(buffer);
}

function readRecord(file: Deno.FsFile): Bytes | undefined {
  const record = new Uint8Array(LENGTH + 1);
  return file.readSync(record) === LENGTH ? record.slice(0, LENGTH) : undefined;
}

function newRecord(directory: string, file: Deno.FsFile, passphrase: boolean): Bytes {
  const rest = new Uint8Array(LENGTH - PROOF_LENGTH);
  const record = concat(randomBytes(PROOF_LENGTH), rest);
  record[PASSPHRASE_AT] = passphrase ? 1 : 0;
  return keeping(directory, () => {
    writeRecord(file, record);
    syncDirectory(directory);
    return record;
  });
}

/** As small a file is written at once or not at all. */
function writeRecord(file: Deno.FsFile, record: Bytes): void {
  file.seekSync(0, Deno.SeekMode.Start);
  writeAll(file, record);
  file.syncDataSync();
}

/** What was never finished is worth nothing once every claim of its time is over. */
function removeStale(directory: string): void {
  const oldest = Date.now() - STALE;
  for (const { name } of keeping(directory, () => [...Deno.readDirSync(directory)])) {
    const path = `${directory}/${name}`;
    const changed = ifThere(() => Deno.lstatSync(path))?.mtime?.getTime() ?? Infinity;
    if (changed < oldest) ifThere(() => Deno.removeSync(path));
  }
}

function keeping<T>(subject: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new CryptoError("io", { subject, cause });
  }
}
