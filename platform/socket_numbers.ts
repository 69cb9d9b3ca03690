/**
 * What each system calls sockets by: numbers, and the form of addresses. Darwin's are those of the
 * headers of xnu (sys/socket.h, sys/un.h, sys/fcntl.h, netinet/in.h); nobody has run them on a Mac:
 * see docs/systems.md.
 */
import { type Bytes, concat } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { cPath, IS_DARWIN } from "./libc.ts";

/** The numbers and sizes that differ. */
export interface SocketNumbers {
  /** Whether an address begins with its length, in a byte; the family is then one byte, too. */
  readonly hasLength: boolean;
  /** Bytes of a socket's path at most, without the zero at its end. */
  readonly maxPath: number;
  readonly AF_INET6: number;
  readonly SOL_SOCKET: number;
  readonly SO_REUSEADDR: number;
  readonly IPV6_V6ONLY: number;
  readonly MSG_DONTWAIT: number;
  /** Zero where a socket has an option for that. */
  readonly MSG_NOSIGNAL: number;
  readonly O_CREAT: number;
  readonly O_CLOEXEC: number;
  readonly O_NOFOLLOW: number;
}

/** Linux's, on x86-64 and, but for one, on arm64. */
export const LINUX: SocketNumbers = {
  hasLength: false,
  maxPath: 107,
  AF_INET6: 10,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  IPV6_V6ONLY: 26,
  MSG_DONTWAIT: 0x40,
  MSG_NOSIGNAL: 0x4000,
  O_CREAT: 0o100,
  O_CLOEXEC: 0o2000000,
  O_NOFOLLOW: Deno.build.arch === "aarch64" ? 0o100000 : 0o400000,
};

/** Darwin's, on either processor. */
export const DARWIN: SocketNumbers = {
  hasLength: true,
  maxPath: 103,
  AF_INET6: 30,
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 0x0004,
  IPV6_V6ONLY: 27,
  MSG_DONTWAIT: 0x80,
  MSG_NOSIGNAL: 0,
  O_CREAT: 0x0200,
  O_CLOEXEC: 0x1000000,
  O_NOFOLLOW: 0x0100,
};

/** This system's. */
export const SOCKET: SocketNumbers = IS_DARWIN ? DARWIN : LINUX;

/** The same everywhere. */
export const [AF_UNIX, AF_INET, SOCK_STREAM] = [1, 2, 1] as const;
/** Bytes of the length, where there is one, and the family at the start of an address. */
export const FAMILY_LENGTH = 2;

/** The first two bytes of an address of some length, that is all of it. */
export function startOfAddress(family: number, length: number, { hasLength } = SOCKET): Bytes {
  return hasLength ? new Uint8Array([length, family]) : new Uint8Array([family, 0]);
}

/** The family of an address. */
export function familyOf(address: Bytes, { hasLength } = SOCKET): number {
  return hasLength ? address[1]! : address[0]! | address[1]! << 8;
}

/** struct sockaddr_un. @throws {CryptoError} `config` for a path that no socket can have */
export function unixAddress(path: string, numbers = SOCKET): Bytes {
  const name = cPath(path);
  const { maxPath } = numbers;
  if (name.length > maxPath + 1) {
    const hint = `the path of a socket has at most ${maxPath} bytes: choose a shorter one`;
    throw new CryptoError("config", { subject: path, hint });
  }
  return concat(startOfAddress(AF_UNIX, FAMILY_LENGTH + name.length, numbers), name);
}
