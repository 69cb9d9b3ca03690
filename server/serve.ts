/** `crypto serve`: prepares, starts the worker, gives up every permission, waits for a signal. */
import { readHeads } from "./audit/heads.ts";
import { prepare, type ServeFlags } from "./prepare.ts";
import { DaemonWorker } from "./worker.ts";

/** What the program hands to its subcommand. */
export interface ServeContext {
  /** URL of the program's script. */
  readonly script: string;
  /** The program's version. */
  readonly findVersion: () => Promise<string>;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
}

/** Runs the daemon until SIGTERM or SIGINT; SIGHUP reloads it. */
export async function serve(context: ServeContext, flags: ServeFlags): Promise<void> {
  const stopped = signal("SIGTERM", "SIGINT");
  const options = prepare(flags, await context.findVersion());
  const worker = await DaemonWorker.load(context.script, options, sayOf(context));
  const { keys, metrics, listening, warnings } = await worker.start();
  // Before it says that it serves: who reads that may ask for a reload at once.
  reloadOnHangup(worker, context.say);
  const places = [options.layout.socket, ...listening ? [`tls://${listening}`] : []];
  context.say(`serving ${describeKeys(keys)} at ${places.join(" and ")}`);
  if (metrics) context.say(`metrics at ${metrics}`);
  for (const warning of [...options.warnings, ...warnings]) context.say(warning);
  await Promise.race([stopped, worker.died]);
  await worker.stop();
  context.say("stopped");
}

/** A head is for a journal: at a terminal nobody would keep it. */
function sayOf({ say }: ServeContext): ServeContext["say"] {
  if (!Deno.stderr.isTerminal()) return say;
  return (line) => readHeads(line).length > 0 || say(line);
}

/** One reload after the other; if the worker has died meanwhile, that is told elsewhere. */
function reloadOnHangup(worker: DaemonWorker, say: ServeContext["say"]): void {
  let last: Promise<void> = Promise.resolve();
  const reload = async () => {
    const { problems, warnings } = await worker.reload() ?? { problems: [], warnings: [] };
    for (const problem of problems) say(`not reloaded: ${problem}`);
    for (const warning of warnings) say(warning);
    if (problems.length === 0) say("reloaded");
  };
  Deno.addSignalListener("SIGHUP", () => {
    last = last.then(reload).catch(() => undefined);
  });
}

function describeKeys(keys: number | undefined): string {
  if (keys === undefined) return "no key before `crypto unseal`";
  return `${keys} ${keys === 1 ? "key" : "keys"}`;
}

function signal(...names: Deno.Signal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const name of names) Deno.addSignalListener(name, resolve);
  });
}
