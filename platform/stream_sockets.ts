/**
 * Stream sockets that wait for nobody and that no other program inherits, as each system makes them.
 * No raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import {
  INT,
  int,
  IS_DARWIN,
  type LoadedLibc,
  openEitherLibc,
  openLibc,
  SystemError,
  THIRD,
  third,
} from "./libc.ts";
import { AF_UNIX, DARWIN, SOCK_STREAM } from "./socket_numbers.ts";

/** Makes a socket of a family of addresses. Negative where that fails: then there is an error number. */
export type MakeSocket = (family: number) => number;

/** The next connection that waits at a listener of {@link MakeSocket}'s; negative likewise. */
export type Accept = (listener: number) => number;

/** What {@link connectUnix} takes of libc. */
export const CONNECT = {
  close: { parameters: [INT], result: "i32" },
  connect: { parameters: [INT, "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Connects a new socket to a Unix socket's address, and gives its descriptor.
 * @throws {SystemError} what the kernel says
 */
export function connectUnix(
  { symbols: { connect, close }, errno }: LoadedLibc<typeof CONNECT>,
  makeSocket: MakeSocket,
  address: Bytes,
): number {
  const fd = makeSocket(AF_UNIX);
  if (fd < 0) throw new SystemError("socket", errno());
  if (connect(int(fd), address, address.length) >= 0) return fd;
  const failed = new SystemError("connect", errno());
  close(int(fd));
  throw failed;
}

const SOCKET = {
  socket: { parameters: [INT, "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const ACCEPT4 = {
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** SOCK_NONBLOCK and SOCK_CLOEXEC. */
const LINUX_FLAGS = 0o4000 | 0o2000000;

const SETTLE = {
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", ...THIRD], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const ON_DARWIN = {
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1n;
const O_NONBLOCK = 0x4n;
const SO_NOSIGPIPE = 0x1022;

/** Loads what it takes, which needs `ffi`. */
export function loadMakeSocket(): MakeSocket {
  if (IS_DARWIN) return onDarwin().makeSocket;
  const { socket } = openLibc(SOCKET).symbols;
  return (family) => socket(int(family), SOCK_STREAM | LINUX_FLAGS, 0);
}

/** Loads what it takes, which needs `ffi`. */
export function loadAccept(): Accept {
  if (IS_DARWIN) return onDarwin().acceptNext;
  const { accept4 } = openLibc(ACCEPT4).symbols;
  return (listener) => accept4(listener, null, null, LINUX_FLAGS);
}

/**
 * What is accepted has from its listener that it waits for nobody, and that no signal comes where the
 * peer has gone (`sonewconn` in xnu's uipc_socket2.c); the flag of the descriptor it has not.
 */
function onDarwin() {
  const wanted = { ...SOCKET, ...SETTLE, ...ON_DARWIN };
  const { accept, close, fcntl, setsockopt, socket } = openEitherLibc(wanted).symbols;
  const on = new Uint8Array(new Int32Array([1]).buffer);
  const orClosed = (fd: number, isReady: boolean) => isReady ? fd : (close(fd), -1);
  return {
    makeSocket(family: number): number {
      const fd = socket(int(family), SOCK_STREAM, 0);
      if (fd < 0) return fd;
      const isReady = fcntl(fd, F_SETFD, ...third(FD_CLOEXEC)) === 0 &&
        fcntl(fd, F_SETFL, ...third(O_NONBLOCK)) === 0 &&
        setsockopt(fd, DARWIN.SOL_SOCKET, SO_NOSIGPIPE, on, on.length) === 0;
      return orClosed(fd, isReady);
    },
    acceptNext(listener: number): number {
      const fd = accept(listener, null, null);
      return fd < 0 ? fd : orClosed(fd, fcntl(fd, F_SETFD, ...third(FD_CLOEXEC)) === 0);
    },
  };
}
