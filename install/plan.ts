/** From what is there to what is to be done, for installing. Pure. */
import { parent, SERVICE_USER } from "../core/layout.ts";
import { type Action, type Plan, type Step, step } from "./actions.ts";
import type { Asset } from "./assets.ts";
import type { Facts } from "./facts.ts";
import { formatManifest, type Manifest } from "./manifest.ts";
import { managedDirectories } from "./places.ts";
import { isUnowned, requireInstallable } from "./preconditions.ts";

const UNITS = ["crypto.socket", "crypto.service"] as const;

/**
 * The plan of an installation, of an upgrade, or of finishing what was interrupted. Without a
 * change it only proves what is there.
 * @throws {CryptoError} whatever is in the way
 */
export function planInstall(facts: Facts, assets: readonly Asset[]): Plan {
  requireInstallable(facts, assets);
  const old = new Set(assets.filter((asset) => isOutdated(facts, asset)).map(({ id }) => id));
  const changes = [
    ...directorySteps(facts),
    ...programSteps(facts),
    ...assets.filter(({ id }) => old.has(id)).map((asset) => assetStep(facts, asset)),
    ...accountSteps(facts),
    ...keySteps(facts),
    ...unitSteps(facts, old),
  ];
  const proof = proofSteps(facts);
  const steps = changes.length === 0 && isRecorded(facts, assets)
    ? proof
    : recorded(facts, assets, [...changes, ...proof]);
  return { goal: goalOf(facts, steps.length > proof.length), steps, notes: notesOf(facts, old) };
}

function goalOf({ manifest, files, places }: Facts, changes: boolean): Plan["goal"] {
  if (!changes) return "nothing";
  if (manifest && !manifest.complete) return "finish";
  return files[places.program] ? "upgrade" : "install";
}

/** A file that is missing, or of ours in another version. What its administrator wrote stays. */
function isOutdated({ files, places, manifest }: Facts, { path, sha256 }: Asset): boolean {
  const found = files[path];
  if (!found) return true;
  if (found.sha256 === sha256) return false;
  return path !== places.config || isWritten(manifest, path, found.sha256);
}

function isWritten(manifest: Manifest | undefined, path: string, sha256?: string): boolean {
  return sha256 !== undefined && (manifest?.files[path]?.includes(sha256) ?? false);
}

/** Everything as it will be recorded when all is done. */
function finalManifest(
  { manifest, places, version, program, files }: Facts,
  assets: readonly Asset[],
) {
  const missing = managedDirectories(places).filter((path) => !files[path]);
  const directories = [...new Set([...manifest?.directories ?? [], ...missing])];
  const hashes = assets.map(({ path, sha256 }): [string, string[]] => [path, [sha256]]);
  hashes.push([places.program, [program!.sha256]]);
  return { version, complete: true, files: Object.fromEntries(hashes), directories };
}

function isRecorded(facts: Facts, assets: readonly Asset[]): boolean {
  const { manifest, places: { root } } = facts;
  return manifest !== undefined &&
    formatManifest(manifest, root) === formatManifest(finalManifest(facts, assets), root);
}

/** The steps between what is intended and what is done, as the manifest has it. */
function recorded(facts: Facts, assets: readonly Asset[], steps: readonly Step[]): Step[] {
  const { places, manifest, files } = facts;
  const done = finalManifest(facts, assets);
  const both = Object.entries(done.files).map(([path, hashes]) => {
    return [path, [...new Set([...manifest?.files[path] ?? [], ...hashes])]];
  });
  const intended = { ...done, complete: false, files: Object.fromEntries(both) };
  const write = (of: Manifest): Action => {
    return { do: "write", path: places.manifest, text: formatManifest(of, places.root) };
  };
  const back: Action = manifest ? write(manifest) : { do: "remove", path: places.manifest };
  const first = files[places.layout.configDirectory] ? [] : [configDirectoryStep(facts)];
  return [
    ...first,
    step("intent", "record what is about to be done", write(intended), back, ...restored(facts)),
    ...steps,
    ...forgetSteps(facts),
    step("record", "record that all is done", write(done)),
  ];
}

