/** `crypto share serve`: prepares, starts the worker, gives up every permission, waits for a signal. */
import { CryptoError, type ErrorCode } from "../core/errors.ts";
import { awsSharePrivileges, sharePrivileges } from "../core/privileges.ts";
import { SHARE_WORKER } from "../core/roles.ts";
import { RoleWorker } from "../platform/worker.ts";
import { originsOf } from "./aws/place.ts";
import { prepare, type ServeFlags, type ServerOptions } from "./prepare.ts";
import type { Failure } from "./server.ts";
import { type Address, formatAddress, UNIX_PEER } from "./settings.ts";
import { claimSocket } from "./socket.ts";
import type { Question, Serving } from "./worker.ts";

/** What the program hands to its subcommand. */
export interface ServeContext {
  /** URL of the program's script. */
  readonly script: string;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
}

const LOST =
  "the disk did not confirm what was written, so nothing more is: see it, and start the " +
  "server anew";

/**
 * Runs a share server until SIGTERM or SIGINT, or until its disk fails.
 * @throws {CryptoError} `config`, `unsafe_path`, `already_running`, `share_full`, `io`
 */
export async function serve({ script, say }: ServeContext, flags: ServeFlags): Promise<void> {
  const stopped = signal("SIGTERM", "SIGINT");
  const options = await withOwnSockets(prepare(flags));
  const lost = Promise.withResolvers<CryptoError>();
  const worker = await RoleWorker.start<Question, Serving | undefined, Failure>({
    script,
    name: SHARE_WORKER,
    permissions: permissionsFor(options),
    onEvent: ({ code, service, reason, isFinal }) => {
      say(`a request failed: ${code}${service ? ` (${service}: ${reason})` : ""}`);
      if (isFinal) lost.resolve(lostStore(code));
    },
  });
  const serving = await worker.ask({ type: "start", options });
  if ("path" in options.listen && !options.proxies.has(UNIX_PEER)) {
    say("without --proxies unix all who come by the socket are one client");
  }
  say(`sharing at ${serving?.origin}, listening on ${serving?.listening}`);
  if (serving?.metrics) say(`metrics at ${serving.metrics}`);
  if (serving?.origin.startsWith("http:")) {
    say("without TLS: for this machine alone; put a proxy with TLS before it for others");
  }
  if (options.settings.managed) {
    say(`managed mode: this server sees what is sent to ${serving?.origin}/managed`);
  }
  const failure = await Promise.race([stopped, lost.promise, worker.died]);
  await worker.ask({ type: "stop" }).catch((error) => {
    throw failure ?? error;
  });
  worker.terminate();
  if (failure) throw failure;
  say("stopped");
}

function lostStore(code: ErrorCode): CryptoError {
  return new CryptoError(code, { subject: "the store", hint: LOST });
}

/** Makes sure of each Unix socket before there is a worker to bind it. */
async function withOwnSockets(options: ServerOptions): Promise<ServerOptions> {
  const own = async (address: Address) => "path" in address ? await claimSocket(address) : address;
  const { listen, metrics } = options;
  return { ...options, listen: await own(listen), metrics: metrics && await own(metrics) };
}

function permissionsFor({ store, listen, metrics }: ServerOptions) {
  const addresses = [listen, ...(metrics ? [metrics] : [])].map(formatAddress);
  return "aws" in store
    ? awsSharePrivileges(originsOf(store.aws), addresses)
    : sharePrivileges(store.directory, addresses);
}

function signal(...names: Deno.Signal[]): Promise<undefined> {
  return new Promise((resolve) => {
    for (const name of names) Deno.addSignalListener(name, () => resolve(undefined));
  });
}
