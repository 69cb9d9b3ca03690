/** `crypto gui` on the command line: how it starts, what it opens, and what it refuses. */
import assert from "node:assert/strict";
import { fails, Folder } from "../../cli/support.ts";
import { startDaemon } from "../../support/daemon.ts";
import { linuxTest } from "../../support/linux.ts";
import { eventually } from "../../support/wait.ts";
import { GuiWindow } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;

/** Processes that have an environment in which the browser is this one. */
function processesOf(browser: string): number[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Boolean);
  return pids.filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/environ`).includes(`BROWSER_OF=${browser}\0`);
    } catch {
      // It has ended, or is another's.
      return false;
    }
  });
}

await linuxTest("the browser is given a file's path and nothing else, and outlives the window", [
  "xdgOpen",
], async () => {
  using folder = new Folder();
  const script = 'echo "$*" > "$0.args"\nBROWSER_OF="$0" sleep 60 > /dev/null 2>&1 &\n';
  const browser = folder.write("browser", `#!/bin/sh\n${script}`);
  Deno.chmodSync(browser, 0o755);
  await using gui = new GuiWindow({ env: { ...env, BROWSER: browser }, args: [] });
  await eventually("it is open", () => gui.stderr.includes("opened in the browser"));
  const given = Deno.readTextFileSync(`${browser}.args`);
  assert.match(given, new RegExp(`^${env["XDG_RUNTIME_DIR"]}/crypto-gui\\.\\w+/open\\.html\n$`));
  assert.equal((await gui.stop()).code, 0);
  const [pid] = processesOf(browser);
  Deno.kill(pid!, "SIGKILL");
  assert.equal(gui.stderr, "crypto: opened in the browser\ncrypto: closed\n");
});

await linuxTest("where nothing opens it, it says which file it is", ["xdgOpen"], async () => {
  await using gui = new GuiWindow({ env: { ...env, BROWSER: "/bin/false" }, args: [] });
  await gui.ready();
  assert.equal(Deno.statSync(gui.handoff).isFile, true);
});

Deno.test("without a daemon or a runtime directory of one's own there is no window", async () => {
  using folder = new Folder();
  const nowhere = { ...env, CRYPTO_SOCKET: folder.at("no.sock") };
  await fails("unavailable", ["gui", "--no-open"], { env: nowhere });
  const socket = ["--socket", daemon.socket];
  const { XDG_RUNTIME_DIR: _, ...without } = env;
  await fails("config", ["gui", "--no-open", ...socket], { env: without });
  const missing = { ...env, XDG_RUNTIME_DIR: folder.at("missing") };
  await fails("config", ["gui", "--no-open", ...socket], { env: missing });
  Deno.mkdirSync(folder.at("shared"));
  Deno.chmodSync(folder.at("shared"), 0o777);
  const shared = { ...env, XDG_RUNTIME_DIR: folder.at("shared") };
  await fails("unsafe_path", ["gui", "--no-open", ...socket], { env: shared });
  await fails("usage", ["gui", "--no-open", "--share-server", "ftp://x"], { env });
  assert.deepEqual(folder.names(), ["shared"]);
});
