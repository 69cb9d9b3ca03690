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
import { describeError, exitStatus, say, writeError } from "./client/terminal.ts";
import { asCryptoError, CryptoError, ERRORS } from "./core/errors.ts";
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
    fullDescription: [
      "Keep keys out of reach: encrypt and decrypt through a daemon that alone can read them.",
      "",
      "  $ crypto serve &",
      "  $ crypto encrypt report.pdf",
      "  $ crypto decrypt report.pdf.crypto",
    ].join("\n"),
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

/** Writes on standard output. */
function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
  } catch (cause) {
    throw new CryptoError("io", { subject: "standard output", cause });
  }
}

const context: Context & { process: { exitCode?: number | string | null } } = {
  process: { stdout: { write: print }, stderr: { write: writeError } },
  print,
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

/** What the command-line library itself could not deal with, such as help that cannot be shown. */
function complain(thrown: unknown): number {
  writeError(`${describe(thrown)}\n`);
  return exitStatus(asCryptoError(thrown));
}

if (globalThis.name === DAEMON_WORKER) {
  const { runWorker } = await import("./server/worker.ts");
  runWorker();
} else {
  Deno.exit(await main(Deno.args).catch(complain));
}
