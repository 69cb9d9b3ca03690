/** What waits for descriptors on this system, for tests that hold for each of them. */
import { EpollPoller } from "../../platform/epoll.ts";
import { KQUEUE, KqueuePoller } from "../../platform/kqueue.ts";
import { openLibc } from "../../platform/libc.ts";
import type { Poller } from "../../platform/poller.ts";

/** One kind, and how one of it is made. */
export interface PollerKind {
  readonly name: string;
  readonly make: () => Poller;
}

/**
 * Names a libkqueue, which does kqueue(2) over Linux's descriptors: the code for macOS then runs
 * here, too. No release of Debian that is kept has the package, so it is brought by hand.
 */
const LIBKQUEUE = Deno.env.get("CRYPTO_TEST_LIBKQUEUE");
/** The number of EVFILT_USER there, the one of those in use that is not Darwin's. */
const LIBKQUEUE_USER = -11;

/** Those that can be had. */
export const POLLERS: readonly PollerKind[] = [
  Deno.build.os === "darwin"
    ? { name: "kqueue", make: () => new KqueuePoller() }
    : { name: "epoll", make: () => new EpollPoller() },
  ...LIBKQUEUE === undefined ? [] : [{ name: "libkqueue", make: () => overLinux(LIBKQUEUE) }],
];

function overLinux(path: string): Poller {
  const { errno } = openLibc({ close: KQUEUE.close });
  return new KqueuePoller({ symbols: Deno.dlopen(path, KQUEUE).symbols, errno }, LIBKQUEUE_USER);
}
