/** From what is there to what is to be done, for removing. Pure. */
import { parent } from "../core/layout.ts";
import { type Action, type Plan, type Step, step } from "./actions.ts";
import type { Asset } from "./assets.ts";
import type { Facts } from "./facts.ts";
import { managedFiles, unfinished } from "./places.ts";
import { removeAccount, systemctl } from "./plan.ts";
import { sealingPlaces } from "./preconditions.ts";

const UNITS = ["crypto.service", "crypto.socket"] as const;
/** What the daemon leaves in its state directory that is worth nothing. */
const WORTHLESS = ["lock", "ring.new", "audit.key.new"];

/** How much is removed. */
export interface RemovalOptions {
  /** Keys, log, configuration and the service's user too. */
  readonly purge: boolean;
}

/** The plan of removing all that install made, and what an interrupted one left. */
export function planRemoval(
  facts: Facts,
  assets: readonly Asset[],
  { purge }: RemovalOptions,
): Plan {
  const kept = purge ? [] : keptKeys(facts);
  const steps = [
    ...stopSteps(facts),
    ...fileSteps(facts, assets, purge),
    ...purge ? purgeSteps(facts) : leftoverSteps(facts),
    ...kept.length > 0 ? [] : accountSteps(facts),
    ...directorySteps(facts, [
      ...kept,
      ...keptConfig(facts, assets, purge),
      ...keptPolicy(facts, purge),
      ...foreignConfig(facts),
    ]),
  ];
  const goal = steps.length === 0 ? "nothing" : purge ? "purge" : "uninstall";
  return { goal, steps, notes: notesOf(facts, assets, purge, kept) };
}

/** The keys and the log, unless the keys were never finished and so never used. */
export function keptKeys(facts: Facts): string[] {
  const { files, places, names } = facts;
  const { ring, stateDirectory } = places.layout;
  const unused = !files[ring] && files[`${ring}.new`];
  const sealing = unused ? [] : sealingPlaces(places).filter((path) => files[path]);
  const old = oldSealingKeys(facts);
  const state = (names[stateDirectory] ?? []).filter((name) => !WORTHLESS.includes(name));
  return [...state.map((name) => `${stateDirectory}/${name}`), ...sealing, ...old];
}

/** Sealing keys that a restore has replaced and kept, under their names with an ending. */
function oldSealingKeys({ places, names }: Facts): string[] {
  return sealingPlaces(places).flatMap((path) => {
    const [directory, prefix] = [parent(path), `${path}.`];
    const paths = (names[directory] ?? []).map((name) => `${directory}/${name}`);
    return paths.filter((other) => other.startsWith(prefix) && other !== `${path}.new`);
  });
}

function stopSteps({ places, service, socket }: Facts): Step[] {
  const steps: Step[] = [];
  const root = places.root === "" ? [] : [`--root=${places.root}`];
  if (service.active || socket.active) {
    steps.push(step("stop", "stop service and socket", systemctl("stop", ...UNITS)));
  }
  if (service.enabled || socket.enabled) {
    const disable = systemctl(...root, "disable", ...UNITS);
    steps.push(step("disable", "start it at boot no more", disable));
  }
  return steps;
}

/** Whether a file is what install wrote, as far as can be told. */
function isOurs(
  { files, manifest, places, program }: Facts,
  assets: readonly Asset[],
  path: string,
) {
  const { sha256, type } = files[path]!;
  if (type !== "file") return false;
  if (path === places.config && manifest) return manifest.files[path]?.includes(sha256 ?? "");
  const known = [...assets, { path: places.program, sha256: program?.sha256 }];
  return manifest?.files[path] !== undefined ||
    known.some((asset) => asset.path === path && asset.sha256 === sha256);
}

function foundFiles({ files, places }: Facts): string[] {
  return managedFiles(places).filter((path) => files[path]);
}

function fileSteps(facts: Facts, assets: readonly Asset[], purge: boolean): Step[] {
  const { files, places } = facts;
  const ours = foundFiles(facts).filter((path) => isOurs(facts, assets, path));
  const own = [places.config, places.layout.policy].filter((path) => files[path]);
  const unneeded = purge ? [...ours, ...own] : ours;
  const left = [...managedFiles(places), places.manifest].map(unfinished)
    .concat(places.oldProgram).filter((path) => files[path]);
  const steps = [...new Set(unneeded), ...left].map(removeStep);
  const units = [places.service, places.socketUnit];
  if (places.root !== "" || !units.some((path) => ours.includes(path))) return steps;
  const reload: Step = {
    id: "reload",
    title: "let systemd forget the units",
    actions: [systemctl("daemon-reload"), forgetFailure()],
    undo: [],
  };
  return [...steps, reload];
}

/** Units that never failed are not known to reset-failed, which says so by status 1. */
function forgetFailure(): Action {
  return { do: "run", program: "systemctl", args: ["reset-failed", ...UNITS], accept: [1] };
}