/** When everything is as it was, the service that ran runs again. */
function restored({ service, places }: Facts): Action[] {
  if (!service.active || places.root !== "") return [];
  return [systemctl("daemon-reload"), systemctl("restart", "crypto.service")];
}

function configDirectoryStep({ places }: Facts): Step {
  return directoryStep(places.layout.configDirectory, "root");
}

/** What the daemon makes in its state directory at its first start, besides a ring. */
const DAEMONS_OWN = [
  ...["lock", "ring.new", "usage", "usage.new"],
  ...["audit.log", "audit.key", "audit.key.new"],
];

function directoryStep(path: string, owner: "root" | "service"): Step {
  const mode = owner === "root" ? 0o755 : 0o700;
  const title = `make the directory ${path}`;
  const names = owner === "root" ? [] : DAEMONS_OWN;
  const undo: Action = { do: "unmakeDirectory", path, names };
  return step(`directory:${path}`, title, { do: "directory", path, mode, owner }, undo);
}

/** The configuration's comes first of all, the state's when its owner is there. */
function directorySteps({ places, files }: Facts): Step[] {
  const { configDirectory, stateDirectory } = places.layout;
  const later = [configDirectory, stateDirectory];
  const missing = managedDirectories(places).filter((path) => !files[path]);
  return missing.filter((path) => !later.includes(path)).map((path) => directoryStep(path, "root"));
}

function programSteps({ places, program, files }: Facts): Step[] {
  const { program: to, oldProgram } = places;
  const found = files[to];
  if (found?.sha256 === program!.sha256) return [];
  const copy: Action = { do: "copy", from: program!.path, to };
  if (!found) {
    return [step("program", `put the program at ${to}`, copy, { do: "remove", path: to })];
  }
  const keep: Action = { do: "link", from: to, to: oldProgram };
  const back: Action[] = [
    { do: "rename", from: oldProgram, to },
    { do: "remove", path: oldProgram },
  ];
  return [
    step("keep", "keep the old program until the new one is proven", keep, ...back),
    step("program", `replace the program at ${to}`, copy),
  ];
}

function forgetSteps({ places, program, files }: Facts): Step[] {
  const replaced = files[places.program] && files[places.program]!.sha256 !== program!.sha256;
  if (!replaced && !files[places.oldProgram]) return [];
  return [step("forget", "remove the old program", { do: "remove", path: places.oldProgram })];
}

function assetStep(facts: Facts, { id, title, path, text }: Asset): Step {
  const { files, places } = facts;
  const before = files[path]?.text;
  const undo: Action = before === undefined
    ? { do: "remove", path }
    : { do: "write", path, text: before };
  const isUnit = id === "service" || id === "socket";
  const reload = isUnit && places.root === "" ? [systemctl("daemon-reload")] : [];
  return step(id, `write the ${title} ${path}`, { do: "write", path, text }, undo, ...reload);
}

function accountSteps({ account, group, places }: Facts): Step[] {
  if (account) return [];
  const root = places.root === "" ? [] : [`--root=${places.root}`];
  // By its name alone: systemd-sysusers looks for a path outside of the image.
  const args = [...root, places.accounts.slice(parent(places.accounts).length + 1)];
  const make: Action = { do: "run", program: "systemd-sysusers", args };
  const title = "make the user and group crypto-service";
  return [step("account", title, make, ...unmakeAccount(places.root, group))];
}

/** A group that was there stays: userdel(8) takes it with its user, unless it has other members. */
function unmakeAccount(root: string, group: number | undefined): Action[] {
  const [user, ...groups] = removeAccount(root) as [Action, Action];
  if (group === undefined) return [user, ...groups];
  const args = [...root === "" ? [] : [`--root=${root}`], "--inline", `g crypto-service ${group}`];
  return [user, { do: "run", program: "systemd-sysusers", args }];
}

