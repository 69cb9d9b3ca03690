/**
 * Waiting for sockets on Windows: select of ws2_32.dll, which tells the ends of connections as epoll
 * does, what WSAPoll does not. Run under Wine, never on Windows: see docs/systems.md. No raw call
 * leaves this module.
 */
import { CryptoError } from "../core/errors.ts";
import { SystemError } from "./libc.ts";
import { openLibrary } from "./library.ts";
import { type Poller, Ready, type Watched } from "./poller.ts";
import { WindowsSockets } from "./winsock.ts";

const WAIT = {
  parameters: ["i32", "buffer", "buffer", "pointer", "buffer"],
  result: "i32",
} as const;
const WS2_32 = {
  WSAGetLastError: { parameters: [], result: "i32" },
  select: WAIT,
  select_elsewhere: { name: "select", ...WAIT, nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** A struct fd_set on 64 bits, of any length: how many sockets, aligned, and these. */
type FdSet = BigUint64Array<ArrayBuffer>;

const BYTE = new Uint8Array(1);

/** As {@link Poller} says. */
export class SelectPoller implements Poller {
  readonly #lib;
  readonly #sockets = new WindowsSockets();
  readonly #waker = this.#sockets.openOwn();
  readonly #watched = new Map<number, Watched>();
  /** Of the last wait, whose sets hold what is ready. */
  #last: { ids: ReadonlyMap<number, number>; sets: readonly [FdSet, FdSet] } = {
    ids: new Map(),
    sets: [setOf([]), setOf([])],
  };
  #isAway = false;

  /** @throws {CryptoError} `config` elsewhere than on Windows */
  constructor() {
    const lib = openLibrary("ws2_32.dll", WS2_32);
    if (!lib) throw new CryptoError("config", { hint: "this needs Windows" });
    this.#lib = lib;
  }

  add(watched: Watched): void {
    this.#watched.set(watched.fd, watched);
    this.#lookAgain();
  }

  change(watched: Watched): void {
    this.add(watched);
  }

  remove({ fd }: Watched): void {
    this.#watched.delete(fd);
    this.#lookAgain();
  }

  /** What waits elsewhere has its own copy of what is watched. */
  #lookAgain(): void {
    if (this.#isAway) this.wake();
  }

  wait(milliseconds: number): number {
    const [readable, writable] = this.#prepare();
    // struct timeval, whose members have 32 bits.
    const time = new Int32Array([
      Math.trunc(milliseconds / 1_000),
      Math.trunc((milliseconds % 1_000) * 1_000),
    ]);
    const count = this.#lib.select(0, readable, writable, null, time);
    if (count < 0) throw new SystemError("select", this.#lib.WSAGetLastError());
    return count;
  }

  async waitElsewhere(): Promise<number> {
    const [readable, writable] = this.#prepare();
    this.#isAway = true;
    const count = await this.#lib.select_elsewhere(0, readable, writable, null, null);
    this.#isAway = false;
    // One of them was closed meanwhile, or what is wrong is wrong now as well.
    return count < 0 ? this.wait(0) : count;
  }

  #prepare(): readonly [FdSet, FdSet] {
    const all = [...this.#watched.values()];
    const those = (event: number) => all.flatMap(({ fd, events }) => events & event ? [fd] : []);
    const sets = [setOf([this.#waker, ...those(Ready.READ)]), setOf(those(Ready.WRITE))] as const;
    this.#last = { ids: new Map(all.map(({ fd, id }) => [fd, id])), sets };
    return sets;
  }

  tell(count: number, ready: (id: number, events: number) => void): void {
    if (count === 0) return;
    const { ids, sets: [readable, writable] } = this.#last;
    const told = new Map<number, number>();
    for (const fd of membersOf(readable)) told.set(fd, Ready.READ);
    for (const fd of membersOf(writable)) told.set(fd, (told.get(fd) ?? 0) | Ready.WRITE);
    if (told.delete(this.#waker)) this.#sockets.receive(this.#waker, new Uint8Array(1));
    for (const [fd, events] of told) ready(ids.get(fd)!, events);
  }

  wake(): void {
    this.#sockets.send(this.#waker, BYTE);
  }

  close(): void {
    this.#sockets.close(this.#waker);
  }
}

function setOf(fds: readonly number[]): FdSet {
  return BigUint64Array.from([fds.length, ...fds], BigInt);
}

function membersOf(set: FdSet): number[] {
  return [...set.subarray(1, 1 + Number(set[0]))].map(Number);
}