function removeStep(path: string): Step {
  return step(`remove:${path}`, `remove ${path}`, { do: "remove", path });
}

/** Sealing keys first: without them nothing else can be read. */
function purgeSteps(facts: Facts): Step[] {
  const { files, places } = facts;
  const { stateDirectory } = places.layout;
  const unfinished = sealingPlaces(places).map((path) => `${path}.new`);
  const found = [...sealingPlaces(places), ...unfinished].filter((path) => files[path]);
  const keys = [...found, ...oldSealingKeys(facts)].map(removeStep);
  if (!files[stateDirectory]) return keys;
  const title = `remove ${stateDirectory}: the ring and the audit log`;
  return [...keys, step("state", title, { do: "removeAll", path: stateDirectory })];
}

/** What is worth nothing: a first key that was never finished, locks. */
function leftoverSteps({ files, places, names }: Facts): Step[] {
  const { ring, sealingKey, stateDirectory } = places.layout;
  const unused = !files[ring] && files[`${ring}.new`] ? [sealingKey] : [];
  const paths = [`${sealingKey}.new`, ...unused].filter((path) => files[path]);
  const worthless = (names[stateDirectory] ?? []).filter((name) => WORTHLESS.includes(name));
  return [...paths, ...worthless.map((name) => `${stateDirectory}/${name}`)].map(removeStep);
}

function accountSteps({ account, group, places }: Facts): Step[] {
  if (!account && group === undefined) return [];
  const title = "remove the user and group crypto-service";
  return [{ id: "account", title, actions: removeAccount(places.root), undo: [] }];
}

/** An edited configuration is its administrator's. */
function keptConfig(facts: Facts, assets: readonly Asset[], purge: boolean): string[] {
  const { config } = facts.places;
  return !purge && facts.files[config] && !isOurs(facts, assets, config) ? [config] : [];
}

/** A policy is its administrator's from its first line on. */
function keptPolicy({ files, places: { layout: { policy } } }: Facts, purge: boolean): string[] {
  return !purge && files[policy] ? [policy] : [];
}

/** What is in the configuration's directory and no part of this program's. */
function foreignConfig(facts: Facts): string[] {
  const { names, places: { layout: { configDirectory }, ...places } } = facts;
  const { policy } = facts.places.layout;
  const known = [places.config, policy, places.manifest, ...sealingPlaces(facts.places)];
  const ours = new Set([
    ...known.flatMap((path) => [path, `${path}.new`, unfinished(path)]),
    ...oldSealingKeys(facts),
  ]);
  const paths = (names[configDirectory] ?? []).map((name) => `${configDirectory}/${name}`);
  return paths.filter((path) => !ours.has(path));
}

/** The manifest goes when all that it lists is gone. */
function directorySteps(
  { files, places, manifest }: Facts,
  kept: readonly string[],
): Step[] {
  const { configDirectory, stateDirectory, runtimeDirectory } = places.layout;
  const goes = (path: string) => files[path] && !kept.some((file) => file.startsWith(`${path}/`));
  const made = manifest?.directories.filter((path) => path !== configDirectory) ?? [];
  const first = [...new Set([...made, stateDirectory, runtimeDirectory])].reverse();
  const config: Action = { do: "removeEmpty", path: configDirectory };
  const actions: Action[] = [
    ...first.filter(goes).map((path): Action => ({ do: "removeEmpty", path })),
    ...files[places.manifest] ? [{ do: "remove", path: places.manifest } as const] : [],
    ...goes(configDirectory) ? [config] : [],
  ];
  if (actions.length === 0) return [];
  const title = "remove the record of the installation and the directories that are empty now";
  return [{ id: "directories", title, actions, undo: [] }];
}

/** What is said of the audit log that goes. */
const HEADS_STAY = "the journal keeps the heads of the audit log: after a new installation " +
  "`crypto audit verify` finds them and ends with 65 until its --former names that log";

function notesOf(facts: Facts, assets: readonly Asset[], purge: boolean, kept: readonly string[]) {
  const { places } = facts;
  const foreign = foundFiles(facts).filter((path) => !isOurs(facts, assets, path));
  const notes = foreign.filter((path) => !(purge && path === places.config)).map((path) => {
    return path === places.config
      ? `${path} was edited and stays`
      : `${path} is not what install wrote and stays`;
  });
  notes.push(...keptPolicy(facts, purge).map((path) => `${path} says who may do what, and stays`));
  const others = foreignConfig(facts);
  if (others.length > 0) notes.push(`crypto did not make these, which stay: ${others.join(", ")}`);
  if (purge && facts.files[places.layout.stateDirectory]) notes.push(HEADS_STAY);
  if (kept.length === 0) return notes;
  notes.push(`the keys stay, with the user and group they belong to: ${kept.join(", ")}`);
  notes.push("`crypto uninstall --purge` removes them too; without them nothing can be decrypted");
  return notes;
}
