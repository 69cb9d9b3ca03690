/** Whole processes that handle one short text, side by side with a client in Python. */
import { fileURLToPath } from "node:url";
import { runtimeEnvironment } from "../tools/denort.ts";
import { mustDeno } from "../tools/process.ts";
import { prepareGpg } from "./gpg.ts";
import { interleave } from "./rounds.ts";
import { type Job, Runner } from "./runner.ts";
import { ask, type Server, startDaemon, startPeer } from "./servers.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

const TEXT = "correct horse battery staple";
const WARM_UPS = 3;
/** What the project aims at: what gpg takes through its agent. */
const AIM = 0.014;

/** The two commands of a client: each takes a text as its last argument or standard input. */
interface Client {
  readonly encrypt: readonly string[];
  readonly encryptInput: readonly string[];
  readonly decrypt: readonly string[];
  /** A message for it to decrypt. */
  readonly message: string;
}

const ACTIONS: Readonly<Record<string, (client: Client) => Job>> = {
  "encrypt --text": ({ encrypt }) => ({ pipeline: [[...encrypt, TEXT]] }),
  "decrypt --text": ({ decrypt, message }) => ({ pipeline: [[...decrypt, message]] }),
  "echo secret | encrypt": ({ encryptInput }) => ({ pipeline: [encryptInput], text: "secret\n" }),
};

/** Measures the seconds that whole processes take. */
export async function benchProcess(space: Workspace): Promise<Row[]> {
  const daemon = await startDaemon(space);
  const peer = await startPeer(space);
  const runner = await Runner.start(space);
  const ours = await ourClient(space, daemon);
  const python = "skip" in peer ? undefined : await pythonClient(runner.python, peer);
  for (const client of python ? [ours, python] : [ours]) await checkDecrypts(runner, client);

  const against = "skip" in peer ? `skipped: ${peer.skip}` : "Python client";
  const rows: Row[] = [];
  for (const [what, action] of Object.entries(ACTIONS)) {
    const jobs = { ours: action(ours), ...(python ? { peer: action(python) } : {}) };
    const figures = await measure(space, runner, jobs);
    rows.push({ ...row(what, figures.ours), peer: figures.peer, against, target: { ratio: 1 } });
    rows.push({ ...row("  alone", figures.ours), target: { aim: AIM } });
  }
  rows.push(...await floors(space, runner));
  await runner.stop();
  return rows;
}

function row(what: string, ours: readonly number[] = []): Row {
  return { part: "process", what, unit: "seconds", ours };
}

async function measure(
  space: Workspace,
  runner: Runner,
  jobs: Readonly<Record<string, Job>>,
): Promise<Record<string, number[]>> {
  const measures = Object.entries(jobs).map(([name, job]) => {
    return [name, async () => (await runner.run(job)).seconds] as const;
  });
  const all = Object.fromEntries(measures);
  await interleave(space, WARM_UPS, all);
  return await interleave(space, space.quick ? 15 : 41, all);
}

async function ourClient(space: Workspace, { socket, dialect }: Server): Promise<Client> {
  const common = ["--quiet", "--socket", socket];
  return {
    encrypt: [space.crypto, "encrypt", ...common, "--text"],
    encryptInput: [space.crypto, "encrypt", ...common],
    decrypt: [space.crypto, "decrypt", ...common, "--text"],
    message: dialect.message(await ask(socket, dialect.encrypt(TEXT))),
  };
}

async function pythonClient(python: string, { socket, dialect }: Server): Promise<Client> {
  const client = [python, fileURLToPath(new URL("client.py", import.meta.url)), socket];
  return {
    encrypt: [...client, "encrypt"],
    encryptInput: [...client, "encrypt"],
    decrypt: [...client, "decrypt"],
    message: dialect.message(await ask(socket, dialect.encrypt(TEXT))),
  };
}

/** What a client does is only worth measuring if it is right. */
async function checkDecrypts(runner: Runner, { encrypt, decrypt }: Client): Promise<void> {
  const run = async (command: readonly string[]) => {
    return (await runner.run({ pipeline: [command], capture: true })).output?.trim() ?? "";
  };
  const opened = await run([...decrypt, await run([...encrypt, TEXT])]);
  if (opened !== TEXT) throw new Error(`${decrypt.join(" ")} gave ${opened}`);
}

/** What cannot be undercut, and what GnuPG takes. */
async function floors(space: Workspace, runner: Runner): Promise<Row[]> {
  const gpg = await prepareGpg(space);
  const commands: Record<string, readonly string[]> = {
    "crypto --version": [space.crypto, "--version"],
    "an empty compiled program": [await compileEmpty(space)],
    "python3 -c pass": [runner.python, "-c", "pass"],
    ...(gpg ? { "gpg --decrypt, by its agent": gpg.decrypt } : {}),
  };
  const jobs = Object.entries(commands).map(([name, command]) => {
    return [name, { pipeline: [command] }] as const;
  });
  const figures = await measure(space, runner, Object.fromEntries(jobs));
  await gpg?.stop();
  return Object.keys(commands).map((name) => row(name, figures[name]));
}

/** A program that does nothing, compiled as ours is. */
async function compileEmpty(space: Workspace): Promise<string> {
  const [script, program] = [space.path("empty.js"), space.path("empty")];
  await Deno.writeTextFile(script, "");
  const options = ["--quiet", "--no-config", "--no-lock", "--no-check", "--no-code-cache"];
  await mustDeno(["compile", ...options, "-o", program, script], {
    cwd: space.directory,
    env: await runtimeEnvironment(Deno.build.target),
  });
  return program;
}
