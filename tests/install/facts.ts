/** Systems as they could be found, for plans. */
import { type Asset, assetsFor } from "../../install/assets.ts";
import type { Facts, FileFact } from "../../install/facts.ts";
import { placesBelow } from "../../install/places.ts";

export const PLACES = placesBelow("");
export const PROGRAM_HASH = "a".repeat(64);
export const OLD_HASH = "b".repeat(64);
export const ASSETS: readonly Asset[] = await assetsFor(PLACES);

/** A file of root's. */
export const file = (sha256?: string, text?: string): FileFact => ({
  type: "file",
  uid: 0,
  mode: 0o644,
  ...sha256 === undefined ? {} : { sha256 },
  ...text === undefined ? {} : { text },
});

export const directory = (uid = 0, mode = 0o755): FileFact => ({ type: "directory", uid, mode });

const DIRECTORIES = ["/usr/local/bin", "/etc/systemd/system"];

/** A system where nothing was installed. */
export function freshFacts(changes: Partial<Facts> = {}): Facts {
  return {
    places: PLACES,
    version: "0.1.0",
    program: { path: "/root/crypto", sha256: PROGRAM_HASH, bytes: 1_000 },
    root: true,
    systemd: true,
    account: undefined,
    group: undefined,
    manifest: undefined,
    files: Object.fromEntries(DIRECTORIES.map((path) => [path, directory()])),
    names: {},
    service: { enabled: false, active: false },
    socket: { enabled: false, active: false },
    freeBytes: 1e9,
    ...changes,
  };
}

/** A system where all was installed by this version. */
export function installedFacts(changes: Partial<Facts> = {}): Facts {
  const { layout } = PLACES;
  const hashes = { ...Object.fromEntries(ASSETS.map(({ path, sha256 }) => [path, [sha256]])) };
  hashes[PLACES.program] = [PROGRAM_HASH];
  const files: Record<string, FileFact> = {
    ...freshFacts().files,
    "/etc/sysusers.d": directory(),
    "/usr/local/share/applications": directory(),
    [layout.configDirectory]: directory(),
    [layout.stateDirectory]: directory(990, 0o700),
    [layout.runtimeDirectory]: directory(),
    [layout.ring]: file(),
    [layout.sealingKey]: file(),
    [PLACES.manifest]: file(),
    [PLACES.program]: file(PROGRAM_HASH),
    ...Object.fromEntries(ASSETS.map(({ path, sha256, text }) => [path, file(sha256, text)])),
  };
  const directories = [
    "/etc/sysusers.d",
    "/usr/local/share/applications",
    layout.configDirectory,
    layout.stateDirectory,
  ];
  return freshFacts({
    files,
    names: {
      [layout.stateDirectory]: ["audit.log", "lock", "ring"],
      [layout.configDirectory]: ["crypto.toml", "install.json", "sealing.key"],
    },
    account: { uid: 990, gid: 990 },
    group: 990,
    manifest: { version: "0.1.0", complete: true, files: hashes, directories },
    service: { enabled: true, active: true },
    socket: { enabled: true, active: true },
    ...changes,
  });
}

/** The same facts with some files otherwise; undefined takes one away. */
export function withFiles(
  facts: Facts,
  changes: Readonly<Record<string, FileFact | undefined>>,
): Facts {
  const all = Object.entries({ ...facts.files, ...changes });
  return {
    ...facts,
    files: Object.fromEntries(all.filter((e): e is [string, FileFact] => !!e[1])),
  };
}
