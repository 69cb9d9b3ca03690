/** The most memory that the program has in use. */
import { type Age, prepareAge } from "./age.ts";
import { Generator } from "./generator.ts";
import { Runner } from "./runner.ts";
import { memoryOf, type Server, startDaemon, startPeer } from "./servers.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

const MEGABYTE = 1_000_000;
const STREAM_LIMIT = 150 * MEGABYTE;
const DAEMON_LIMIT = 80 * MEGABYTE;
/** How much more memory a large stream may take than a small one. */
const GROWTH = 1.1;
/** A daemon has settled after this many milliseconds. */
const SETTLING = 2000;

/** Measures the peaks of encrypt and decrypt, and the daemon before and after work. */
export async function benchMemory(space: Workspace): Promise<Row[]> {
  const idle = await idleServers(space);
  const daemon = await startDaemon(space);
  const streams = await benchStreams(space, daemon);
  return [...streams, ...idle, ...await loadedDaemon(space, daemon)];
}

interface Peaks {
  readonly encrypt: number[];
  readonly decrypt: number[];
}

async function benchStreams(space: Workspace, { socket }: Server): Promise<Row[]> {
  const runner = await Runner.start(space);
  const age = await prepareAge(space);
  const ours: Commands = {
    encrypt: [space.crypto, "encrypt", "--socket", socket],
    decrypt: [space.crypto, "decrypt", "--socket", socket],
  };
  const sizes = { small: 100 * MEGABYTE, large: (space.quick ? 1000 : 4000) * MEGABYTE };
  const small = await peaks(runner, ours, sizes.small, 5);
  const large = await peaks(runner, ours, sizes.large, space.quick ? 1 : 3);
  const peer = "skip" in age ? undefined : await peaks(runner, age, sizes.small, 5);
  await runner.stop();
  return (["encrypt", "decrypt"] as const).flatMap((operation) => [
    { ...peakRow(operation, sizes.small, small), peer: peer?.[operation], against: named(age) },
    peakRow(operation, sizes.large, large),
    growth(operation, small, large),
  ]);
}

function named(age: Age | { readonly skip: string }): string {
  return "skip" in age ? `skipped: ${age.skip}` : `age ${age.version}`;
}

type Commands = Pick<Age, "encrypt" | "decrypt">;

/** Both commands in one pipeline, from a generator to nowhere. */
async function peaks(runner: Runner, { encrypt, decrypt }: Commands, size: number, rounds: number) {
  const found: Peaks = { encrypt: [], decrypt: [] };
  const generator = ["head", "-c", String(size), "/dev/zero"];
  for (let round = 0; round < rounds; round++) {
    const { processes } = await runner.run({ pipeline: [generator, encrypt, decrypt] });
    found.encrypt.push(processes[1]!.rss);
    found.decrypt.push(processes[2]!.rss);
  }
  return found;
}

function row(what: string, unit: Row["unit"], ours: readonly number[]): Row {
  return { part: "memory", what, unit, ours };
}

function peakRow(operation: keyof Peaks, size: number, all: Peaks): Row {
  const what = `${operation} ${size / MEGABYTE} MB from a pipe, peak`;
  return { ...row(what, "bytes", all[operation]), target: { below: STREAM_LIMIT } };
}

function growth(operation: keyof Peaks, small: Peaks, large: Peaks): Row {
  const ours = large[operation].map((peak) => peak / Math.max(...small[operation]));
  return { ...row("  against the smaller one", "times", ours), target: { below: GROWTH } };
}

/** Servers that have answered one request. */
async function idleServers(space: Workspace): Promise<Row[]> {
  const daemon = await startDaemon(space);
  const peer = await startPeer(space);
  await settle();
  const idle = {
    ...row("the daemon, idle", "bytes", [await memoryOf(daemon.pid)]),
    target: { below: DAEMON_LIMIT },
  };
  if ("skip" in peer) return [{ ...idle, against: `skipped: ${peer.skip}` }];
  return [{ ...idle, peer: [await memoryOf(peer.pid)], against: peer.name }];
}

/** The daemon after it has answered 64 clients as fast as it could. */
async function loadedDaemon(space: Workspace, daemon: Server): Promise<Row[]> {
  const { dialect } = daemon;
  const generator = await Generator.prepare(space);
  const lines = space.path("memory-lines");
  await Deno.writeTextFile(lines, dialect.encrypt("a".repeat(4096)) + "\n");
  const times = { seconds: space.quick ? 2 : 10, warmup: 0 };
  const load = { connections: 64, mode: "keep", lines, expected: dialect.encrypted } as const;
  await generator.run(daemon, { ...load, ...times });
  const busy = await memoryOf(daemon.pid);
  await settle();
  const after = await memoryOf(daemon.pid);
  return [
    row(`the daemon, after ${times.seconds} s of load`, "bytes", [busy]),
    row("  and when it has settled", "bytes", [after]),
  ];
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLING));
}
