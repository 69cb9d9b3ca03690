/** What a file has besides its bytes: mode, owner, and times to the nanosecond, to be kept. */
import type { Bytes } from "../core/bytes.ts";
import { cPath, openLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** All that stat(2) gives. */
const STATX_BASIC_STATS = 0x7ff;
/** struct statx: its length, and where in it what is (linux/stat.h). */
const STATX_LENGTH = 256;
const [NLINK, UID, GID, MODE, ATIME, MTIME] = [0x10, 0x14, 0x18, 0x1c, 0x40, 0x70] as const;

/** Seconds since 1970, and nanoseconds. */
export type Time = readonly [seconds: string, nanoseconds: number];

/** Times of a file as they can be kept in a text. */
export interface Times {
  readonly accessed: Time;
  readonly modified: Time;
}

/** What a copy of a file is to have. */
export interface Attributes extends Times {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** How many names the file has. */
  readonly names: number;
}

/** Reads and sets attributes. Made before `ffi` is given up; it follows no symbolic link. */
export class AttributeKeeper {
  readonly #libc = openLibc(SYMBOLS);

  /** @throws {SystemError} */
  read(path: string): Attributes {
    const buffer: Bytes = new Uint8Array(STATX_LENGTH);
    const { statx } = this.#libc.symbols;
    const flags = AT_SYMLINK_NOFOLLOW;
    this.#check("statx", statx(AT_FDCWD, cPath(path), flags, STATX_BASIC_STATS, buffer));
    const view = new DataView(buffer.buffer);
    const time = (at: number): Time => {
      return [String(view.getBigInt64(at, true)), view.getUint32(at + 8, true)];
    };
    return {
      uid: view.getUint32(UID, true),
      gid: view.getUint32(GID, true),
      mode: view.getUint16(MODE, true) & 0o7777,
      names: view.getUint32(NLINK, true),
      accessed: time(ATIME),
      modified: time(MTIME),
    };
  }

  /** @throws {SystemError} */
  setOwner(path: string, { uid, gid }: Attributes): void {
    this.#check("lchown", this.#libc.symbols.lchown(cPath(path), uid, gid));
  }

  /** @throws {SystemError} */
  setTimes(path: string, { accessed, modified }: Times): void {
    const times = new BigInt64Array(
      [accessed, modified].flatMap(([seconds, nanoseconds]) => {
        return [BigInt(seconds), BigInt(nanoseconds)];
      }),
    );
    const { utimensat } = this.#libc.symbols;
    this.#check("utimensat", utimensat(AT_FDCWD, cPath(path), times, AT_SYMLINK_NOFOLLOW));
  }

  #check(call: string, result: number): void {
    if (result < 0) throw new SystemError(call, this.#libc.errno());
  }
}
