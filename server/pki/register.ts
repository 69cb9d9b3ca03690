/** The register of an authority: what it has issued and revoked. Nothing in it is secret. */
import { type Bytes, fromUtf8, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { renameDurably } from "../../platform/durable.ts";
import { readSecret, writeDurably } from "../durable.ts";

/** One certificate. */
export interface Entry {
  readonly label: string;
  readonly purpose: "client" | "server";
  /** As they were given. The policy of a daemon knows it by one of them. */
  readonly names: readonly string[];
  /** In hexadecimal. */
  readonly serial: string;
  /** Times in ISO 8601. */
  readonly issued: string;
  readonly expires: string;
  readonly revoked?: string | undefined;
}

/** All of it. */
export interface Register {
  readonly version: 1;
  /** Domains that the authority is for; any if there are none. */
  readonly domains: readonly string[];
  /** How many lists of revoked certificates have been made. */
  readonly lists: number;
  readonly issued: readonly Entry[];
}

const MAX_BYTES = 64 * 1024 * 1024;
const MODE = 0o600;

/** The files of an authority. */
export function filesOf(directory: string) {
  return {
    certificate: `${directory}/ca.pem`,
    key: `${directory}/ca.key.crypto`,
    revoked: `${directory}/revoked.pem`,
    register: `${directory}/register.json`,
    lock: `${directory}/lock`,
    identity: (label: string) => `${directory}/issued/${label}`,
    /** No label begins like this. */
    newIdentity: (label: string) => `${directory}/issued/.${label}.new`,
  };
}

/** @throws {CryptoError} `config` if there is none, or it is not one */
export function readRegister(directory: string): Register {
  const path = filesOf(directory).register;
  const bytes = readSecret(path, MAX_BYTES);
  if (!bytes) {
    const hint = "there is no authority here: make one with `crypto pki init`";
    throw new CryptoError("config", { subject: directory, hint });
  }
  try {
    const register = JSON.parse(fromUtf8(bytes)) as Register;
    if (register.version === 1 && Array.isArray(register.issued)) return register;
  } catch {
    // Said below.
  }
  throw new CryptoError("config", { subject: path, hint: "this is no register: restore it" });
}

export function writeRegister(directory: string, register: Register): void {
  writeFile(filesOf(directory).register, utf8(JSON.stringify(register, null, 2) + "\n"));
}

/** Writes a file beside its name and gives it the name: one whole file is there at every moment. */
export function writeFile(path: string, bytes: Bytes): void {
  writeDurably(`${path}.new`, bytes, undefined, MODE);
  renameDurably(`${path}.new`, path);
}

/** Whether a certificate is still good, at a time in milliseconds. */
export function isGood({ revoked, expires }: Entry, now: number): boolean {
  return revoked === undefined && Date.parse(expires) > now;
}
