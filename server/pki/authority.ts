/** A small certificate authority in a directory: making it, issuing, renewing, revoking. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { openUnderPassphrase, sealUnderPassphrase } from "../../core/passphrase.ts";
import { exists } from "../../platform/durable.ts";
import type { DurableExchange } from "../../platform/exchange.ts";
import { readSecret } from "../durable.ts";
import { publishIdentity } from "./identity.ts";
import { readName, requireLabel, requireSubject, requireWithin } from "./names.ts";
import { pem, unpem } from "./pem.ts";
import {
  type Entry,
  filesOf,
  isGood,
  readRegister,
  type Register,
  writeFile,
  writeRegister,
} from "./register.ts";
import { createAuthority, Signer } from "./x509.ts";

const DAY = 86_400_000;
const USE = { use: "ca-key" } as const;
const MAX_FILE = 65_536;

/** Days that certificates are good for unless something else is said. */
const LIFETIMES = { authority: 1_825, server: 90, client: 30 } as const;

const SERVERS_ARE_TRUSTED =
  "clients look at no list: they trust this server's certificates until " +
  "these expire; if a key of them was stolen, give the clients another authority";

/** What is to be done. */
export type PkiTask =
  | {
    readonly type: "init";
    readonly name: string;
    readonly days?: number | undefined;
    readonly domains: readonly string[];
  }
  | {
    readonly type: "issue";
    readonly label: string;
    readonly names: readonly string[];
    readonly purpose: Entry["purpose"];
    readonly days?: number | undefined;
  }
  | { readonly type: "renew"; readonly label: string; readonly days?: number | undefined }
  | { readonly type: "revoke"; readonly label: string };

/** What a task takes besides. */
export interface PkiMeans {
  readonly passphrase: string;
  readonly exchange: DurableExchange;
}

/**
 * Does it. Gives lines for people.
 * @throws {CryptoError} `decryption_failed` for another passphrase; `file_exists`, `usage`, `config`
 */
export async function performPki(
  directory: string,
  task: PkiTask,
  { passphrase, exchange }: PkiMeans,
): Promise<readonly string[]> {
  if (task.type === "init") return await init(directory, task, passphrase);
  const authority = await Authority.open(directory, passphrase);
  if (task.type === "revoke") return await authority.revoke(task.label);
  return task.type === "issue"
    ? await authority.issue(task, exchange)
    : await authority.renew(task, exchange);
}

async function init(
  directory: string,
  { name, days = LIFETIMES.authority, domains }: Extract<PkiTask, { type: "init" }>,
  passphrase: string,
): Promise<string[]> {
  const files = filesOf(directory);
  if (exists(files.register)) {
    const hint = "there is an authority here: name another --directory for a second one";
    throw new CryptoError("file_exists", { subject: files.register, hint });
  }
  const expires = new Date(Date.now() + days * DAY);
  const { certificate, key } = await createAuthority({
    name: requireSubject(name),
    expires,
    domains,
  });
  writeFile(files.key, await sealUnderPassphrase(passphrase, key, USE));
  writeFile(files.certificate, pem("CERTIFICATE", certificate));
  const list = await (await Signer.open(certificate, key)).list([], 1);
  writeFile(files.revoked, pem("X509 CRL", list));
  // The register comes last: without it there is no authority, and init can be repeated.
  writeRegister(directory, { version: 1, domains, lists: 1, issued: [] });
  return [
    `made the authority ${name}, good until ${day(expires.toISOString())}: ${files.certificate}`,
    `daemons need that file and ${files.revoked}; the key is under the passphrase, back both up`,
  ];
}

/** An authority whose key is open. */
class Authority {
  #register: Register;

  constructor(private readonly directory: string, private readonly signer: Signer) {
    this.#register = readRegister(directory);
  }

  static async open(directory: string, passphrase: string): Promise<Authority> {
    const files = filesOf(directory);
    readRegister(directory);
    const key = await openUnderPassphrase(passphrase, read(files.key), USE);
    return new Authority(directory, await Signer.open(unpem(read(files.certificate)), key));
  }

