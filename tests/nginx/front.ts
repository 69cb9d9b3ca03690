/** A daemon that is reached over the network through nginx, and callers with certificates. */
import { Authority, type Certified } from "../support/certificates.ts";
import type { LogLine } from "../support/daemon.ts";
import { type NetworkDaemon, NetworkPlace, NO_NETWORK, QUESTION } from "../support/network.ts";
import { type Ended, plainEnvironment, type RunOptions } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { JOURNAL, KEYS, type Machine } from "./machine.ts";
import type { Service } from "./service.ts";
import { nginxTest } from "./support.ts";

export const PORT = 7_400;
const SERVER = { names: `DNS:${KEYS}`, usage: "serverAuth" };
const DAEMON = "tls://127.0.0.1:7401";
const JOURNAL_FILE = "/var/log/journal.txt";

/** A daemon on a machine's network, and what is between it and its callers. */
export class Front implements AsyncDisposable {
  #identities = 0;

  private constructor(
    readonly machine: Machine,
    readonly network: NetworkPlace,
    readonly daemon: NetworkDaemon,
    readonly journal: Service,
  ) {}

  /** Starts a daemon and a journal; nginx is the test's to start. */
  static async start(machine: Machine): Promise<Front> {
    const network = await NetworkPlace.make();
    network.configure(await network.authority.issue(SERVER));
    const daemon = await startBehind(machine, network);
    for (const path of [JOURNAL, JOURNAL_FILE]) await Deno.remove(machine.at(path)).catch(() => {});
    const journal = await machine.startDeno("journal.ts", [JOURNAL, JOURNAL_FILE]);
    await eventually("the journal listens", () => isThere(machine.at(JOURNAL)));
    return new Front(machine, network, daemon, journal);
  }

  get authority(): Authority {
    return this.network.authority;
  }

  /** Starts the daemon again, where it was. */
  startDaemon(): Promise<NetworkDaemon> {
    return startBehind(this.machine, this.network);
  }

  /** Has the daemon read certificates, lists and configuration again. */
  async reload(): Promise<void> {
    const { process } = this.daemon;
    const reloads = () => process.stderr.split("crypto: reloaded").length;
    const before = reloads();
    process.signal("SIGHUP");
    await eventually("it has reloaded", () => reloads() > before);
  }

  /** Puts a certificate on the machine: a directory as `--identity` takes it. */
  async identity({ certificate, key }: Certified): Promise<string> {
    const directory = `/root/identity-${++this.#identities}`;
    const outside = this.machine.at(directory);
    await Deno.remove(outside, { recursive: true }).catch(() => {});
    await Deno.mkdir(outside, { mode: 0o700 });
    await Deno.copyFile(certificate, `${outside}/cert.pem`);
    await Deno.copyFile(key, `${outside}/key.pem`);
    await Deno.copyFile(this.authority.certificate, `${outside}/ca.pem`);
    return directory;
  }

  /** Runs `crypto` on the machine, which asks the daemon by nginx's name. */
  crypto(identity: string, args: readonly string[], options: RunOptions = {}) {
    const server = { CRYPTO_SERVER: `tls://${KEYS}:${PORT}`, CRYPTO_IDENTITY: identity };
    return this.machine.crypto(args, {
      env: { ...plainEnvironment(), HOME: "/tmp", ...server },
      ...options,
    });
  }

  /** How `crypto status` ends, from an address of the machine's. */
  async status(identity: string, from = "127.0.0.1"): Promise<number> {
    this.machine.resolve(KEYS, from);
    return (await this.crypto(identity, ["status"])).code;
  }

  /** Connects by the release's OpenSSL, asks, and waits until the other end hangs up. */
  ask(identity: string | undefined, ...args: readonly string[]): Promise<Ended> {
    const own = ["-cert", `${identity}/cert.pem`, "-key", `${identity}/key.pem`];
    const named = args.some((arg) => /^-(no)?servername$/.test(arg));
    const to = ["-connect", `127.0.0.1:${PORT}`, ...(named ? [] : ["-servername", KEYS])];
    const connect = ["openssl", "s_client", "-ign_eof", ...to, ...(identity ? own : [])];
    return this.machine.run([...connect, ...args], { stdin: QUESTION });
  }

  /** The daemon's lines about who was not let in, once there are so many. */
  async refusals(count: number): Promise<LogLine[]> {
    const lines = () => this.network.place.log().filter(({ op }) => op === "connect");
    await eventually("the refusals are in the log", () => lines().length >= count);
    return lines();
  }

  /** What the journal was told so far. */
  async journalLines(): Promise<string[]> {
    return (await Deno.readTextFile(this.machine.at(JOURNAL_FILE)).catch(() => "")).split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.journal[Symbol.asyncDispose]();
    this.network[Symbol.dispose]();
  }
}

/** On the machine's network, with this one's files. */
function startBehind(machine: Machine, network: NetworkPlace): Promise<NetworkDaemon> {
  return network.start({ args: ["--listen", DAEMON], wrapper: machine.connected([]) });
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Registers a test for each release, or says why there is none. */
export async function frontTest(name: string, fn: (front: Front) => Promise<void>): Promise<void> {
  await nginxTest(name, async (machine) => {
    await using front = await Front.start(machine);
    await fn(front);
  }, { missing: NO_NETWORK });
}
