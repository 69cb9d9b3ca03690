/** A machine with nginx, the program, a certificate and a CA that it trusts. Needs root. */
import { mustDeno, PROJECT } from "../../tools/process.ts";
import {
  compiledProgram,
  type Ended,
  exec,
  must,
  plainEnvironment,
  run,
  type RunOptions,
} from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { debianRoot, type Release } from "./debian.ts";
import { childOf, Service } from "./service.ts";

const SCRIPT = new URL("machine.sh", import.meta.url).pathname;

/** The site's name, which in it leads to the machine itself. */
export const DOMAIN = "share.example.org";
/** The daemon's name, when it is reached over the network. */
export const KEYS = "keys.example.org";
const HOSTS = `127.0.0.1 localhost ${DOMAIN}\n::1 localhost ${DOMAIN}\n`;
/** Who runs the share server. nginx's user is in that group. */
const SHARE = 61_001;
const SOCKET = "/run/crypto-share/share.sock";
const DATA = "/var/lib/crypto-share";
const SERVE = ["--proxies", "unix", "--origin", `https://${DOMAIN}`, "--data", DATA];

/** Where a test listens for what the journal would be told. */
export const JOURNAL = "/run/journal.sock";
/** Whoever speaks no TLS is hung up on. */
const FRONT_ANSWERS = [52, 56];

/** What was answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** A machine, until it is disposed of. */
export class Machine implements AsyncDisposable {
  readonly #work: string;
  readonly #holder: Deno.ChildProcess;
  readonly #services: Service[] = [];
  #nginx: Service | undefined;
  #pid = 0;

  private constructor(root: string, readonly release: Release) {
    this.#work = Deno.makeTempDirSync({ prefix: "ctn-" });
    const binds = [compiledProgram(), "/usr/bin/crypto", Deno.execPath(), "/usr/bin/deno"];
    const unshare = ["--mount", "--net", "--pid", "--fork", "--propagation", "private"];
    this.#holder = new Deno.Command("unshare", {
      args: [...unshare, "--kill-child", "sh", SCRIPT, root, this.#work, ...binds],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  }

  /** A machine with the nginx of a release. */
  static async start(release: Release): Promise<Machine> {
    const root = await debianRoot(release);
    if (typeof root !== "string") throw new Error(root.skip);
    const machine = new Machine(`${root}/root`, release);
    const { value } = await machine.#holder.stdout.getReader().read();
    if (new TextDecoder().decode(value) !== "ready\n") throw new Error("the machine did not start");
    machine.#pid = await childOf(machine.#holder.pid);
    await machine.#furnish();
    return machine;
  }

  /** The path, from outside, of a file inside. */
  at(path: string): string {
    return `/proc/${this.#pid}/root${this.#work}/root${path}`;
  }

  /** Everything that has been written inside. */
  get written(): string {
    return `/proc/${this.#pid}/root${this.#work}/upper`;
  }

  /** The arguments of a command that runs on it, as root unless a user and group are given. */
  inside(command: readonly string[], user?: number): string[] {
    const who = user === undefined ? [] : [`--userspec=${user}:${user}`];
    const enter = ["nsenter", `--target=${this.#pid}`, "--mount", "--net", "--pid"];
    return [...enter, "--", "chroot", ...who, `${this.#work}/root`, ...command];
  }

  /** The arguments of a command of this machine's that runs in the other one's network. */
  connected(command: readonly string[]): string[] {
    return ["nsenter", `--target=${this.#pid}`, "--net", "--", ...command];
  }

  run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return run(this.inside(command), options);
  }

  must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(this.inside(command), options);
  }

