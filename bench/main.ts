/**
 * `deno task bench [NAME…] [--quick] [--json FILE] [--binary FILE] [--dir DIRECTORY]`: measures the
 * program side by side with others that do the same, and prints the ratios.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { reason } from "../tools/process.ts";
import { benchAudit } from "./audit.ts";
import { benchFairness } from "./fairness.ts";
import { benchFiles } from "./files.ts";
import { benchLambda } from "./lambda.ts";
import { benchMemory } from "./memory.ts";
import { benchNetwork } from "./network.ts";
import { benchProcess } from "./process.ts";
import { benchRequests } from "./requests.ts";
import { benchShare } from "./share.ts";
import { evaluate, format, isAim, type Result, type Row } from "./table.ts";
import { Workspace } from "./workspace.ts";

/** The parts, in the order in which they run. */
const PARTS: Readonly<Record<string, (space: Workspace) => Promise<Row[]>>> = {
  requests: benchRequests,
  audit: benchAudit,
  fairness: benchFairness,
  files: benchFiles,
  process: benchProcess,
  memory: benchMemory,
  network: benchNetwork,
  share: benchShare,
  lambda: benchLambda,
};

interface Options {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly json?: string | undefined;
  readonly binary?: string | undefined;
  readonly dir?: string | undefined;
}

function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      binary: { type: "string" },
      dir: { type: "string" },
    },
  });
  const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) {
    throw new Error(`no part is called ${unknown}; there are ${Object.keys(PARTS).join(", ")}`);
  }
  return { ...values, names: positionals.length > 0 ? positionals : Object.keys(PARTS) };
}

async function bench(space: Workspace, names: readonly string[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) {
    console.error(`measuring ${name}`);
    const evaluated = (await measure(space, name)).map(evaluate);
    console.log(format(name, evaluated));
    results.push(...evaluated);
  }
  return results;
}

async function measure(space: Workspace, name: string): Promise<Row[]> {
  const own = await space.within(name);
  try {
    const rows = await PARTS[name]!(own);
    if (own.disturbed > 0) console.error(disturbance(own));
    return rows;
  } finally {
    await own.remove();
  }
}

function disturbance({ disturbed, rounds }: Workspace): string {
  return `  other programs were busy in ${disturbed} of ${rounds} rounds: take these figures lightly`;
}

/** One line: how many targets are met, aims aside. */
function summary(results: readonly Result[]): string {
  const judged = results.filter(({ met, target }) => met !== undefined && !isAim(target));
  const met = judged.filter(({ met }) => met);
  return `${met.length} of ${judged.length} targets met`;
}

async function main(args: readonly string[]): Promise<void> {
  const { names, quick, json, binary, dir } = readOptions(args);
  const space = await Workspace.make({ quick, binary, directory: dir });
  const stop = () => void space.remove().finally(() => Deno.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  try {
    const results = await bench(space, names);
    console.log(summary(results));
    if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify(results, null, 2) + "\n");
  } finally {
    await space.remove();
  }
}

await main(Deno.args).then(() => Deno.exit(0), (error) => {
  console.error(`bench: ${reason(error)}`);
  Deno.exit(1);
});
