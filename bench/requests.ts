/** Requests over the socket: how many a second, and how long each takes. */
import { type Figures, Generator, type Load } from "./generator.ts";
import { interleave } from "./rounds.ts";
import { ask, type Server, startDaemon, startPeer } from "./servers.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

type Operation = "encrypt" | "decrypt";

/** What is asked, and how. */
export interface Case {
  readonly operation: Operation;
  readonly bytes: number;
  readonly connections: number;
  readonly mode: Load["mode"];
  /** At least this many times the peer's rate. */
  readonly target: number;
  /** Whether the 99th percentile must be no worse. */
  readonly tail: boolean;
}

const CASES: readonly Case[] = [
  ...(["encrypt", "decrypt"] as const).flatMap((operation) => [
    kept(operation, 100, 1, 1),
    kept(operation, 100, 16, 3),
    kept(operation, 100, 64, 3),
    kept(operation, 4096, 16, 2),
  ]),
  { operation: "encrypt", bytes: 100, connections: 16, mode: "new", target: 3, tail: false },
];

/** Requests over connections that stay. */
export function kept(
  operation: Operation,
  bytes: number,
  connections: number,
  target: number,
): Case {
  const tail = connections > 1 && bytes === 100;
  return { operation, bytes, connections, mode: "keep", target, tail };
}

/** Many short rounds: the machine's moods last longer than one. */
const TIMES = { seconds: 0.5, warmup: 0.1 } as const;
const DISTINCT_MESSAGES = 64;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,";

/** Measures the daemon and the server in Python, case by case. */
export async function benchRequests(space: Workspace): Promise<Row[]> {
  const generator = await Generator.prepare(space);
  const daemon = await startDaemon(space);
  const peer = await startPeer(space);
  const rows: Row[] = [];
  for (const one of CASES) {
    console.error(`  ${describe(one)} (load from ${generator.language})`);
    rows.push(...await measure(space, generator, one, daemon, peer));
  }
  return rows;
}

async function measure(
  space: Workspace,
  generator: Generator,
  one: Case,
  daemon: Server,
  peer: Server | { readonly skip: string },
): Promise<Row[]> {
  const servers = "skip" in peer ? { ours: daemon } : { ours: daemon, peer };
  const measures: Record<string, () => Promise<Figures>> = {};
  for (const [name, server] of Object.entries(servers)) {
    const load = await prepareLoad(space, server, one);
    await generator.run(server, { ...load, seconds: 0.5 });
    measures[name] = () => generator.run(server, load);
  }
  const figures = await interleave(space, space.quick ? 3 : 11, measures);
  const against = "skip" in peer ? `skipped: ${peer.skip}` : peer.name;
  return rowsOf(one, figures.ours ?? [], figures.peer, against);
}

/** Writes the requests to a file. Every message to be decrypted comes from that server. */
export async function prepareLoad(
  space: Workspace,
  server: Server,
  one: Pick<Case, "operation" | "bytes" | "connections" | "mode">,
): Promise<Load> {
  const { socket, dialect } = server;
  const text = randomText(one.bytes);
  const requests: string[] = [];
  for (let i = 0; i < DISTINCT_MESSAGES; i++) {
    const request = dialect.encrypt(text);
    if (one.operation === "encrypt") requests.push(request);
    else requests.push(dialect.decrypt(dialect.message(await ask(socket, request))));
  }
  const lines = space.path(`${server.name}-${one.operation}-${one.bytes}`);
  await Deno.writeTextFile(lines, requests.map((request) => request + "\n").join(""));
  const expected = one.operation === "encrypt" ? dialect.encrypted : dialect.decrypted(text);
  return { connections: one.connections, mode: one.mode, lines, expected, ...TIMES };
}

function randomText(length: number): string {
  const random = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(random, (byte) => LETTERS[byte % LETTERS.length]).join("");
}

function describe({ operation, bytes, connections, mode }: Case): string {
  const size = bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
  const clients = mode === "keep" ? "kept" : "new connections, clients:";
  return mode === "keep"
    ? `${operation} ${size}, ${connections} ${clients}`
    : `${operation} ${size}, ${clients} ${connections}`;
}

function rowsOf(one: Case, ours: Figures[], peer: Figures[] | undefined, against: string): Row[] {
  const row = (what: string, unit: Row["unit"], pick: (figures: Figures) => number): Row => {
    return { part: "requests", what, unit, ours: ours.map(pick), peer: peer?.map(pick), against };
  };
  return [
    { ...row(describe(one), "rate", ({ rate }) => rate), target: { ratio: one.target } },
    row("  p50", "micros", ({ p50 }) => p50),
    { ...row("  p99", "micros", ({ p99 }) => p99), target: one.tail ? { ratio: 1 } : undefined },
    row("  processor, each", "micros", ({ cpu }) => cpu),
  ];
}
