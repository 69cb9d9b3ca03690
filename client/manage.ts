/** `crypto key` and `crypto status`: what is asked, and how the answer is shown. */
import { fromBase64Url } from "../core/base64.ts";
import { type Bytes, fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { readFernetKey } from "../core/fernet.ts";
import type { Purpose } from "../core/lifecycle.ts";
import { printable } from "../core/printable.ts";
import type { KeyInfo, Stale, StatusResult, VersionInfo } from "../core/rpc.ts";
import { Pipes } from "../platform/files.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { connectBound } from "./bound.ts";
import { STANDARD } from "./flags.ts";
import { type Input, openInput } from "./files.ts";
import type { DaemonFlags } from "./identity.ts";
import type { KeyService } from "./keyservice.ts";
import { readUpTo } from "./stream.ts";
import { formatBytes } from "./terminal.ts";

/** What all of these commands are told. */
export interface ManageFlags extends DaemonFlags {
  readonly json: boolean;
}

/** What `status` is told besides. */
export interface StatusFlags extends ManageFlags {
  readonly check: boolean;
}

/** What `key create` and `key import` are told besides. */
export interface PurposeFlags extends ManageFlags {
  readonly purpose: Purpose;
}

/** Prints on standard output. */
export type Print = (data: string | Uint8Array) => void;

/** Asks the daemon with nothing but the connection in hand, and shows the answer. */
export async function ask<T>(
  flags: ManageFlags,
  print: Print,
  question: (service: KeyService) => Promise<T>,
  show: (answer: T) => string,
): Promise<T> {
  forbidCoreDumps();
  const service = await connectBound(flags);
  dropAllPermissions();
  const answer = await question(service);
  service.close();
  print((flags.json ? JSON.stringify(answer, null, 2) : show(answer)) + "\n");
  return answer;
}

/** `crypto status`. @throws {CryptoError} `sealed`, where that is to be checked */
export async function status(flags: StatusFlags, print: Print): Promise<void> {
  const { sealed } = await ask(flags, print, (service) => service.status(), showStatus);
  if (flags.check && sealed) throw new CryptoError("sealed");
}

/** `crypto key list`. */
export async function listKeys(flags: ManageFlags, print: Print): Promise<void> {
  await ask(flags, print, (service) => service.keys(), showKeys);
}

/** `crypto key create`. */
export async function createKey(flags: PurposeFlags, print: Print, name: string): Promise<void> {
  await ask(flags, print, (service) => service.createKey(name, flags.purpose), (key) => {
    return `created ${key.key} (${flags.purpose}), version ${key.version}, id ${key.id}`;
  });
}

/** `crypto key rotate`. */
export async function rotateKey(flags: ManageFlags, print: Print, name: string): Promise<void> {
  await ask(flags, print, (service) => service.rotateKey(name), (key) => {
    return `rotated ${key.key}: version ${key.version}, id ${key.id}, encrypts from now on`;
  });
}

/** `crypto key import`: the key comes from a file or standard input, never from an argument. */
export async function importKey(
  flags: PurposeFlags,
  print: Print,
  name: string,
  file: string = STANDARD,
): Promise<void> {
  const input = openInput(file, new Pipes());
  const question = async (service: KeyService) => {
    return await service.createKey(name, flags.purpose, await readKey(input, flags.purpose));
  };
  await ask(flags, print, question, (key) => {
    return `imported ${key.key} (${flags.purpose}), version ${key.version}, id ${key.id}`;
  });
}

const MAX_KEY_FILE = 1_024;

/** A key as text: base64url of 32 bytes; for Fernet padded, as `Fernet.generate_key` gives it. */
async function readKey(input: Input, purpose: Purpose): Promise<Bytes> {
  const bytes = await readUpTo(input, MAX_KEY_FILE);
  try {
    const text = fromUtf8(bytes).trim();
    return purpose === "fernet" ? readFernetKey(text) : fromBase64Url(text);
  } catch {
    const hint = purpose === "fernet"
      ? "a Fernet key is 44 characters of base64url, as Fernet.generate_key() gives it"
      : "a key is 43 characters of base64url without padding: 32 bytes";
    throw new CryptoError("malformed", { subject: input.name, hint });
  }
}

function showStatus(status: StatusResult): string {
  const lines = [
    `crypto ${status.version}, running as a ${status.mode} service for ${status.uptime} s`,
    `keys:        ${status.sealed ? "sealed: see `crypto unseal`" : status.keys}`,
    `sealed by:   ${SEALING[status.sealing]}`,
    `connections: ${status.connections}`,
    `engine:      ${status.engine}`,
    ...status.stale.map(showStale),
    ...status.warnings.map((warning) => `note: ${warning}`),
  ];
  return lines.join("\n");
}

function showStale({ part, since, problem }: Stale): string {
  const why = printable(problem ?? "its administrators see which");
  return `stale:       the ${part}, since ${since}: the one before is in force, since the new one ` +
    `has a mistake: ${why}`;
}

const SEALING: Readonly<Record<StatusResult["sealing"], string>> = {
  file: "a key file in another directory (it stops neither root nor who copies both directories)",
  credential: "a systemd credential (it stops neither root here nor, without a TPM, who has the " +
    "whole disk)",
  passphrase: "a passphrase, typed after each start (it does not stop root from reading memory)",
};

function showKeys(keys: readonly KeyInfo[]): string {
  const rows = keys.flatMap(({ name, purpose, encrypts, versions }) => {
    return versions.map((one) => [
      ...[name, purpose, String(one.version), one.id, one.created.slice(0, 10)],
      ...[describeState(one, purpose, encrypts), String(one.encrypted), String(one.decrypted)],
      ...[formatBytes(one.bytes), one.lastUsed?.slice(0, 10) ?? "never"],
    ]);
  });
  const titles = ["NAME", "PURPOSE", "VERSION", "ID", "CREATED", "STATE"];
  return table([[...titles, "ENCRYPTED", "DECRYPTED", "BYTES", "LAST USED"], ...rows]);
}

function describeState(one: VersionInfo, purpose: string, encrypts: number | undefined): string {
  const [makes, reads] = purpose === "mac" ? ["makes", "verifies"] : ["encrypts", "decrypts"];
  if (one.state === "active") return one.version === encrypts ? makes : reads;
  if (one.state === "scheduled") return `until ${one.destroyAt?.slice(0, 16)}Z`;
  return one.state;
}

/** Rows of cells in columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const format = (row: readonly string[]) =>
    row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ");
  return rows.map((row) => format(row).trimEnd()).join("\n");
}
