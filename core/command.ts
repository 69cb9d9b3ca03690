/**
 * Declaring subcommands, and reading the plain lines that call them. The library for command lines
 * knows all the rest: what a person mistypes, help, completion. It is loaded for that alone, since
 * reading and running it costs a good part of a start.
 */
import type {
  BaseArgs,
  CommandBuilderArguments,
  CommandContext,
  RouteMapBuilderArguments,
} from "@stricli/core";

export type { CommandContext };

// What it takes is known where it is declared, and to nobody else.
// deno-lint-ignore no-explicit-any
type Declaration<C extends CommandContext> = CommandBuilderArguments<any, any, C>;

/** A subcommand as the library takes it. */
export type Command<C extends CommandContext> = Declaration<C>;

/** Subcommands under one name. */
export interface RouteMap<C extends CommandContext> {
  readonly routes: Readonly<Record<string, Target<C>>>;
  readonly docs: RouteMapBuilderArguments<string, C>["docs"];
}

/** What a name can stand for. */
export type Target<C extends CommandContext> = Command<C> | RouteMap<C>;

/** Declares a subcommand. What its function takes is checked against its parameters. */
export function buildCommand<
  const FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>> = NonNullable<unknown>,
  const ARGS extends BaseArgs = [],
  const CONTEXT extends CommandContext = CommandContext,
>(declaration: CommandBuilderArguments<FLAGS, ARGS, CONTEXT>): Command<CONTEXT> {
  return declaration as Command<CONTEXT>;
}

/** Declares subcommands under one name. */
export function buildRouteMap<R extends string, C extends CommandContext>(
  routes: { readonly routes: Readonly<Record<R, Target<C>>>; readonly docs: RouteMap<C>["docs"] },
): RouteMap<C> {
  return routes;
}

/** Calls a subcommand's function with what a line says, and settles as that does. */
export type Call<C extends CommandContext> = (context: C) => Promise<void>;

/** The part of the library's declarations that is read here. */
interface Flag {
  readonly kind?: string;
  readonly default?: unknown;
  readonly optional?: boolean;
  readonly variadic?: unknown;
  readonly inferEmpty?: boolean;
  readonly parse?: (text: string) => unknown;
  readonly values?: readonly string[];
}

interface Parameters {
  readonly flags?: Readonly<Record<string, Flag>>;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly positional?:
    | { readonly kind: "array"; readonly parameter: Flag; readonly minimum?: number }
    | { readonly kind: "tuple"; readonly parameters: readonly Flag[] };
}

/** Thrown for a line that is not plain. No error: V8 would look for the place that it came from. */
const NOT_PLAIN = Symbol("not plain");

/**
 * Reads a line of whole names and their values, each once, and of words that do not begin with a
 * dash: the same as the library reads in it. A test compares them.
 * @returns nothing for any other line, and for one that is wrong: those are the library's
 */
export function readPlainLine<C extends CommandContext>(
  target: Target<C>,
  words: readonly string[],
): Call<C> | undefined {
  if (!("routes" in target)) return readPlainCall(target, words);
  const [name, ...rest] = words;
  if (name === undefined || !Object.hasOwn(target.routes, name)) return undefined;
  return readPlainLine(target.routes[name]!, rest);
}

function readPlainCall<C extends CommandContext>(
  command: Command<C>,
  words: readonly string[],
): Call<C> | undefined {
  const parameters = command.parameters as unknown as Parameters;
  try {
    const { texts, others } = sortWords(words, parameters);
    const flags: Record<string, unknown> = {};
    for (const name in parameters.flags) flags[name] = read(parameters.flags[name]!, texts[name]);
    const values = readOthers(others, parameters);
    return async (context) => void await (await load(command)).call(context, flags, ...values);
  } catch {
    // What a value is refused for, the library finds out once more, and tells.
    return undefined;
  }
}

async function load<C extends CommandContext>(command: Command<C>) {
  const loaded = "func" in command ? command.func : await command.loader();
  return typeof loaded === "function" ? loaded : loaded.default;
}

function sortWords(words: readonly string[], { flags = {}, aliases = {} }: Parameters) {
  const texts: Record<string, string> = {};
  const others: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!isFlag(word)) {
      others.push(word);
      continue;
    }
    const name = nameOf(word, aliases);
    if (!Object.hasOwn(flags, name) || Object.hasOwn(texts, name)) throw NOT_PLAIN;
    texts[name] = flags[name]!.kind === "boolean" ? word : valueAt(words, ++i);
  }
  return { texts, others };
}

/** A dash alone stands for standard input or output. */
function isFlag(word: string): boolean {
  return word.length > 1 && word.startsWith("-");
}

/** `--json-lines` is `jsonLines`; a letter is what it is declared to be short for. */
function nameOf(word: string, aliases: Readonly<Record<string, string>>): string {
  if (word.length === 2) return Object.hasOwn(aliases, word[1]!) ? aliases[word[1]!]! : "";
  // Capitals, and what negates, are the library's.
  if (!word.startsWith("--") || word.startsWith("--no") || word !== word.toLowerCase()) return "";
  const [first, ...more] = word.slice(2).split("-");
  return first + more.map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join("");
}

function valueAt(words: readonly string[], index: number): string {
  const word = words[index];
  if (word === undefined || isFlag(word)) throw NOT_PLAIN;
  return word;
}

function read(flag: Flag, given: string | undefined): unknown {
  const { kind, optional } = flag;
  if (given !== undefined && (flag.variadic || flag.inferEmpty)) throw NOT_PLAIN;
  if (kind === "boolean") {
    return given !== undefined || (flag.default ?? (optional ? undefined : false));
  }
  const text = given ?? flag.default;
  if (text === undefined && optional) return undefined;
  if (typeof text !== "string") throw NOT_PLAIN;
  const value = kind === "enum" ? flag.values!.find((one) => one === text) : flag.parse?.(text);
  if (value === undefined || value instanceof Promise) throw NOT_PLAIN;
  return value;
}

function readOthers(words: readonly string[], { positional }: Parameters): unknown[] {
  if (positional?.kind === "array") {
    if (words.length < (positional.minimum ?? 0)) throw NOT_PLAIN;
    return words.map((word) => read(positional.parameter, word));
  }
  const parameters = positional?.parameters ?? [];
  if (words.length > parameters.length) throw NOT_PLAIN;
  return parameters.map((parameter, i) => read(parameter, words[i]));
}
