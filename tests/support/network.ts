/** A daemon that listens on the network of this machine, and callers with certificates. */
import { utf8 } from "../../core/bytes.ts";
import { installed } from "../cli/support.ts";
import { Authority, type Certified, SERVER, startOpenssl } from "./certificates.ts";
import {
  codeOf,
  type DaemonProcess,
  Peer,
  Place,
  startDaemon,
  type StartOptions,
} from "./daemon.ts";
import { kill, run } from "./process.ts";

/** The names that {@link NetworkPlace} lets in. */
export const CLIENT = { names: "URI:spiffe://test/worker,DNS:worker.test", usage: "clientAuth" };
const CLIENTS = ["URI:spiffe://test/worker", "DNS:other.test"];

/** What is asked of a daemon that should not answer. */
export const QUESTION = '{"jsonrpc":"2.0","id":1,"method":"encrypt","params":{"text":"hello"}}\n';

/** The directories of a daemon, its authority and its certificates. */
export class NetworkPlace implements Disposable {
  private constructor(
    readonly place: Place,
    readonly authority: Authority,
    readonly server: Certified,
  ) {}

  static async make(): Promise<NetworkPlace> {
    const place = new Place();
    place.makeOwn();
    const authority = await Authority.make(`${place.directory}/ca`, "test");
    const network = new NetworkPlace(place, authority, await authority.issue(SERVER));
    network.configure();
    return network;
  }

  /** Writes the configuration. */
  configure(
    { certificate, key }: Certified = this.server,
    clients: readonly string[] = CLIENTS,
    more = "",
  ): void {
    const copies = { certificate: "server.crt", key: "server.key" };
    Deno.copyFileSync(certificate, `${this.place.config}/${copies.certificate}`);
    Deno.copyFileSync(key, `${this.place.config}/${copies.key}`);
    const settings = {
      listen: "tls://127.0.0.1:0",
      ...copies,
      ca: this.authority.certificate,
      revoked: this.authority.revoked,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = "${value}"\n`);
    const text = `[network]\n${lines.join("")}clients = ${JSON.stringify(clients)}\n${more}`;
    Deno.writeTextFileSync(`${this.place.config}/crypto.toml`, text);
  }

  async start(options: StartOptions = {}): Promise<NetworkDaemon> {
    return new NetworkDaemon(await startDaemon({ ...options, place: this.place }), this);
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

/** What became of a caller by OpenSSL. */
export interface Heard {
  /** What the daemon said. */
  readonly answer: string;
  /** What OpenSSL says of the connection. */
  readonly said: string;
}

/** The daemon, running. */
export class NetworkDaemon implements AsyncDisposable {
  constructor(readonly process: DaemonProcess, readonly network: NetworkPlace) {}

  get port(): number {
    const [, port] = / and tls:\/\/127\.0\.0\.1:(\d+)$/m.exec(this.process.stderr) ?? [];
    if (port === undefined) throw new Error(`no port: ${this.process.stderr}`);
    return Number(port);
  }

  /** Connects by the runtime's own TLS. */
  async connect(client: Certified): Promise<Peer> {
    return await connectAt(this.port, this.network.authority.certificate, client);
  }

  /** Connects by OpenSSL, asks, and waits until the daemon hangs up. */
  async ask(args: readonly string[], shown?: Certified): Promise<Heard> {
    const own = shown ? ["-cert", shown.certificate, "-key", shown.key] : [];
    const to = [
      "-connect",
      `localhost:${this.port}`,
      "-CAfile",
      this.network.authority.certificate,
    ];
    const command = ["openssl", "s_client", ...to, ...own, "-ign_eof", ...args];
    const { stdout, stderr } = await run(command, { stdin: QUESTION });
    return {
      answer: stdout.split("\n").filter((line) => line.startsWith("{")).join("\n"),
      said: stdout + stderr,
    };
  }

  /** What OpenSSL hears when it asks as a client: `served`, the code of an error, or nothing. */
  async fate(client: Certified, ...args: readonly string[]): Promise<string> {
    return await fateAt(this.port, this.network.authority.certificate, client, args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/**
 * Connects by the runtime's own TLS.
 * @param authority the path of the server's authority
 */
export async function connectAt(
  port: number,
  authority: string,
  { certificate, key }: Certified,
): Promise<Peer> {
  const [cert, own, ca] = [certificate, key, authority].map((path) => Deno.readTextFileSync(path));
  const server = { hostname: "localhost", port };
  return new Peer(await Deno.connectTls({ ...server, cert: cert!, key: own!, caCerts: [ca!] }));
}

/**
 * What OpenSSL hears when it asks as a client: `served`, the code of an error, or nothing.
 * @param authority the path of the server's authority
 */
export async function fateAt(
  port: number,
  authority: string,
  { certificate, key }: Certified,
  args: readonly string[],
): Promise<string> {
  const to = ["-connect", `localhost:${port}`, "-cert", certificate, "-key", key];
  const child = startOpenssl("s_client", "-quiet", "-CAfile", authority, ...to, ...args);
  const writer = child.stdin.getWriter();
  // Who is refused has gone, perhaps.
  await writer.write(utf8(QUESTION)).catch(() => undefined);
  let said = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (said.endsWith("\n")) break;
  }
  kill(child, "SIGKILL");
  await writer.close().catch(() => undefined);
  await child.status;
  if (said === "") return said;
  const answer = JSON.parse(said);
  return answer.error ? codeOf(answer) : "served";
}

/** Why there can be no such daemon, if so. */
export const NO_NETWORK: string | undefined = await installed("openssl");

/** Registers a test with a daemon that listens on the network; says so where there can be none. */
export function networkTest(name: string, fn: (daemon: NetworkDaemon) => Promise<void>): void {
  if (NO_NETWORK) console.log(`SKIP: ${name}: ${NO_NETWORK}`);
  Deno.test({
    name,
    ignore: NO_NETWORK !== undefined,
    async fn() {
      using network = await NetworkPlace.make();
      await using daemon = await network.start();
      await fn(daemon);
    },
  });
}