  /** Runs a script of this folder's in Deno; gives what it printed. */
  async deno(script: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    const env = { ...plainEnvironment(), HOME: "/tmp", DENO_TLS_CA_STORE: "system" };
    return await this.must([...await this.#script(script), ...args], { env, ...options });
  }

  /** Starts a script of this folder's in Deno. */
  async startDeno(script: string, args: readonly string[] = []): Promise<Service> {
    return this.start([...await this.#script(script), ...args]);
  }

  /** What runs a script of this folder's. */
  async #script(name: string): Promise<string[]> {
    const path = `/tmp/${name}`;
    const bundle = ["bundle", "--quiet", "--platform", "deno", "--output", this.at(path)];
    await mustDeno([...bundle, `${PROJECT}/tests/nginx/${name}`], { cwd: PROJECT });
    const allowed = ["--no-config", "--no-check", "--allow-all", "--unstable-net"];
    return ["/usr/bin/deno", "run", ...allowed, path];
  }

  /** Asks with curl, as whoever has the machine's own addresses. */
  async ask(args: readonly string[], options: RunOptions = {}): Promise<Answer> {
    // An answer before the end of a long body is one, whatever then becomes of the connection.
    const { stdout, stderr } = await this.run(["curl", "--silent", "--include", ...args], options);
    const [head = "", ...body] = stdout.split("\r\n\r\n");
    const [first = "", ...lines] = head.split("\r\n");
    const status = Number(first.split(" ")[1]);
    if (!(status > 0)) throw new Error(`no answer: ${args.join(" ")} ${stderr}`);
    const headers = new Headers(lines.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }));
    return { status, headers, body: body.join("\r\n\r\n") };
  }

  /** Posts to the API, over TLS. */
  post(call: string, body: string | Uint8Array, ...args: readonly string[]): Promise<Answer> {
    const type = ["--header", "content-type: application/json", "--header", "expect:"];
    const url = `https://${DOMAIN}/api/${call}`;
    return this.ask(["--data-binary", "@-", ...type, ...args, url], { stdin: body });
  }

  /** Runs `crypto` as a stranger who trusts the certificates of the machine. */
  crypto(args: readonly string[], options: RunOptions = {}) {
    const env = {
      ...plainEnvironment(),
      HOME: "/tmp",
      DENO_TLS_CA_STORE: "system",
      CRYPTO_SHARE_SERVER: `https://${DOMAIN}`,
    };
    return exec(this.inside(["/usr/bin/crypto", ...args]), { env, ...options });
  }

  async #furnish(): Promise<void> {
    this.resolve(KEYS, "127.0.0.1");
    Deno.writeTextFileSync(this.at("/etc/group"), `crypto-share:x:${SHARE}:www-data\n`, {
      append: true,
    });
    for (const path of ["/run/crypto-share", DATA]) {
      Deno.mkdirSync(this.at(path), { recursive: true });
      Deno.chmodSync(this.at(path), path.startsWith("/run") ? 0o750 : 0o700);
      Deno.chownSync(this.at(path), SHARE, SHARE);
    }
    await this.#certify();
  }

  /** Makes a CA, which the machine trusts, and a certificate by it where certbot would put one. */
  async #certify(): Promise<void> {
    const live = `/etc/letsencrypt/live/${DOMAIN}`;
    Deno.mkdirSync(this.at(live), { recursive: true });
    Deno.mkdirSync(this.at("/etc/ssl/certs"), { recursive: true });
    const ca = "/etc/ssl/certs/ca-certificates.crt";
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-sha256"];
    const request = ["openssl", "req", "-x509", ...key];
    await this.must([
      ...[...request, "-days", "80", "-subj", "/CN=Test CA", "-keyout", "/root/ca.key", "-out", ca],
      ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    ]);
    await this.must([
      ...[...request, "-days", "80", "-subj", `/CN=${DOMAIN}`, "-CA", ca, "-CAkey", "/root/ca.key"],
      ...["-keyout", `${live}/privkey.pem`, "-out", `${live}/fullchain.pem`],
      ...["-addext", `subjectAltName=DNS:${DOMAIN}`, "-addext", "extendedKeyUsage=serverAuth"],
      ...["-addext", "keyUsage=critical,digitalSignature"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-addext", `crlDistributionPoints=URI:http://${DOMAIN}/ca.crl`],
    ]);
  }

