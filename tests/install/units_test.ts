/** The units: what systemd thinks of them, and that they grant what the program takes. */
import assert from "node:assert/strict";
import { SYSTEM_LAYOUT } from "../../core/layout.ts";
import { ACCOUNTS, daemonPrivileges } from "../../core/privileges.ts";
import { assetsFor } from "../../install/assets.ts";
import { placesBelow } from "../../install/places.ts";
import { defaultOf, type NumberSection, parseConfig, SETTINGS } from "../../server/config.ts";
import { linuxTest } from "../support/linux.ts";
import { must, run } from "../support/process.ts";

const ASSETS = await assetsFor(placesBelow(""));
const text = (id: string) => ASSETS.find((asset) => asset.id === id)!.text;

/** The values of a setting of a unit, in order. */
function values(unit: string, name: string): string[] {
  return [...text(unit).matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);
}

const MAX_EXPOSURE = 1.0;

/** Both units in a directory, with a program that is there. */
async function withUnits(use: (service: string, socket: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctu-" });
  const [service, socket] = [`${directory}/crypto.service`, `${directory}/crypto.socket`];
  const executable = text("service").replaceAll("/usr/local/bin/crypto", "/bin/true");
  await Deno.writeTextFile(service, executable);
  await Deno.writeTextFile(socket, text("socket"));
  try {
    await use(service, socket);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

await linuxTest(
  "systemd has nothing to say about the units",
  ["analyze"],
  () =>
    withUnits(async (service, socket) => {
      const { code, stderr } = await run(["systemd-analyze", "verify", service, socket]);
      const own = stderr.split("\n").filter((line) => line.includes("crypto"));
      assert.deepEqual([code, own], [0, []], stderr);
    }),
);

await linuxTest(
  `the service's exposure is at most ${MAX_EXPOSURE}`,
  ["analyze"],
  () =>
    withUnits(async (service) => {
      const command = ["systemd-analyze", "security", "--offline=true", "--no-pager", service];
      const exposure = /Overall exposure level for crypto\.service: ([\d.]+)/.exec(
        await must(command),
      );
      assert.ok(Number(exposure?.[1]) <= MAX_EXPOSURE, exposure?.[0]);
    }),
);

await linuxTest(
  "desktops have nothing to say about the desktop entry",
  ["desktopFiles"],
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "ctu-" });
    const path = `${directory}/crypto.desktop`;
    await Deno.writeTextFile(path, text("desktop"));
    const { code, stdout, stderr } = await run(["desktop-file-validate", path]);
    await Deno.remove(directory, { recursive: true });
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    assert.match(text("desktop"), /^Exec=\/usr\/local\/bin\/crypto gui$/m);
  },
);

Deno.test("the unit lets the daemon write, read, reach and run what its permissions say", () => {
  const { working, start } = daemonPrivileges(SYSTEM_LAYOUT, { activated: true });
  const state = values("service", "StateDirectory").map((name) => `/var/lib/${name}`);
  assert.deepEqual(values("service", "ProtectSystem"), ["strict"]);
  assert.deepEqual(values("service", "ReadWritePaths"), []);
  assert.deepEqual(working.write, state);
  const readable = values("service", "ReadOnlyPaths").flatMap((paths) => paths.split(" "));
  // Everybody's to read, and so it stays: strict takes away writing alone.
  assert.deepEqual(new Set([...readable, ...state, ...ACCOUNTS]), new Set(working.read));
  assert.ok(!("net" in start) && !("run" in start) && !("env" in start));
  assert.deepEqual(values("service", "PrivateNetwork"), ["yes"]);
  assert.deepEqual(values("service", "RestrictAddressFamilies"), ["AF_UNIX"]);
  assert.deepEqual(values("service", "NoExecPaths"), ["/"]);
  const executable = values("service", "ExecPaths").flatMap((paths) => paths.split(" "));
  assert.deepEqual(executable.filter((path) => path.includes("bin")), ["/usr/local/bin/crypto"]);
});

Deno.test("the service stays in the host's user namespace, and its compiler may compile", () => {
  assert.deepEqual(values("service", "PrivateUsers"), []);
  assert.deepEqual(values("service", "MemoryDenyWriteExecute"), []);
  assert.deepEqual(values("service", "DynamicUser"), []);
});

Deno.test("the socket is where clients look, root's, and open to the group alone", () => {
  const { socket, credentialsSocket } = SYSTEM_LAYOUT;
  assert.deepEqual(values("socket", "ListenStream"), [socket, credentialsSocket]);
  assert.deepEqual(values("socket", "SocketUser"), ["root"]);
  assert.deepEqual(values("socket", "SocketMode"), ["0660"]);
  assert.deepEqual(values("socket", "SocketGroup"), values("service", "Group"));
});

Deno.test("the configuration's comments are the settings with their defaults", () => {
  const commented = [...text("config").matchAll(/^#(\w+) = (\d+)$/gm)];
  const defaults = (Object.keys(SETTINGS) as NumberSection[]).flatMap((section) => {
    const settings = Object.entries(SETTINGS[section]);
    return settings.map(([name, setting]) => [name, defaultOf(section, setting)]);
  });
  assert.deepEqual(commented.map(([, name, value]) => [name, Number(value)]), defaults);
  const nothing = parseConfig("", "crypto.toml");
  assert.deepEqual(parseConfig(text("config"), "crypto.toml"), nothing);
  const uncommented = text("config").replace(/^#(?=[\w-]+ =)/gm, "");
  const { limits, credentials } = parseConfig(uncommented, "crypto.toml");
  assert.deepEqual(limits, nothing.limits);
  assert.deepEqual([...credentials.keys()], ["db-password"]);
});