/** Statuses of userdel(8) and groupdel(8): there is none. */
const NO_SUCH_ACCOUNT = 6;

/** Removes the service's user and group. */
export function removeAccount(root: string): Action[] {
  const args = [...root === "" ? [] : [`--prefix=${root}`], SERVICE_USER];
  const accept = [NO_SUCH_ACCOUNT];
  return [
    { do: "run", program: "userdel", args, accept },
    { do: "run", program: "groupdel", args, accept },
  ];
}

function keySteps(facts: Facts): Step[] {
  const { files, places } = facts;
  const { stateDirectory, sealingKey, ring } = places.layout;
  const made = directoryStep(stateDirectory, "service");
  const again: Action = { do: "removeEmpty", path: stateDirectory };
  const steps = !files[stateDirectory]
    ? [made]
    : isUnowned(facts)
    ? [{ ...made, actions: [again, ...made.actions] }]
    : [];
  if (files[ring]) return steps;
  const make: Action = { do: "makeKeys", sealingKey, ring };
  return [...steps, step("keys", "make the first key, sealed", make, { do: "unmakeKeys" })];
}

function unitSteps(facts: Facts, old: ReadonlySet<Asset["id"]>): Step[] {
  const { places, service, socket } = facts;
  const enabled = service.enabled && socket.enabled;
  const enable = enabled ? [] : [unitStep("enable", "start it at every boot", "disable", facts)];
  if (places.root !== "") return enable;
  const reloads = old.has("service") || old.has("socket");
  const reload = step("reload", "let systemd read the units", systemctl("daemon-reload"));
  return [...reloads ? [reload] : [], ...enable, ...startSteps(facts, old)];
}

/** The socket is never restarted: who waits in its queue would be lost. */
function startSteps(facts: Facts, old: ReadonlySet<Asset["id"]>): Step[] {
  const { service, socket, places, program, files, manifest } = facts;
  if (!socket.active || !service.active) {
    // A socket does not start under a service that runs without it.
    const stop = step("stop", "stop the service", systemctl("stop", "crypto.service"));
    const start = unitStep("start", "start socket and service", "stop", facts);
    const undo = [...start.undo, ...socketDirectory(facts)];
    return [...service.active ? [stop] : [], { ...start, undo }];
  }
  const replaced = files[places.program]?.sha256 !== program!.sha256;
  const stale = replaced || old.has("service") || old.has("config") || manifest?.complete === false;
  const restart = systemctl("restart", "crypto.service");
  return stale ? [step("restart", "restart the service; its socket keeps the queue", restart)] : [];
}

/** systemd makes it for the socket, and leaves it. */
function socketDirectory({ places, files }: Facts): Action[] {
  const { runtimeDirectory: path } = places.layout;
  return files[path] ? [] : [{ do: "removeEmpty", path }];
}

function unitStep(verb: "enable" | "start", title: string, undo: string, { places }: Facts): Step {
  const root = places.root === "" ? [] : [`--root=${places.root}`];
  return step(verb, title, systemctl(...root, verb, ...UNITS), systemctl(...root, undo, ...UNITS));
}

/** A call of systemctl. */
export function systemctl(...args: string[]): Action {
  return { do: "run", program: "systemctl", args };
}

function proofSteps({ places }: Facts): Step[] {
  if (places.root !== "") return [];
  const title = "prove it: a member of the group encrypts and decrypts, a stranger is refused";
  return [step("prove", title, { do: "prove", program: places.program })];
}

function notesOf({ files, places, manifest, socket }: Facts, old: ReadonlySet<Asset["id"]>) {
  const notes: string[] = [];
  const edited = files[places.config] && !old.has("config") && manifest &&
    !isWritten(manifest, places.config, files[places.config]!.sha256);
  if (edited) notes.push(`${places.config} was edited and stays as it is`);
  if (old.has("socket") && socket.active) {
    notes.push(
      "the socket unit's changes take effect at the next boot, so that no request is lost",
    );
  }
  return notes;
}