  /**
   * Puts the configuration where `docs/operations.md` says, as the program prints it for this nginx,
   * and starts nginx anew.
   * @param change what a test does to it besides
   */
  async serve(flags: readonly string[] = [], change = (text: string) => text): Promise<void> {
    const versions = ["--nginx", this.release.nginx, "--openssl", this.release.openssl];
    const text = await this.#printed(["share", "nginx", "--domain", DOMAIN, ...versions, ...flags]);
    Deno.writeTextFileSync(this.at("/etc/nginx/conf.d/crypto-share.conf"), change(text));
    await this.#startNginx("http://127.0.0.1/");
  }

  /**
   * The same with the configuration for the network mode, where `docs/network.md` says. What it
   * tells the journal goes to a socket of this machine's.
   */
  async front(flags: readonly string[] = [], change = (text: string) => text): Promise<void> {
    const text = await this.#printed(["network", "nginx", "--domain", KEYS, ...flags]);
    const log = "server=unix:/dev/log,";
    if (!text.includes(log)) throw new Error("it does not go to the journal");
    const changed = change(text.replace(log, `server=unix:${JOURNAL},`));
    Deno.writeTextFileSync(this.at("/etc/nginx/modules-enabled/90-crypto-network.conf"), changed);
    await this.#startNginx("http://127.0.0.1:7400/", FRONT_ANSWERS);
  }

  async #printed(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.crypto(args);
    if (code !== 0) throw new Error(stderr);
    return new TextDecoder().decode(stdout);
  }

  async #startNginx(url: string, answers?: readonly number[]): Promise<void> {
    await this.#nginx?.[Symbol.asyncDispose]();
    this.#nginx = this.start(["/usr/sbin/nginx", "-g", "daemon off;"]);
    await this.#answers("nginx", [url], answers);
  }

  /** Has a name lead to an address of the machine's own: who asks comes from there, too. */
  resolve(name: string, address: string): void {
    Deno.writeTextFileSync(this.at("/etc/hosts"), `${HOSTS}${address} ${name}\n`);
  }

  /** nginx's processes. */
  async nginxPids(): Promise<number[]> {
    const master = await this.#nginx?.pid();
    const workers = await Deno.readTextFile(`/proc/${master}/task/${master}/children`);
    return [Number(master), ...workers.trim().split(" ").map(Number)];
  }

  /** Makes a directory one that nothing can be written in. */
  async readOnly(path: string): Promise<void> {
    const directory = `${this.#work}/root${path}`;
    const mounts = ["nsenter", `--target=${this.#pid}`, "--mount", "--", "mount"];
    await must([...mounts, "--bind", directory, directory]);
    await must([...mounts, "-o", "remount,bind,ro", directory]);
  }

  /** Starts a share server and waits until it answers. Several may serve, each at its socket. */
  async startShare(flags: readonly string[] = [], socket = SOCKET): Promise<Service> {
    const listen = ["--listen", `unix:${socket}`];
    const serve = ["/usr/bin/crypto", "share", "serve", ...listen, ...SERVE, ...flags];
    const share = this.start(serve, SHARE);
    const ask = ["--unix-socket", socket, `http://${DOMAIN}/healthz`];
    await this.#answers("the share server", ask);
    return share;
  }

  /** Starts a program that runs until it is disposed of, or the machine is. */
  start(command: readonly string[], user?: number): Service {
    const service = new Service(this.inside(command, user));
    this.#services.push(service);
    return service;
  }

  /** @param statuses how curl may end */
  async #answers(
    what: string,
    args: readonly string[],
    statuses: readonly number[] = [0],
  ): Promise<void> {
    const ask = ["curl", "--silent", "--output", "/dev/null", ...args];
    const isThere = async () => statuses.includes((await this.run(ask)).code);
    await eventually(`${what} answers`, isThere);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#services) await service[Symbol.asyncDispose]();
    await this.#holder.stdin.close();
    await this.#holder.status;
    Deno.removeSync(this.#work, { recursive: true });
  }
}
