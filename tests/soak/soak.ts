/**
 * `deno task soak [--minutes N]`: clients that compare all that comes back, while clients and the
 * daemon are killed at random. Then the daemon is left alone, to see whether its memory grows.
 */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect } from "../../client/mod.ts";
import { Supervised } from "../support/activation.ts";
import { kill, plainEnvironment } from "../support/process.ts";
import { soon } from "../support/wait.ts";
import type { Said } from "./client.ts";

const PROCESSES = 8;
const CLIENTS_EACH = 8;
const CLIENT = fileURLToPath(new URL("client.ts", import.meta.url));
/** Milliseconds between two kills, at most. */
const KILL_CLIENT = 2_000;
const KILL_DAEMON = 4_000;
const SAMPLE = 500;
/** By how much the memory of a daemon may differ that does the same all the time. */
const FLAT = 1.1;
/** The part of the time in which the daemon is killed. */
const STORMY = 0.5;
/** Some of the calm is warm-up: the heap of a new daemon has not met all of its work yet. */
const WARM_UP = 0.3;

/** What came of a soak. */
export interface Soaked {
  readonly done: number;
  /** Calls of which a kill left unknown whether they were done, or that found no daemon. */
  readonly interrupted: number;
  readonly clientKills: number;
  readonly daemonKills: number;
  readonly keys: number;
  /** Bytes that the daemon holds: medians of the first and the last third of the calm. */
  readonly memory: { readonly first: number; readonly last: number };
  /** What must not be: wrong answers, lost keys. */
  readonly wrong: readonly string[];
}

/** Runs clients for a time in milliseconds. */
export async function soak(milliseconds: number): Promise<Soaked> {
  await using daemon = await Supervised.start([], { lifetime: milliseconds + 120_000 });
  const clients = new Clients(daemon.socket);
  const [clientKills, { daemonKills, samples }] = await Promise.all([
    clients.disturb(milliseconds),
    disturbDaemon(daemon, milliseconds),
  ]);
  await clients.end();
  const { done, interrupted, made } = clients;
  const wrong = [...clients.wrong, ...await lost(daemon.socket, made)];
  const memory = { first: median(samples.slice(0, third(samples))), last: lastThird(samples) };
  return { ...{ done, interrupted, clientKills, daemonKills }, keys: made.length, memory, wrong };
}

type Made = Extract<Said, { key: string }>;

/** Processes of clients, each started again when it was killed. */
class Clients {
  done = 0;
  interrupted = 0;
  readonly made: Made[] = [];
  readonly wrong: string[] = [];
  readonly #running = new Map<Deno.ChildProcess, Promise<void>>();
  #started = 0;

  constructor(private readonly socket: string) {
    for (let i = 0; i < PROCESSES; i++) this.#start();
  }

  #start(): void {
    const name = `soak${this.#started++}`;
    const args = ["run", "--allow-all", "--no-check", CLIENT, this.socket, `${CLIENTS_EACH}`, name];
    const child = new Deno.Command(Deno.execPath(), {
      args,
      env: { ...plainEnvironment(), HOME: Deno.env.get("HOME") ?? "/" },
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#running.set(child, this.#listen(child));
  }

  async #listen(child: Deno.ChildProcess): Promise<void> {
    for await (const line of createInterface(Readable.fromWeb(child.stdout))) {
      // A kill may cut the last one.
      if (line.endsWith("}")) this.#note(JSON.parse(line) as Said);
    }
    await child.status;
  }

  #note(said: Said): void {
    if ("wrong" in said) this.wrong.push(said.wrong);
    else if ("key" in said) this.made.push(said);
    else {[this.done, this.interrupted] = [
        this.done + said.done,
        this.interrupted + said.interrupted,
      ];}
  }

  /** Kills one after the other. Gives how many. */
  async disturb(milliseconds: number): Promise<number> {
    const end = performance.now() + milliseconds;
    for (let kills = 0;; kills++) {
      await sleep(Math.min(Math.random() * KILL_CLIENT, end - performance.now()));
      if (performance.now() >= end) return kills;
      const running = [...this.#running.keys()];
      await this.#kill(running[Math.floor(Math.random() * running.length)]!);
      this.#start();
    }
  }

  async #kill(child: Deno.ChildProcess): Promise<void> {
    kill(child, "SIGKILL");
    await soon("a client's end", this.#running.get(child)!);
    this.#running.delete(child);
  }

  async end(): Promise<void> {
    for (const child of [...this.#running.keys()]) await this.#kill(child);
  }
}

/** Kills the daemon for a while, then only looks at its memory. */
async function disturbDaemon(daemon: Supervised, milliseconds: number) {
  const started = performance.now();
  const passed = () => (performance.now() - started) / milliseconds;
  let daemonKills = 0;
  for (; passed() < STORMY; daemonKills++) {
    await sleep(Math.random() * KILL_DAEMON);
    await daemon.restart(Math.random() < 0.5 ? "SIGKILL" : "SIGTERM");
  }
  while (passed() < STORMY + (1 - STORMY) * WARM_UP) await sleep(SAMPLE);
  const samples: number[] = [];
  for (; passed() < 1; await sleep(SAMPLE)) samples.push(daemon.memory());
  return { daemonKills, samples };
}

/** What was made and is no more. */
async function lost(socket: string, made: readonly Made[]): Promise<string[]> {
  const service = await connect({ socket });
  const found = await Promise.all(made.map(async ({ key, text, message }) => {
    const opened = await service.decryptText(message).catch(String);
    return opened === text ? [] : [`${key}: ${opened}`];
  }));
  service.close();
  return found.flat();
}

function third(samples: readonly number[]): number {
  return Math.ceil(samples.length / 3);
}

function lastThird(samples: readonly number[]): number {
  return median(samples.slice(-third(samples)));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: "5" } } });
  const { wrong, ...soaked } = await soak(Number(values.minutes) * 60_000);
  const { first, last } = soaked.memory;
  console.log(soaked);
  for (const one of wrong) console.error(one);
  if (last > first * FLAT) console.error("its memory grows");
  Deno.exit(wrong.length === 0 && last <= first * FLAT ? 0 : 1);
}
