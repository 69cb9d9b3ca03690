/**
 * A program with the daemon's permissions that tries what the daemon may not, on its main thread
 * and in its worker, and prints what came of it. Arguments: the directory that its own three are
 * in, one outside, a port of this machine where somebody listens, and whether it is a `user`'s daemon
 * or a system service that was handed its socket, `activated`.
 */
import { type Layout, userLayout } from "../../core/layout.ts";
import { daemonPrivileges } from "../../core/privileges.ts";
import { dropAllPermissions, dropLibraryPermission } from "../../platform/permissions.ts";
import { workerPermissions } from "../../platform/worker.ts";

/** What came of each attempt: `done`, or the name of the error. */
export type Attempts = Readonly<Record<string, string>>;

/** What it goes for; see above. */
type Targets = readonly [own: string, outside: string, port: string, how: "user" | "activated"];

/** What the probe prints. */
export interface ProbeReport {
  readonly main: Attempts;
  readonly worker: Attempts;
}

const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

function libm(): string {
  return Deno.build.arch === "aarch64"
    ? "/lib/aarch64-linux-gnu/libm.so.6"
    : "/lib/x86_64-linux-gnu/libm.so.6";
}

/** What a daemon must not be able to do. */
function forbidden([own, outside, port]: Targets): Record<string, () => unknown> {
  const server = { hostname: "127.0.0.1", port: Number(port) };
  // Not written out, or it would be fetched before this runs.
  const remote = `http://127.0.0.1:${port}/module.ts`;
  const inherit = { type: "module", deno: { permissions: { read: true } } } as const;
  return {
    "read a file outside": () => Deno.readFileSync("/etc/hosts"),
    "read a file beside its own": () => Deno.readFileSync(`${own}/state/other`),
    "leave by dots": () => Deno.readFileSync(`${own}/state/crypto/../other`),
    "list a directory outside": () => [...Deno.readDirSync("/")],
    "list its socket's directory": () => [...Deno.readDirSync(`${own}/run/crypto`)],
    "read its own memory": () => Deno.readFileSync("/proc/self/maps"),
    "write a file outside": () => Deno.writeTextFileSync(`${outside}/written`, "x"),
    "make a link to outside": () => Deno.symlinkSync("/etc/passwd", `${own}/state/crypto/link`),
    "move its own file out": () => Deno.renameSync(`${own}/state/crypto/own`, `${outside}/moved`),
    "make a temporary file": () => Deno.makeTempFileSync(),
    "connect to a network": () => Deno.connect(server),
    "connect to a socket": () => Deno.connect({ transport: "unix", path: `${outside}/socket` }),
    "listen on a network": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    "listen on a socket": () => Deno.listen({ transport: "unix", path: `${outside}/listening` }),
    "look a name up": () => Deno.resolveDns("localhost", "A"),
    "fetch": () => fetch(remote),
    "run a program": () => new Deno.Command("/bin/true").outputSync(),
    "read a variable": () => Deno.env.get("HOME"),
    "read all variables": () => Deno.env.toObject(),
    "learn the machine's name": () => Deno.hostname(),
    "load a library": () => Deno.dlopen(libm(), { sin: { parameters: ["f64"], result: "f64" } }),
    "make a pointer": () => Deno.UnsafePointer.of(new Uint8Array(8)),
    "import from a network": () => import(remote),
    "start a worker that may more": () => new Worker("data:text/javascript,", inherit),
    ...Object.fromEntries(PERMISSIONS.map((name) => [`ask for ${name}`, () => request(name)])),
  };
}

/** Asking gives a prompt, if anything does. */
function request(name: typeof PERMISSIONS[number]): void {
  const { state } = Deno.permissions.requestSync({ name });
  if (state !== "granted") throw new Deno.errors.NotCapable(state);
}

/** What a daemon's worker must be able to do. */
function allowed(own: string): Record<string, () => unknown> {
  const file = `${own}/state/crypto/own`;
  return {
    "own: write a file": () => Deno.writeTextFileSync(`${file}.new`, "x"),
    "own: rename it": () => Deno.renameSync(`${file}.new`, file),
    "own: read it": () => Deno.readFileSync(file),
    "own: read who has which id": () => ["/etc/passwd", "/etc/group"].map(Deno.readTextFileSync),
    "own: read the configuration": () => [...Deno.readDirSync(`${own}/config/crypto`)],
  };
}

/** What only a daemon must be able to do that makes its first key and its socket itself. */
function made([own, , , how]: Targets): Record<string, () => unknown> {
  const socket = `${own}/run/crypto/crypto.sock`;
  const attempts = {
    "write the configuration": () => Deno.writeTextFileSync(`${own}/config/crypto/key`, "x"),
    "make its socket": () => Deno.writeTextFileSync(socket, ""),
    "change its socket": () => Deno.chmodSync(socket, 0o600),
    "remove its socket": () => Deno.removeSync(socket),
  };
  const prefix = how === "user" ? "own: " : "";
  return Object.fromEntries(
    Object.entries(attempts).map(([name, action]) => [`${prefix}${name}`, action]),
  );
}

async function attempt(action: () => unknown): Promise<string> {
  try {
    await action();
    return "done";
  } catch (error) {
    return error instanceof Error ? error.constructor.name : String(error);
  }
}

async function attemptAll(targets: Targets): Promise<Attempts> {
  const results: Record<string, string> = {};
  const attempts = { ...allowed(targets[0]), ...made(targets), ...forbidden(targets) };
  for (const [name, action] of Object.entries(attempts)) {
    results[name] = await attempt(action);
  }
  return results;
}

function layout([own, , , how]: Targets): Layout {
  const env: Record<string, string> = {
    XDG_CONFIG_HOME: `${own}/config`,
    XDG_STATE_HOME: `${own}/state`,
    XDG_RUNTIME_DIR: `${own}/run`,
  };
  const layout = userLayout((name) => env[name]);
  return how === "user" ? layout : { ...layout, mode: "system" };
}

/** Asks the worker, which answers once when it is there and once when it has tried all. */
function once(worker: Worker): Promise<Attempts> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Attempts>) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

/** The main thread: starts the worker as the daemon's does, then gives up what it has. */
async function main(script: string): Promise<void> {
  const targets = Deno.args as unknown as Targets;
  const { start } = daemonPrivileges(layout(targets), {
    activated: targets[3] === "activated",
  });
  const permissions = workerPermissions(script, start);
  const worker = new Worker(script, { type: "module", name: "probe", deno: { permissions } });
  await once(worker);
  dropAllPermissions();
  const answer = once(worker);
  worker.postMessage(targets);
  const report: ProbeReport = { main: await attemptAll(targets), worker: await answer };
  console.log(`REPORT ${JSON.stringify(report)}`);
  worker.terminate();
}

interface Scope {
  onmessage: ((event: MessageEvent<Targets>) => void) | null;
  postMessage(message: Attempts): void;
}

/** The worker: waits until it is asked, as the daemon's does. */
function work(): void {
  const scope = globalThis as unknown as Scope;
  scope.onmessage = async ({ data }) => {
    dropLibraryPermission();
    scope.postMessage(await attemptAll(data));
  };
  scope.postMessage({});
}

/** Runs the part that this thread is for. `script` is the program's one script. */
export async function probe(script: string): Promise<void> {
  if (globalThis.name === "probe") work();
  else await main(script);
}

if (import.meta.main || globalThis.name === "probe") await probe(import.meta.url);
