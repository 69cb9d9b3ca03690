/**
 * A program that opens what `crypto encrypt` opens, gives up its permissions as that does, tries
 * what it then must not, and works on. Arguments: socket, output file. Prints JSON.
 */
import { connectBound } from "../../client/bound.ts";
import { openInput, openOutput } from "../../client/files.ts";
import { decryptFlow, encryptFlow } from "../../client/message.ts";
import { prepend, pump, readAll } from "../../client/stream.ts";
import { Pipes } from "../../platform/files.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { dropAllPermissions } from "../../platform/permissions.ts";

const [socket = "", path = ""] = Deno.args;

/** What must be refused: one of each kind, and what the program itself used a moment ago. */
const FORBIDDEN: Readonly<Record<string, () => unknown>> = {
  "read a file": () => Deno.readTextFileSync("/etc/hostname"),
  "read its own input": () => Deno.readFileSync("/proc/self/environ"),
  "look at a file": () => Deno.statSync("/etc/passwd"),
  "write a file": () => Deno.writeTextFileSync(`${path}.other`, "x"),
  "remove a file": () => Deno.removeSync(path),
  "make a directory": () => Deno.mkdirSync(`${path}.directory`),
  "connect to the socket": () => Deno.connect({ transport: "unix", path: socket }),
  "connect by TCP": () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  "listen": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "read the environment": () => Deno.env.get("HOME"),
  "know its user": () => Deno.uid(),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "signal another": () => Deno.kill(Deno.ppid, "SIGWINCH"),
  "load a library": () => Deno.dlopen("libm.so.6", {}),
  "make a pointer": () => Deno.UnsafePointer.create(1n),
  "import a module by a computed path": () => import(`./pages.ts?${Math.random()}`),
  "ask for reading": () => asked("read"),
  "ask for running": () => asked("run"),
};

function asked(name: "read" | "run"): void {
  if (Deno.permissions.requestSync({ name }).state !== "granted") throw new Error("refused");
}

async function allowed(): Promise<string[]> {
  const done: string[] = [];
  for (const [what, attempt] of Object.entries(FORBIDDEN)) {
    try {
      await attempt();
      done.push(what);
    } catch {
      // As it must be.
    }
  }
  return done;
}

const before = await allowed();
const pipes = new Pipes();
const engine = loadLibcrypto();
const input = openInput(Deno.execPath(), pipes);
const output = openOutput(path, { pipes, force: true, mode: 0o600 });
const service = await connectBound({ socket });
dropAllPermissions();

const after = await allowed();
await pump(await encryptFlow(service, input, { engine }), output);
await output.publish();

const ended = { read: () => Promise.resolve(null) };
const token = new TextEncoder().encode(await service.encrypt("still working"));
const { source, transform } = await decryptFlow(
  () => Promise.resolve(service),
  prepend(token, ended),
);
const value = new TextDecoder().decode(transform.prefix);
const rest = await readAll(source, 1);
service.close();
console.log(JSON.stringify({ before, after, value, rest: rest?.length, last: await allowed() }));
Deno.exit(0);
