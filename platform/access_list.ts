/**
 * Who may do what with a file on Windows: the owner and the access list of its security descriptor,
 * as [MS-DTYP] 2.4 lays them out. Run under Wine, never on Windows: see docs/systems.md. Lengths are
 * checked here, and no raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { openLibrary } from "./library.ts";
import { wide } from "./names.ts";

const ADVAPI32 = {
  GetFileSecurityW: {
    parameters: ["buffer", "u32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  GetTokenInformation: {
    parameters: ["usize", "i32", "buffer", "u32", "buffer"],
    result: "i32",
  },
  OpenProcessToken: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const KERNEL32 = {
  CloseHandle: { parameters: ["usize"], result: "i32" },
  GetCurrentProcess: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** OWNER_SECURITY_INFORMATION and DACL_SECURITY_INFORMATION. */
const OWNER_AND_LIST = 0x1 | 0x4;
const TOKEN_QUERY = 0x8;
const TOKEN_USER = 1;
/** An access list has 64 KiB at most, [MS-DTYP] 2.4.5; owner and header come to that. */
const MAX_DESCRIPTOR = 66_560;
const MAX_TOKEN_USER = 256;

const HEADER = { length: 20, control: 2, owner: 4, list: 16 } as const;
/** SE_DACL_PRESENT and SE_SELF_RELATIVE. */
const [HAS_LIST, IS_SELF_RELATIVE] = [0x4, 0x8000];
const MAX_SUBAUTHORITIES = 15;
/** ACCESS_ALLOWED_ACE_TYPE and ACCESS_ALLOWED_CALLBACK_ACE_TYPE: the latter under a condition. */
const ALLOWS: readonly number[] = [0x00, 0x09];
/** Those that take away, and the same under a condition. */
const DENIES: readonly number[] = [0x01, 0x0a];
/** INHERIT_ONLY_ACE: it is for what will be in a directory, not for this one. */
const INHERIT_ONLY = 0x8;
const ACE_HEADER = 8;

/** What somebody may do: a sum of [MS-DTYP] 2.4.3. */
export interface Grant {
  /** `S-1-…` */
  readonly who: string;
  readonly rights: number;
}

/** Whose a file is, and who may do what with it. */
export interface AccessList {
  /** `S-1-…` */
  readonly owner: string;
  /** What is denied to some of them again is not taken off. */
  readonly grants: readonly Grant[];
}

/** A descriptor that says nothing that could be relied on. */
export class UnclearAccess extends Error {}

/**
 * Reads a self-relative security descriptor.
 * @throws {UnclearAccess} where it is none, has no owner, has no list (then everybody may do all),
 * or grants something in a way that is not known here
 */
export function readDescriptor(bytes: Bytes): AccessList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER.length || view.getUint8(0) !== 1) throw new UnclearAccess();
  const control = view.getUint16(HEADER.control, true);
  const [owner, list] = [HEADER.owner, HEADER.list].map((at) => view.getUint32(at, true));
  const isWhole = (control & HAS_LIST) !== 0 && (control & IS_SELF_RELATIVE) !== 0;
  if (!isWhole || !owner || !list) throw new UnclearAccess();
  return { owner: readSid(bytes, owner), grants: readList(bytes, list) };
}

function readList(bytes: Bytes, at: number): Grant[] {
  const view = viewOf(bytes, at, 8);
  const [size, count] = [view.getUint16(2, true), view.getUint16(4, true)];
  if (at + size > bytes.length) throw new UnclearAccess();
  const list = bytes.subarray(at, at + size);
  const grants: Grant[] = [];
  for (let next = 8, i = 0; i < count; i++) {
    const entry = viewOf(list, next, ACE_HEADER);
    const [type, flags, length] = [entry.getUint8(0), entry.getUint8(1), entry.getUint16(2, true)];
    if (length < ACE_HEADER || next + length > list.length) throw new UnclearAccess();
    if (ALLOWS.includes(type)) {
      const who = readSid(list.subarray(0, next + length), next + ACE_HEADER);
      if ((flags & INHERIT_ONLY) === 0) grants.push({ who, rights: entry.getUint32(4, true) });
    } else if (!DENIES.includes(type)) throw new UnclearAccess();
    next += length;
  }
  return grants;
}

/** A security identifier as people write it, [MS-DTYP] 2.4.2.1. */
function readSid(bytes: Bytes, at: number): string {
  const [revision, count] = [bytes[at], bytes[at + 1] ?? Infinity];
  if (revision !== 1 || count > MAX_SUBAUTHORITIES) throw new UnclearAccess();
  const view = viewOf(bytes, at, 8 + 4 * count);
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  const others = Array.from({ length: count }, (_, i) => view.getUint32(8 + 4 * i, true));
  return ["S-1", authority, ...others].join("-");
}

function viewOf(bytes: Bytes, at: number, length: number): DataView {
  if (at + length > bytes.length) throw new UnclearAccess();
  return new DataView(bytes.buffer, bytes.byteOffset + at, length);
}

/** Asks Windows. */
export interface AccessLists {
  /** The user of this process: `S-1-…` */
  readonly me: string;
  /** @throws {UnclearAccess} where it cannot be known */
  of(path: string): AccessList;
}

/** Prepares to ask, which needs `ffi` now and not later. Undefined elsewhere than on Windows. */
export function loadAccessLists(): AccessLists | undefined {
  const advapi = openLibrary("advapi32.dll", ADVAPI32);
  const kernel = openLibrary("kernel32.dll", KERNEL32);
  if (!advapi || !kernel) return undefined;
  const descriptor: Bytes = new Uint8Array(MAX_DESCRIPTOR);
  return {
    me: readUser(advapi, kernel),
    of(path) {
      const length = new Uint8Array(4);
      const { GetFileSecurityW: ask } = advapi;
      if (ask(wide(path), OWNER_AND_LIST, descriptor, descriptor.length, length) === 0) {
        throw new UnclearAccess();
      }
      return readDescriptor(descriptor.subarray(0, viewOf(length, 0, 4).getUint32(0, true)));
    },
  };
}

type Library<S extends Deno.ForeignLibraryInterface> = Deno.DynamicLibrary<S>["symbols"];

function readUser(advapi: Library<typeof ADVAPI32>, kernel: Library<typeof KERNEL32>): string {
  const token = new Uint8Array(8);
  if (advapi.OpenProcessToken(kernel.GetCurrentProcess(), TOKEN_QUERY, token) === 0) {
    throw new UnclearAccess();
  }
  const handle = viewOf(token, 0, 8).getBigUint64(0, true);
  const [user, length] = [new Uint8Array(MAX_TOKEN_USER), new Uint8Array(4)];
  const done = advapi.GetTokenInformation(handle, TOKEN_USER, user, user.length, length);
  kernel.CloseHandle(handle);
  if (done === 0) throw new UnclearAccess();
  return readSid(user, sidOffset(user));
}

/** TOKEN_USER begins with the address of the identifier, which is behind it in the same buffer. */
function sidOffset(user: Bytes): number {
  const address = viewOf(user, 0, 8).getBigUint64(0, true);
  const own = Deno.UnsafePointer.value(Deno.UnsafePointer.of(user));
  const offset = Number(address - own);
  if (offset < 16 || offset >= user.length) throw new UnclearAccess();
  return offset;
}
