/** Looks at the system, for a plan: changes nothing. */
import { parent } from "../core/layout.ts";
import { exists, ifThere } from "../platform/durable.ts";
import { findProgram, runProgram } from "../platform/programs.ts";
import { findAccount, groupId } from "./account.ts";
import { sha256 } from "./assets.ts";
import type { Facts, FileFact, RunningProgram, UnitFact } from "./facts.ts";
import { parseManifest } from "./manifest.ts";
import { readAccounts } from "./perform.ts";
import {
  managedDirectories,
  managedFiles,
  type Places,
  placesBelow,
  unfinished,
} from "./places.ts";
import { sealingPlaces } from "./preconditions.ts";

const PERMISSIONS = 0o7777;
/** Larger files than any text of ours are only hashed. */
const LARGEST_TEXT = 65_536;

/** What the main thread knows, and the worker may not ask. */
export interface Asker {
  /** The directory of an image, or "". */
  readonly root: string;
  readonly version: string;
  readonly uid: number;
  /** Path of the compiled program that is running; undefined from source. */
  readonly program: string | undefined;
  /** Bytes free where the program goes. */
  readonly freeBytes: number;
}

/** Everything that a plan depends on. @throws {CryptoError} `occupied` */
export async function observe({ root, version, uid, program, freeBytes }: Asker): Promise<Facts> {
  const places = placesBelow(root);
  const { passwd, group } = readAccounts(root);
  const systemd = exists("/run/systemd/system");
  const knows = systemd || root !== "";
  return {
    places,
    version,
    program: program === undefined ? undefined : await lookAtProgram(program),
    root: uid === 0,
    systemd,
    account: findAccount(passwd, group),
    group: groupId(group),
    manifest: readManifest(places),
    files: await lookAtFiles(places),
    names: namesIn(
      places.layout.configDirectory,
      places.layout.stateDirectory,
      parent(places.credential),
    ),
    service: await lookAtUnit(places, "crypto.service", knows),
    socket: await lookAtUnit(places, "crypto.socket", knows),
    freeBytes,
  };
}

async function lookAtProgram(path: string): Promise<RunningProgram> {
  const bytes = Deno.readFileSync(path);
  return { path, bytes: bytes.length, sha256: await sha256(bytes) };
}

function readManifest({ manifest: path, root }: Places) {
  const text = ifThere(() => Deno.readTextFileSync(path));
  return text === undefined ? undefined : parseManifest(text, { path, root });
}

async function lookAtFiles(places: Places): Promise<Record<string, FileFact>> {
  const { ring, runtimeDirectory, policy } = places.layout;
  const written = managedFiles(places);
  const others = [
    ...[...written, places.manifest].map(unfinished),
    ...managedDirectories(places),
    ...sealingPlaces(places),
    ...[places.manifest, places.oldProgram, runtimeDirectory, policy],
    ...[ring, `${ring}.new`],
    ...sealingPlaces(places).map((path) => `${path}.new`),
  ];
  const found = [
    ...await Promise.all(written.map(async (path) => [path, await lookInto(path)] as const)),
    ...others.map((path) => [path, lookAt(path)] as const),
  ];
  return Object.fromEntries(found.filter((entry): entry is [string, FileFact] => !!entry[1]));
}

/** What may not be looked at is there: only who is not root, and plans for show, comes here. */
const HIDDEN: FileFact = { type: "file", uid: 0, mode: 0 };

function lookAt(path: string): FileFact | undefined {
  try {
    const info = ifThere(() => Deno.lstatSync(path));
    return info && { type: typeOf(info), uid: info.uid ?? 0, mode: (info.mode ?? 0) & PERMISSIONS };
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return HIDDEN;
    throw error;
  }
}

function typeOf({ isFile, isDirectory, isSymlink }: Deno.FileInfo): FileFact["type"] {
  return isFile ? "file" : isDirectory ? "directory" : isSymlink ? "link" : "other";
}

async function lookInto(path: string): Promise<FileFact | undefined> {
  const fact = lookAt(path);
  if (fact?.type !== "file") return fact;
  const bytes = Deno.readFileSync(path);
  const found = { ...fact, sha256: await sha256(bytes) };
  return bytes.length > LARGEST_TEXT ? found : { ...found, text: new TextDecoder().decode(bytes) };
}

function namesIn(...directories: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(directories.map((path) => [path, list(path)]));
}

function list(path: string): string[] {
  try {
    return ifThere(() => [...Deno.readDirSync(path)].map(({ name }) => name).sort()) ?? [];
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

async function lookAtUnit({ root }: Places, unit: string, knows: boolean): Promise<UnitFact> {
  if (!knows) return { enabled: false, active: false };
  findProgram("systemctl");
  const args = root === "" ? [] : [`--root=${root}`];
  const is = async (what: string) => (await runProgram("systemctl", [...args, what, unit])).status;
  return { enabled: await is("is-enabled") === 0, active: root === "" && await isRunning(unit) };
}

/** "activating" counts: a service that is being started again after a failure runs. */
async function isRunning(unit: string): Promise<boolean> {
  const { stdout } = await runProgram("systemctl", ["is-active", unit]);
  return /^(active|activating|reloading)$/.test(new TextDecoder().decode(stdout).trim());
}
