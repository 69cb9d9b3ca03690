/**
 * The program: the table of subcommands, and the one place that exits. It runs as itself or, in a
 * worker, as the daemon.
 */
import {
  type ApplicationContext,
  buildApplication,
  buildRouteMap,
  proposeCompletions,
  run,
  text_en,
} from "@stricli/core";
import {
  type ClientContext,
  decryptCommand,
  encryptCommand,
  keyRoutes,
  statusCommand,
} from "./client/command.ts";
import { COMPLETE, completionCommand } from "./client/completion.ts";
import { describeError, exitStatus, say } from "./client/terminal.ts";
import { asCryptoError, ERRORS } from "./core/errors.ts";
import { DAEMON_WORKER } from "./core/privileges.ts";
import settings from "./deno.json" with { type: "json" };
import { serveCommand } from "./server/command.ts";
import type { ServeContext } from "./server/serve.ts";

type Context = ClientContext & ServeContext & ApplicationContext;

const subcommands = {
  serve: serveCommand,
  encrypt: encryptCommand,
  decrypt: decryptCommand,
  key: keyRoutes,
  status: statusCommand,
  completion: completionCommand,
};

const routes = buildRouteMap<keyof typeof subcommands, Context>({
  routes: subcommands,
  docs: {
    brief: "Keep keys out of reach: encrypt and decrypt through a daemon that alone can read them",
  },
});

const describe = (thrown: unknown) => describeError(asCryptoError(thrown));

const application = buildApplication(routes, {
  name: "crypto",
  versionInfo: { currentVersion: settings.version },
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: { disableAnsiColor: true },
  localization: {
    text: {
      ...text_en,
      exceptionWhileRunningCommand: describe,
      exceptionWhileLoadingCommandFunction: describe,
    },
  },
  determineExitCode: (thrown) => exitStatus(asCryptoError(thrown)),
});

const write = (stream: { writeSync(bytes: Uint8Array): number }) => (text: string) => {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
};

const context: Context & { process: { exitCode?: number | string | null } } = {
  process: { stdout: { write: write(Deno.stdout) }, stderr: { write: write(Deno.stderr) } },
  print: write(Deno.stdout),
  say,
  script: import.meta.url,
  version: settings.version,
};

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === COMPLETE) {
    const proposals = await proposeCompletions(application, args.slice(1), context);
    context.print(proposals.map(({ completion }) => `${completion}\n`).join(""));
    return 0;
  }
  await run(application, args.length === 0 ? ["--help"] : args, context);
  const status = Number(context.process.exitCode ?? 0);
  // Negative ones are the library's own: a line that it did not understand, or worse.
  return status >= 0 ? status : status <= -4 ? ERRORS.usage.exit : ERRORS.internal.exit;
}

if (globalThis.name === DAEMON_WORKER) {
  const { runWorker } = await import("./server/worker.ts");
  runWorker();
} else {
  Deno.exit(await main(Deno.args));
}
