/** `crypto serve`: prepares, starts the worker, gives up every permission, waits for a signal. */
import { prepare, type ServeFlags } from "./prepare.ts";
import { DaemonWorker } from "./worker.ts";

/** What the program hands to its subcommand. */
export interface ServeContext {
  /** URL of the program's script. */
  readonly script: string;
  readonly version: string;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
}

/** Runs the daemon until SIGTERM or SIGINT. */
export async function serve(context: ServeContext, flags: ServeFlags): Promise<void> {
  const stopped = signal("SIGTERM", "SIGINT");
  const options = prepare(flags, context.version);
  const worker = await DaemonWorker.load(context.script, options);
  const { keys } = await worker.start();
  context.say(`serving ${describeKeys(keys)} at ${options.layout.socket}`);
  for (const warning of options.warnings) context.say(warning);
  await Promise.race([stopped, worker.died]);
  await worker.stop();
  context.say("stopped");
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