  async issue(
    task: Extract<PkiTask, { type: "issue" }>,
    exchange: DurableExchange,
  ): Promise<string[]> {
    const label = requireLabel(task.label);
    const last = this.#last(label);
    if (last && isGood(last, Date.now())) {
      const hint = "there is a good certificate of this label: see `crypto pki renew`";
      throw new CryptoError("file_exists", { subject: label, hint });
    }
    const names = task.names.length > 0 ? task.names : [label];
    return await this.#make({ label, names, purpose: task.purpose, days: task.days }, exchange);
  }

  /** A new key and a new certificate of the same names. The old one stays good until it expires. */
  async renew(
    { label, days }: Extract<PkiTask, { type: "renew" }>,
    exchange: DurableExchange,
  ): Promise<string[]> {
    const { names, purpose, revoked } = this.#mustHave(label);
    if (revoked !== undefined) {
      const hint = "it was revoked: if it is to have one all the same, see `crypto pki issue`";
      throw new CryptoError("usage", { subject: label, hint });
    }
    return await this.#make({ label, names, purpose, days }, exchange);
  }

  /** All certificates of a label that are still good. */
  async revoke(label: string): Promise<string[]> {
    const { purpose } = this.#mustHave(label);
    const now = Date.now();
    const when = new Date(now).toISOString();
    let count = 0;
    const issued = this.#register.issued.map((entry) => {
      if (entry.label !== label || !isGood(entry, now)) return entry;
      count++;
      return { ...entry, revoked: when };
    });
    this.#save({ issued });
    await this.#list();
    const { revoked } = filesOf(this.directory);
    const certificates = count === 1 ? "1 certificate" : `${count} certificates`;
    return [
      `revoked ${certificates} of ${label}: give ${revoked} to the daemons and reload them`,
      ...purpose === "server" ? [SERVERS_ARE_TRUSTED] : [],
    ];
  }

  /** Writes the list of what is revoked. */
  async #list(): Promise<void> {
    const number = this.#register.lists + 1;
    this.#save({ lists: number });
    const revoked = this.#register.issued.flatMap(({ serial, revoked }) => {
      return revoked === undefined ? [] : [{ serial, when: new Date(revoked) }];
    });
    const list = await this.signer.list(revoked, number);
    writeFile(filesOf(this.directory).revoked, pem("X509 CRL", list));
  }

  async #make(
    { label, names, purpose, days }: Pick<Entry, "label" | "names" | "purpose"> & {
      readonly days: number | undefined;
    },
    exchange: DurableExchange,
  ): Promise<string[]> {
    const files = filesOf(this.directory);
    if (this.signer.expires.getTime() <= Date.now()) {
      const hint = "the authority itself has expired: make another one in another --directory";
      throw new CryptoError("config", { subject: files.certificate, hint });
    }
    const parsed = names.map(readName);
    requireWithin(this.#register.domains, label, parsed);
    const wanted = Date.now() + (days ?? LIFETIMES[purpose]) * DAY;
    const expires = new Date(Math.min(wanted, this.signer.expires.getTime()));
    const made = await this.signer.issue({ name: label, expires, names: parsed, purpose });
    const about = { label, purpose, names, serial: made.serial };
    const entry = { ...about, issued: new Date().toISOString(), expires: expires.toISOString() };
    // First in the register: no certificate is ever good without being there to be revoked.
    this.#save({ issued: [...this.#register.issued, entry] });
    const directory = files.identity(label);
    const texts = {
      "ca.pem": read(files.certificate),
      "key.pem": pem("PRIVATE KEY", made.key),
      "cert.pem": pem("CERTIFICATE", made.certificate),
    };
    publishIdentity(directory, files.newIdentity(label), texts, exchange);
    return [`issued ${label} (${purpose}), good until ${day(entry.expires)}: ${directory}`];
  }

  #save(change: Partial<Register>): void {
    this.#register = { ...this.#register, ...change };
    writeRegister(this.directory, this.#register);
  }

  #last(label: string): Entry | undefined {
    return this.#register.issued.findLast((entry) => entry.label === label);
  }

  #mustHave(label: string): Entry {
    const entry = this.#last(label);
    if (entry) return entry;
    throw new CryptoError("usage", {
      subject: label,
      hint: "see `crypto pki list` for the labels",
    });
  }
}

function read(path: string): Bytes {
  const bytes = readSecret(path, MAX_FILE);
  if (bytes) return bytes;
  throw new CryptoError("config", { subject: path, hint: "it is missing: restore the authority" });
}

function day(time: string): string {
  return time.slice(0, 10);
}
