/** What a cold start on AWS Lambda costs of ours: loading the bundle under Node, up to its handler. */
import { unzipSync } from "fflate";
import { interleave } from "./rounds.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

/** Loads a module, and tells the seconds from before that until it is ready. */
const LOAD = `const started = performance.now();
await import(process.argv[1]);
console.log((performance.now() - started) / 1000);`;
const ENVIRONMENT = {
  AWS_REGION: "eu-central-1",
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench",
  DYNAMODB_TABLE: "bench",
  S3_BUCKET: "bench",
  CRYPTO_SHARE_ORIGIN: "https://share.example",
};

/** Measures it beside a module with nothing in it, on whatever Node is there. */
export async function benchLambda(space: Workspace): Promise<Row[]> {
  const version = await output("node", ["--version"]).catch(() => undefined);
  const row = { part: "lambda", what: "init of the bundle", unit: "seconds" } as const;
  if (version === undefined) return [{ ...row, ours: [], against: "skipped: node is not there" }];
  const bundle = await unpack(space);
  const empty = space.path("empty.mjs");
  await Deno.writeTextFile(empty, "export const handler = () => {};\n");
  const measures = { ours: () => load(bundle), empty: () => load(empty) };
  await measures.ours();
  const figures = await interleave(space, space.quick ? 5 : 15, measures);
  return [{ ...row, ours: figures.ours, against: `Node ${version}` }, {
    ...{ ...row, what: "  of an empty module" },
    ours: figures.empty,
  }];
}

/** The function as it is deployed. */
async function unpack(space: Workspace): Promise<string> {
  await output(space.crypto, ["share-lambda", "--output", space.path("lambda")]);
  const zip = await Deno.readFile(space.path("lambda/share-lambda.zip"));
  const path = space.path("index.mjs");
  await Deno.writeFile(path, unzipSync(zip)["index.mjs"]!);
  return path;
}

async function load(path: string): Promise<number> {
  return Number(await output("node", ["--input-type=module", "--eval", LOAD, path]));
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const env = { PATH: Deno.env.get("PATH") ?? "", ...ENVIRONMENT };
  const command = new Deno.Command(program, { args: [...args], env, clearEnv: true });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}
