/** How long a quiet client waits while another user's client floods the daemon, and alone. */
import { fileURLToPath } from "node:url";
import { reason } from "../tools/process.ts";
import { type Figures, Generator } from "./generator.ts";
import { prepareLoad } from "./requests.ts";
import { interleave } from "./rounds.ts";
import { type Server, startDaemon } from "./servers.ts";
import type { Row } from "./table.ts";
import { has, type Workspace } from "./workspace.ts";

const FLOODER = 61_000;
const CONNECTIONS = 16;
/** The p99 beside a flood is to be at most five times the one alone. */
const TARGET = { ratio: 1 / 5 } as const;
/** One connection that asks, waits for the answer and asks again. */
const QUIET = { operation: "encrypt", bytes: 100, connections: 1, mode: "keep" } as const;
const TEXT = "x".repeat(100);

/** What the flooder sends on each of its connections, over and over. */
const FLOODS: Readonly<Record<string, string>> = {
  "batches of 1,024": `[${requests(1_024).join(",")}]\n`,
  "pipelined requests": requests(1_024).map((one) => `${one}\n`).join(""),
  "lines of 500 kB": requests(2, "x".repeat(500_000)).map((one) => `${one}\n`).join(""),
};

function requests(count: number, text = TEXT): string[] {
  return Array.from({ length: count }, (_, id) => {
    return JSON.stringify({ jsonrpc: "2.0", id, method: "encrypt", params: { text } });
  });
}

/** Measures a client alone, then beside each flood, in turn. */
export async function benchFairness(space: Workspace): Promise<Row[]> {
  const missing = Deno.uid() !== 0 ? "needs root" : await has("python3") ? "" : "needs python3";
  if (missing) {
    return [{ part: "fairness", what: "p99", unit: "micros", ours: [], against: missing }];
  }
  const generator = await Generator.prepare(space);
  const daemon = await startDaemon(space, { policy: POLICY });
  await openToAll(space, daemon);
  const load = await prepareLoad(space, daemon, QUIET);
  const alone = () => generator.run(daemon, load);
  await alone();
  const rows: Row[] = [];
  for (const [name, text] of Object.entries(FLOODS)) {
    console.error(`  ${name}`);
    const file = space.path(name.replaceAll(" ", "-"));
    await Deno.writeTextFile(file, text);
    const beside = () => besideFlood(space, { daemon, file }, alone);
    rows.push(...rowsOf(name, await interleave(space, space.quick ? 3 : 11, { alone, beside })));
  }
  return rows;
}

/** Both may use the daemon's key: root, who is the quiet one, too. */
const POLICY = `[keys.default]\nencrypt.users = [0, ${FLOODER}]\n`;

async function openToAll({ directory }: Workspace, { socket }: Server): Promise<void> {
  await Deno.chmod(socket, 0o666);
  for (let path = socket; path.length > 1;) {
    path = path.slice(0, path.lastIndexOf("/"));
    if (path.length < directory.length - "/fairness".length) return;
    await Deno.chmod(path, 0o711);
  }
}

interface Flood {
  readonly daemon: Server;
  readonly file: string;
}

/** Measures while another process floods the daemon. */
async function besideFlood(
  space: Workspace,
  { daemon, file }: Flood,
  measure: () => Promise<Figures>,
): Promise<Figures> {
  const script = fileURLToPath(new URL("flood.py", import.meta.url));
  const args = [script, daemon.socket, String(FLOODER), String(CONNECTIONS), file];
  const { process, complaint } = space.start("python3", args, { stdout: "piped" });
  try {
    const { value } = await process.stdout.getReader().read();
    if (!value) throw new Error(`the flooder ended: ${await complaint}`);
    return await measure();
  } catch (error) {
    throw new Error(`beside the flood: ${reason(error)}`);
  } finally {
    process.kill("SIGKILL");
    await process.status;
  }
}

function rowsOf(name: string, { alone, beside }: Record<"alone" | "beside", Figures[]>): Row[] {
  const row = (what: string, pick: (figures: Figures) => number): Row => {
    const peer = alone.map(pick);
    return {
      part: "fairness",
      what,
      unit: "micros",
      ours: beside.map(pick),
      peer,
      against: "alone",
    };
  };
  return [
    { ...row(`p99 beside ${name}`, ({ p99 }) => p99), target: TARGET },
    row("  p50", ({ p50 }) => p50),
  ];
}
