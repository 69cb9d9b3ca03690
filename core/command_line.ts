/**
 * The library for command lines, with our declarations: what is read here is a line that is not
 * plain, be it wrong or only less usual, and help and completion are made here.
 */
import {
  type Application,
  type ApplicationContext,
  ArgumentParseError,
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  type Command,
  formatMessageForArgumentScannerError,
  proposeCompletions,
  type RouteMap as LibraryRouteMap,
  run,
  text_en,
} from "@stricli/core";
import type { RouteMap, Target } from "./command.ts";
import { CryptoError, ERRORS } from "./errors.ts";

/** How errors are told. */
export interface Voice {
  describe(thrown: unknown): string;
  exitStatus(thrown: unknown): number;
}

/** A program, or one subcommand as a program of its own. */
export interface Program<C extends ApplicationContext> {
  readonly name: string;
  readonly target: Target<C>;
  /** Of the whole program; a subcommand has none. */
  readonly version?: string;
  readonly voice: Voice;
}

const HELP = /^(--help|-h)/i;

/** Reads a line and does what it says. The exit status is left in the context. */
export async function runLine<C extends ApplicationContext>(
  program: Program<C>,
  words: readonly string[],
  context: C,
): Promise<void> {
  const { target, version } = program;
  // The library looks each flag up among those of its own first, by way of an exception.
  const asksForHelp = version !== undefined || words.some((word) => HELP.test(word));
  const own = "routes" in target || asksForHelp ? undefined : {};
  await run<C>(application(program, own), words, context);
}

/** What could come next, each with what it begins with. */
export async function proposeWords<C extends ApplicationContext>(
  program: Program<C>,
  words: readonly string[],
  context: C,
): Promise<string[]> {
  const proposals = await proposeCompletions(application(program), words, context);
  return proposals.map(({ completion }) => completion);
}

function application<C extends ApplicationContext>(
  { name, target, version, voice: { describe, exitStatus } }: Program<C>,
  own?: Record<string, never>,
): Application<C> {
  const settings = {
    name,
    ...(version === undefined ? {} : { versionInfo: { currentVersion: version } }),
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: true },
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (thrown: unknown) => describeMisread(thrown, describe),
        exceptionWhileRunningCommand: describe,
        exceptionWhileLoadingCommandFunction: describe,
      },
    },
    determineExitCode: exitStatus,
  } as const;
  const root = built(target);
  return "getAllEntries" in root
    ? buildApplication(root, settings)
    : buildApplication(root, settings, own);
}

function built<C extends ApplicationContext>(target: Target<C>): Command<C> | LibraryRouteMap<C> {
  return "routes" in target ? builtRoutes(target) : buildCommand(target);
}

function builtRoutes<C extends ApplicationContext>({ routes, docs }: RouteMap<C>) {
  const entries = Object.entries(routes).map(([name, target]) => [name, built(target)] as const);
  return buildRouteMap<string, C>({ routes: Object.fromEntries(entries), docs });
}

/** What is wrong with a line. A value is not repeated: it may be a secret in the wrong place. */
function describeMisread(thrown: unknown, describe: Voice["describe"]): string {
  if (thrown instanceof ArgumentParseError) return describe(wrongValue(thrown));
  if (!(thrown instanceof ArgumentScannerError)) return describe(thrown);
  return formatMessageForArgumentScannerError(thrown, {});
}

function wrongValue({ exception, externalFlagNameOrPlaceholder: subject }: ArgumentParseError) {
  if (exception instanceof CryptoError || !(exception instanceof Error)) return exception;
  return new CryptoError("usage", { subject, hint: exception.message });
}

/** The exit status that the library left, in the table of ours. */
export function statusOf(exitCode: number | string | null | undefined): number {
  const status = Number(exitCode ?? 0);
  // Negative ones are the library's own: a line that it did not understand, or worse.
  const code = status <= -4 ? "usage" : "internal";
  return status >= 0 ? status : ERRORS[code].exit;
}
