/** What the audit log costs: the daemon, and the same daemon without one, side by side. */
import { fileURLToPath } from "node:url";
import { compile } from "../tools/compile.ts";
import { PROJECT } from "../tools/process.ts";
import { type Figures, Generator, type Load } from "./generator.ts";
import { interleave } from "./rounds.ts";
import { type Server, startDaemon } from "./servers.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

/** It may cost less than a fifth of the throughput. */
const TARGET = { ratio: 0.8 } as const;
const CONNECTIONS = [1, 16, 64] as const;
const TIMES = { seconds: 0.5, warmup: 0.1 } as const;

/** Measures short encryptions, of which there are most in a second, so that a line weighs most. */
export async function benchAudit(space: Workspace): Promise<Row[]> {
  const generator = await Generator.prepare(space);
  const logged = await startDaemon(space);
  const unlogged = await startDaemon(space, { program: await unloggedProgram(space) });
  const rows: Row[] = [];
  for (const connections of CONNECTIONS) {
    console.error(`  ${connections} connections`);
    rows.push(...await measure(space, generator, connections, { ours: logged, peer: unlogged }));
  }
  return rows;
}

/** The program without its log, by the very steps that make `crypto`. */
async function unloggedProgram(space: Workspace): Promise<string> {
  const root = space.path("unlogged");
  await Deno.mkdir(root);
  const { imports, unstable } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  const settings = { imports, unstable, lock: false, nodeModulesDir: "none" };
  await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify(settings));
  const modules = [fileURLToPath(new URL("unlogged.ts", import.meta.url)), `${PROJECT}/main.ts`];
  const entry = modules.map((path) => `import ${JSON.stringify(`file://${path}`)};\n`).join("");
  await Deno.writeTextFile(`${root}/main.ts`, entry);
  return (await compile({ root, output: "crypto" })).path;
}

async function measure(
  space: Workspace,
  generator: Generator,
  connections: number,
  servers: Record<"ours" | "peer", Server>,
): Promise<Row[]> {
  const lines = space.path("lines");
  const { dialect } = servers.ours;
  await Deno.writeTextFile(lines, dialect.encrypt("a".repeat(100)) + "\n");
  const load: Load = { connections, mode: "keep", lines, expected: dialect.encrypted, ...TIMES };
  for (const server of Object.values(servers)) await generator.run(server, load);
  const { ours, peer } = await interleave(space, space.quick ? 5 : 21, {
    ours: () => generator.run(servers.ours, load),
    peer: () => generator.run(servers.peer, load),
  });
  const row = (what: string, unit: Row["unit"], pick: (figures: Figures) => number): Row => {
    const against = "without a log";
    return { part: "audit", what, unit, ours: ours.map(pick), peer: peer.map(pick), against };
  };
  return [
    { ...row(`encrypt 100 B, ${connections} kept`, "rate", ({ rate }) => rate), target: TARGET },
    row("  p99", "micros", ({ p99 }) => p99),
    row("  processor, each", "micros", ({ cpu }) => cpu),
  ];
}
