/** Why an installation cannot be: found before anything is changed. */
import { CryptoError } from "../core/errors.ts";
import type { Asset } from "./assets.ts";
import type { Facts, FileFact } from "./facts.ts";
import { managedDirectories, managedFiles, type Places } from "./places.ts";

const OTHERS_WRITE = 0o022;
/** What is written besides the program. */
const SMALL_FILES = 1_000_000;

/** Checks what installing and removing need. @throws {CryptoError} `not_root`, `no_systemd` */
export function requireCapable({ root, systemd, places }: Facts): void {
  if (!root) throw new CryptoError("not_root");
  if (!systemd && places.root === "") throw new CryptoError("no_systemd");
}

/**
 * Checks everything that could be in the way of an installation.
 * @throws {CryptoError} `occupied`, `unsafe_path`, `io` for want of space, `config`,
 * `ring_unreadable`
 */
export function requireInstallable(facts: Facts, assets: readonly Asset[]): void {
  if (!facts.program) {
    const hint = "run the compiled program: `deno task compile` makes dist/crypto";
    throw new CryptoError("config", { subject: "install", hint });
  }
  managedDirectories(facts.places).forEach((path) => requireDirectory(facts, path));
  const wanted = new Map(assets.map(({ path, sha256 }) => [path, sha256]));
  wanted.set(facts.places.program, facts.program.sha256);
  managedFiles(facts.places).forEach((path) => requireOurs(facts, path, wanted.get(path)));
  requireKeysTogether(facts);
  requireSpace(facts);
}

/** Made, but not given to the service: an installation was killed in between. */
export function isUnowned({ files, places, names }: Facts): boolean {
  const { stateDirectory } = places.layout;
  return files[stateDirectory]?.uid === 0 && (names[stateDirectory] ?? []).length === 0;
}

function requireDirectory(facts: Facts, path: string): void {
  const { files, places, account } = facts;
  const fact = files[path];
  if (!fact) return;
  if (fact.type !== "directory") throw unsafe(path, "is not a directory", "move it away");
  const owners = path === places.layout.stateDirectory
    ? [isUnowned(facts) ? 0 : account?.uid]
    : [0];
  requireGuarded(path, fact, owners);
}

function requireGuarded(path: string, fact: FileFact, owners: readonly (number | undefined)[]) {
  if (!owners.includes(fact.uid)) {
    throw unsafe(path, `belongs to user ${fact.uid}`, "correct its owner, or move it away");
  }
  if ((fact.mode & OTHERS_WRITE) !== 0) {
    throw unsafe(path, "can be written by others", "chmod go-w it");
  }
}

/** A file in a place of ours is one of ours, unchanged; the configuration is its administrator's. */
function requireOurs({ files, manifest, places }: Facts, path: string, wanted?: string): void {
  const fact = files[path];
  if (!fact) return;
  if (fact.type !== "file") throw unsafe(path, "is not a regular file", "move it away");
  requireGuarded(path, fact, [0]);
  if (path === places.config) return;
  const written = manifest?.files[path];
  if (written?.includes(fact.sha256 ?? "") || fact.sha256 === wanted) return;
  throw new CryptoError("occupied", { subject: path, hint: occupiedHint(path, written) });
}

function occupiedHint(path: string, written: readonly string[] | undefined): string {
  if (!written) return "`crypto install` did not write it: move it away";
  const unit = /crypto\.(service|socket)$/.exec(path)?.[0];
  const instead = unit ? `; changes of yours go to a drop-in: systemctl edit ${unit}` : "";
  return `it was changed since crypto install wrote it: remove it and install again${instead}`;
}

/** A ring belongs to its sealing key: neither is made anew while the other is there. */
function requireKeysTogether({ files, places }: Facts): void {
  const { ring, sealingKey } = places.layout;
  const begun = files[`${ring}.new`] !== undefined;
  const [found] = sealingPlaces(places).filter((path) => files[path]);
  if (found === undefined || files[ring] || (found === sealingKey && begun)) return;
  const hint = `the sealing key ${found} is there without it: put the ring back, or, if nothing ` +
    "was ever encrypted here, remove that key";
  throw new CryptoError("ring_unreadable", { subject: ring, hint });
}

/** Every file that a sealing key may be in. */
export function sealingPlaces({ layout, credential }: Places): string[] {
  return [layout.sealingKey, layout.lockedSealingKey, credential];
}

function requireSpace({ program, files, places, freeBytes }: Facts): void {
  const present = files[places.program]?.sha256 === program!.sha256;
  const needed = SMALL_FILES + (present ? 0 : program!.bytes);
  if (freeBytes >= needed) return;
  const hint = `${needed} bytes are needed there and ${freeBytes} are free: make room`;
  throw new CryptoError("io", { subject: places.program, hint });
}

function unsafe(path: string, problem: string, remedy: string): CryptoError {
  return new CryptoError("unsafe_path", { subject: path, hint: `it ${problem}; ${remedy}` });
}
