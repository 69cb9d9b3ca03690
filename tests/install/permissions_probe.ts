/**
 * A role with the installer's permissions for an image, which tries what installing may do and
 * what it may not. Arguments: the image, and a port of this machine. Prints what came of each.
 */
import { installerPrivileges } from "../../core/privileges.ts";
import { loadGiveAway } from "../../platform/ownership.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { RoleWorker, runRole } from "../../platform/worker.ts";

type Attempts = Readonly<Record<string, string>>;

function acts(root: string, port: number): Record<string, () => unknown> {
  const server = { hostname: "127.0.0.1", port };
  const library = "/lib/x86_64-linux-gnu/libm.so.6";
  return {
    "own: write a unit": () => Deno.writeTextFileSync(`${root}/etc/systemd/system/a.service`, ""),
    "own: read who has which id": () => Deno.readTextFileSync(`${root}/etc/passwd`),
    "own: ask systemd": () =>
      new Deno.Command("/usr/bin/systemctl", { args: ["--version"] }).outputSync(),
    "read passwords": () => Deno.readTextFileSync("/etc/shadow"),
    "read the system's own accounts": () => Deno.readTextFileSync("/etc/passwd"),
    "write who has which id": () => Deno.writeTextFileSync(`${root}/etc/passwd`, ""),
    "write outside of the image": () => Deno.writeTextFileSync("/etc/systemd/system/a.service", ""),
    "leave by dots": () => Deno.readTextFileSync(`${root}/etc/crypto/../shadow`),
    "run a shell": () => new Deno.Command("/bin/sh", { args: ["-c", "true"] }).outputSync(),
    "run by name": () => new Deno.Command("sh", { args: ["-c", "true"] }).outputSync(),
    "connect": () => Deno.connect(server),
    "listen": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    "read a variable": () => Deno.env.get("HOME"),
    "load a library": () => Deno.dlopen(library, { sin: { parameters: ["f64"], result: "f64" } }),
    "learn the machine's name": () => Deno.hostname(),
  };
}

async function attemptAll([root, port]: readonly string[]): Promise<Attempts> {
  const results: Record<string, string> = {};
  for (const [name, act] of Object.entries(acts(root!, Number(port)))) {
    results[name] = await Promise.resolve().then(act).then(() => "done", ({ name }) => name);
  }
  return results;
}

if (globalThis.name === "probe") {
  loadGiveAway();
  dropLibraryPermission();
  runRole<readonly string[], Attempts>(attemptAll);
} else {
  const [root] = Deno.args as [string];
  const permissions = installerPrivileges(root, Deno.execPath()).start;
  const role = await RoleWorker.start<readonly string[], Attempts>({
    script: import.meta.url,
    name: "probe",
    permissions,
  });
  console.log(
    JSON.stringify({ worker: await role.ask(Deno.args), main: await attemptAll(Deno.args) }),
  );
  role.terminate();
}
