/** Large files through `crypto share`: memory on all sides, and what encrypting costs. */
import { randomBytes } from "../core/bytes.ts";
import { webCrypto } from "../core/engine.ts";
import { createBodySealer } from "../core/share/body.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { fileContent } from "../share/client/files.ts";
import { sealed } from "../share/client/send.ts";
import { interleave } from "./rounds.ts";
import { Runner } from "./runner.ts";
import { startDaemon } from "./servers.ts";
import type { ShareServer } from "./share_server.ts";
import type { Row } from "./table.ts";
import { output, type Workspace } from "./workspace.ts";

const MEGABYTE = 1_000_000;
const MEMORY_LIMIT = 150 * MEGABYTE;
const LARGE = 2_000 * MEGABYTE;
const QUICK_LARGE = 300 * MEGABYTE;
const ENCRYPTED = 1 << 30;
const QUICK_ENCRYPTED = 1 << 28;
/** Within a quarter of the speed. */
const MIN_RATIO = 0.75;

/** Measures a file that is sent and opened, and its encryption beside that of `crypto encrypt`. */
export async function benchShareFiles(space: Workspace, server: ShareServer): Promise<Row[]> {
  const runner = await Runner.start(space, {
    CRYPTO_SHARE_SERVER: `http://127.0.0.1:${server.port}`,
    XDG_STATE_HOME: space.path("state"),
  });
  const rows = [...await memory(space, server, runner), ...await encryption(space, runner)];
  await runner.stop();
  return rows;
}

async function memory(
  space: Workspace,
  { pid }: ShareServer,
  runner: Runner,
): Promise<Row[]> {
  const size = space.quick ? QUICK_LARGE : LARGE;
  const [file, inbox] = [space.path("large"), space.path("inbox")];
  await Deno.writeFile(file, new Uint8Array(1));
  await Deno.truncate(file, size);
  await Deno.mkdir(inbox);
  const command = (...args: string[]) => [space.crypto, "share", ...args];
  const sent = await runner.run({ pipeline: [command("send", file)], capture: true });
  const link = sent.output!.trim();
  const opened = await runner.run({ pipeline: [command("open", link, "--output", inbox)] });
  await output("cmp", [file, `${inbox}/large`], 120);
  await Deno.remove(inbox, { recursive: true });
  const row = (what: string, peak: number): Row => ({
    part: "share",
    what: `${what} ${size / MEGABYTE} MB, peak`,
    unit: "bytes",
    ours: [peak],
    target: { below: MEMORY_LIMIT },
  });
  return [
    row("share send", sent.processes[0]!.rss),
    row("share open", opened.processes[0]!.rss),
    row("share serve", await peakOf(pid)),
  ];
}

async function peakOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) * 1024;
}

async function encryption(space: Workspace, runner: Runner): Promise<Row[]> {
  const { socket } = await startDaemon(space);
  const size = space.quick ? QUICK_ENCRYPTED : ENCRYPTED;
  const file = space.path("plain");
  await Deno.writeFile(file, new Uint8Array(1));
  await Deno.truncate(file, size);
  // On one thread, as `share send` does it, which has the other processor send meanwhile.
  const alone = ["taskset", "-c", "0"];
  const encrypt = [...alone, space.crypto, "encrypt", "--socket", socket, "--output", "-", file];
  const send = [space.crypto, "share", "send", file];
  const seconds = async (command: string[], capture = false) =>
    (await runner.run({ pipeline: [command], capture })).seconds;
  const figures = await interleave(space, space.quick ? 3 : 5, {
    sealing: () => seal(file),
    sending: () => seconds(send, true),
    peer: () => seconds(encrypt),
  });
  const row = {
    part: "share",
    unit: "seconds",
    peer: figures.peer,
    against: "crypto encrypt, one thread",
  } as const;
  const what = `share send ${size / (1 << 20)} MiB`;
  return [
    { ...row, what: `${what}: encryption`, ours: figures.sealing, target: { ratio: MIN_RATIO } },
    { ...row, what: `${what}: all, with the server`, ours: figures.sending },
  ];
}

/** The sender's own way from a file to its ciphertext, in this process. */
async function seal(path: string): Promise<number> {
  const started = performance.now();
  const content = await fileContent([{ path, name: "plain" }]);
  const terms = { kind: "secret", ttl: 600, views: 1, passphrase: false } as const;
  const engine = loadLibcrypto() ?? webCrypto;
  const sealing = await createBodySealer(randomBytes(32), terms, content.manifest, { engine });
  for await (const _ of sealed(sealing, content.read()));
  return (performance.now() - started) / 1000;
}
