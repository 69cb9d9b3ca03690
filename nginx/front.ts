/** What `crypto network nginx` is told, and the configuration for it. */
import { fill } from "./fill.ts";
import { DOMAIN, matching, wholeNumber, wrong } from "./flags.ts";
import frontText from "./network.conf" with { type: "text" };

/** Flags as they were given. */
export interface FrontFlags {
  readonly domain: string;
  readonly upstream?: string;
  readonly port?: string;
  readonly connections?: string;
}

/** All of it, checked. */
export interface Front {
  readonly domain: string;
  /** Address and port of the daemon. */
  readonly upstream: string;
  /** Where nginx listens, on every address of its machine. */
  readonly port: number;
  /** How many connections a client may have open. */
  readonly connections: number;
}

const UPSTREAM = /^(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\]):(\d{1,5})$/;
const LOOPBACK = /^(?:127\.|\[::1\])/;
const MOST_PORTS = 65_535;
/** What nginx can count. */
const MOST_CONNECTIONS = 65_535;

/** Checks every flag. @throws {CryptoError} `usage`, naming the flag and what it may be */
export function readFront(flags: FrontFlags): Front {
  const port = wholeNumber(flags.port ?? "7400", "--port", MOST_PORTS);
  return {
    domain: matching(flags.domain, "--domain", DOMAIN, "a name such as keys.example.org"),
    upstream: readUpstream(flags.upstream ?? "127.0.0.1:7401", port),
    port,
    connections: wholeNumber(flags.connections ?? "64", "--connections", MOST_CONNECTIONS),
  };
}

function readUpstream(text: string, own: number): string {
  const [, host = "", digits] = UPSTREAM.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 1 && port <= MOST_PORTS)) throw wrong("--upstream", "like 127.0.0.1:7401");
  if (port !== own || !LOOPBACK.test(host)) return text;
  throw wrong("--upstream", "at another port of this machine than --port, which is nginx's own");
}

/** The whole file. */
export function printedFront({ domain, upstream, port, connections }: Front): string {
  return fill(frontText, {
    domain,
    upstream,
    port: `${port}`,
    connections: `${connections}`,
  });
}
