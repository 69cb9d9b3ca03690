/** Certificates made by OpenSSL, whose command line is Debian's. */
import { kill, must, plainEnvironment } from "./process.ts";
import { soon } from "./wait.ts";

/** How a certificate is made. */
export interface CertificateOptions {
  /** Subject alternative names, as OpenSSL writes them: `URI:…`, `DNS:…`, `IP:…`. */
  readonly names: string;
  /** Extended key usage; "" for none. */
  readonly usage: string;
  /** Days from now on; not positive for what has expired. */
  readonly days?: number | undefined;
  /** How OpenSSL makes the key; ECDSA on P-256 unless something else is said. */
  readonly newKey?: readonly string[] | undefined;
}

/** For a server that is asked on this machine. */
export const SERVER: CertificateOptions = {
  names: "DNS:localhost,IP:127.0.0.1",
  usage: "serverAuth",
};

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/** A certificate and its key: paths of files. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority in a directory of its own. */
export class Authority {
  #made = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(readonly directory: string, readonly name: string) {}

  /** @param issuer of an intermediate one; a root issues itself */
  static async make(directory: string, name: string, issuer?: Authority): Promise<Authority> {
    await Deno.mkdir(directory);
    const authority = new Authority(directory, name);
    const { certificate, key } = authority;
    const extensions = [
      "basicConstraints=critical,CA:true",
      "keyUsage=critical,keyCertSign,cRLSign",
    ];
    const added = extensions.flatMap((extension) => ["-addext", extension]);
    const out = ["-keyout", key, "-out", certificate, "-days", "30", "-subj", `/CN=${name}`];
    const by = issuer ? ["-CA", issuer.certificate, "-CAkey", issuer.key] : [];
    await openssl("req", "-x509", "-nodes", ...NEW_KEY, ...out, ...added, ...by);
    Deno.writeTextFileSync(`${directory}/index.txt`, "");
    Deno.writeTextFileSync(`${directory}/ca.cnf`, configuration(directory, authority));
    await authority.list();
    return authority;
  }

  get certificate(): string {
    return `${this.directory}/ca.crt`;
  }

  get key(): string {
    return `${this.directory}/ca.key`;
  }

  /** The list of what it has revoked. */
  get revoked(): string {
    return `${this.directory}/revoked.crl`;
  }

  /** Makes a certificate, whose files are readable by this user alone. */
  async issue(
    { names, usage, days = 7, newKey = NEW_KEY }: CertificateOptions,
  ): Promise<Certified> {
    const base = `${this.directory}/${++this.#made}`;
    const [key, request, certificate] = [`${base}.key`, `${base}.csr`, `${base}.crt`];
    const out = ["-keyout", key, "-out", request, "-subj", `/CN=${this.#made}`];
    await openssl("req", "-nodes", ...newKey, ...out);
    const purpose = usage === "" ? "" : `extendedKeyUsage=${usage}\n`;
    const extensions = `subjectAltName=${names}\nbasicConstraints=CA:false\n${purpose}`;
    Deno.writeTextFileSync(`${base}.ext`, extensions);
    const dates = ["-startdate", date(-20), "-enddate", date(days)];
    const signed = ["-in", request, "-out", certificate, "-extfile", `${base}.ext`, "-notext"];
    await this.#ca(...signed, ...dates);
    for (const path of [key, certificate]) Deno.chmodSync(path, 0o600);
    return { certificate, key };
  }

  async revoke({ certificate }: Certified): Promise<void> {
    await this.#ca("-revoke", certificate);
    await this.list();
  }

  /** Writes the list, good for some days; not positive for one that is out of date. */
  async list(days: number = 7): Promise<void> {
    const dates = ["-crl_lastupdate", date(-20), "-crl_nextupdate", date(days)];
    await this.#ca("-gencrl", "-out", this.revoked, ...dates);
  }

  /** One after the other: they share a file. */
  async #ca(...args: readonly string[]): Promise<void> {
    const command = ["ca", "-batch", "-config", `${this.directory}/ca.cnf`, ...args];
    this.#last = this.#last.then(() => openssl(...command));
    await this.#last;
  }
}

function configuration(directory: string, { certificate, key }: Authority): string {
  return `[ca]
default_ca = own
[own]
database = ${directory}/index.txt
new_certs_dir = ${directory}
certificate = ${certificate}
private_key = ${key}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
`;
}

const DAY = 86_400_000;

/** YYYYMMDDHHMMSSZ, some days from now. */
function date(days: number): string {
  const iso = new Date(Date.now() + days * DAY).toISOString();
  return iso.slice(0, 19).replaceAll(/[-:T]/g, "") + "Z";
}

/** Runs OpenSSL, which must succeed. */
export async function openssl(...args: readonly string[]): Promise<string> {
  return await must(["openssl", ...args], { env: plainEnvironment() });
}

/** Starts OpenSSL, which is written to and read from. */
export function startOpenssl(...args: readonly string[]) {
  const pipes = { stdin: "piped", stdout: "piped", stderr: "null" } as const;
  const env = plainEnvironment();
  return new Deno.Command("openssl", { args: [...args], env, clearEnv: true, ...pipes }).spawn();
}

/** Runs OpenSSL as a server on this machine while something is done. It answers nothing by itself. */
export async function serving(
  args: readonly string[],
  use: (port: number) => Promise<void>,
): Promise<void> {
  // The end of its standard input, which stays open, would be that of the connections, too.
  const child = startOpenssl("s_server", "-accept", "127.0.0.1:0", ...args);
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let said = "";
    const port = () => /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    while (port() === undefined) said += (await soon("its port", output.read())).value;
    await use(Number(port()));
  } finally {
    kill(child, "SIGKILL");
    await child.status;
    await child.stdin.close().catch(() => undefined);
    await output.cancel();
  }
}
