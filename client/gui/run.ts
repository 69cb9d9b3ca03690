/** `crypto gui`: prepares, starts the workers, gives up every permission, waits for the end. */
import { browserPrivileges, guiPrivileges } from "../../core/privileges.ts";
import { BROWSER_WORKER, GUI_WORKER } from "../../core/roles.ts";
import type { ShareServer } from "../../core/share/sending.ts";
import { forbidCoreDumps } from "../../platform/process.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { findTarget } from "../reach.ts";
import type { DaemonFlags } from "../identity.ts";
import { makeHandoffDirectory } from "./handoff.ts";
import type { Question, Started } from "./worker.ts";

/** What the program hands to this subcommand. */
export interface GuiContext {
  /** URL of the program's script. */
  readonly script: string;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
  /** The share server that is meant, and the storage that it names. */
  readonly findShareServer: (told: string | undefined) => Promise<ShareServer>;
}

/** How it is told. */
export interface GuiFlags extends DaemonFlags {
  readonly shareServer?: string | undefined;
  /** Seconds without an open page after which it ends. */
  readonly idle: number;
  readonly open: boolean;
}

/**
 * Serves one window until nobody uses it, SIGTERM or SIGINT.
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`, `io`
 */
export async function gui(context: GuiContext, flags: GuiFlags): Promise<void> {
  const { script, say } = context;
  forbidCoreDumps();
  const stopped = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(name, stopped.resolve);
  const target = await findTarget(flags);
  const server = await context.findShareServer(flags.shareServer);
  const port = freePort();
  const directory = makeHandoffDirectory();
  const browser = flags.open ? await startBrowserWorker(script) : undefined;
  const worker = await startGuiWorker(script, { port, directory, server }, stopped.resolve);
  try {
    const options = { port, directory, idle: flags.idle * 1_000 };
    const started = await worker.ask({ type: "start", options, target, server });
    const path = started!.handoff;
    const isOpened = await browser?.ask(path);
    browser?.terminate();
    say(isOpened ? "opened in the browser" : `open this file in your browser: ${path}`);
    await Promise.race([stopped.promise, worker.died]);
  } finally {
    await worker.ask({ type: "stop" });
    worker.terminate();
  }
  say("closed");
}

/** A port that nobody has now. That somebody takes it meanwhile is found when it is used. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function startBrowserWorker(script: string): Promise<RoleWorker<string, boolean>> {
  const permissions = browserPrivileges();
  return await RoleWorker.startFirst({ script, name: BROWSER_WORKER, permissions });
}

/** The last one: this thread then has no permission any more. */
async function startGuiWorker(
  script: string,
  { port, directory, server }: {
    readonly port: number;
    readonly directory: string;
    readonly server: ShareServer;
  },
  onUnused: () => void,
): Promise<RoleWorker<Question, Started | undefined, "unused">> {
  const { origin, storage } = server;
  const origins = storage === undefined ? [origin] : [origin, storage];
  return await RoleWorker.start<Question, Started | undefined, "unused">({
    script,
    name: GUI_WORKER,
    permissions: guiPrivileges(`127.0.0.1:${port}`, directory, origins).start,
    onEvent: onUnused,
  });
}
