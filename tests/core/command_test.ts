/** Plain lines are read as the library for command lines reads them, and all others are its own. */
import assert from "node:assert/strict";
import { keyRoutes } from "../../client/command.ts";
import { encryptCommand } from "../../client/crypt_command.ts";
import { randomCommand } from "../../client/random_command.ts";
import {
  buildCommand,
  type Command,
  type CommandContext,
  readPlainLine,
  type Target,
} from "../../core/command.ts";
import { runLine } from "../../core/command_line.ts";
import { auditRoutes } from "../../server/audit/command.ts";
import { shareRoutes } from "../../share/command.ts";

interface Context extends CommandContext {
  readonly process: CommandContext["process"] & { exitCode?: number | string | null };
  called?: unknown[];
}

interface OddFlags {
  readonly open: boolean;
  readonly maybe?: boolean;
  readonly noise: boolean;
  readonly needed: number;
  readonly bare?: string;
  readonly many?: string[];
}

const odd: Command<Context> = buildCommand({
  func(_flags: OddFlags, _name: string, _number: number | undefined, _more: string) {},
  parameters: {
    flags: {
      open: { kind: "boolean", default: true, brief: "" },
      maybe: { kind: "boolean", optional: true, brief: "" },
      noise: { kind: "boolean", default: false, brief: "" },
      needed: { kind: "parsed", parse: Number, default: "7", brief: "" },
      bare: { kind: "parsed", parse: String, inferEmpty: true, optional: true, brief: "" },
      many: { kind: "parsed", parse: String, variadic: true, optional: true, brief: "" },
    },
    aliases: { o: "open", m: "many" },
    positional: {
      kind: "tuple",
      parameters: [
        { brief: "", parse: String },
        { brief: "", parse: Number, optional: true },
        { brief: "", parse: String, default: "x" },
      ],
    },
  },
  docs: { brief: "" },
});
const counting: Command<Context> = buildCommand({
  func(_flags: { readonly level: number }) {},
  parameters: { flags: { level: { kind: "counter", brief: "" } }, aliases: { l: "level" } },
  docs: { brief: "" },
});
const few: Command<Context> = buildCommand({
  func(_flags: { readonly dryRun: boolean }, ..._names: string[]) {},
  parameters: {
    flags: { dryRun: { kind: "boolean", default: false, brief: "" } },
    positional: { kind: "array", minimum: 2, parameter: { brief: "", parse: String } },
  },
  docs: { brief: "" },
});

/** The same, with functions that only say what they are called with. */
function recording(target: Target<never>): Target<Context> {
  if (!("routes" in target)) {
    const { parameters, docs } = target as unknown as Command<Context>;
    const func = function (this: Context, ...values: unknown[]) {
      this.called = values;
    };
    return { parameters, docs, func };
  }
  const routes = Object.entries(target.routes).map(([name, one]) =>
    [name, recording(one)] as const
  );
  return { routes: Object.fromEntries(routes), docs: target.docs };
}

const TARGETS: Readonly<Record<string, Target<Context>>> = {
  encrypt: recording(encryptCommand),
  random: recording(randomCommand),
  key: recording(keyRoutes),
  audit: recording(auditRoutes),
  share: recording(shareRoutes({})),
  odd: recording(odd),
  counting: recording(counting),
  few: recording(few),
};

function newContext(): Context {
  return { process: { stdout: { write() {} }, stderr: { write() {} } } };
}

async function byLibrary(target: Target<Context>, words: readonly string[]) {
  const context = newContext();
  const voice = { describe: String, exitStatus: () => 1 };
  await runLine({ name: "test", target, voice }, words, context);
  return context.called;
}

async function plainly(target: Target<Context>, words: readonly string[]) {
  const context = newContext();
  await readPlainLine(target, words)?.(context);
  return context.called;
}

/** Names, as they are and as nearly as that, and what may stand beside them. */
function wordsOf(target: Target<Context>): string[] {
  const odds = ["a", "7", "-", "--", "-7", "", "--help", "-h", "=", "seal", "hex", "--=", "x=y"];
  if ("routes" in target) {
    return [
      ...odds,
      ...Object.entries(target.routes).flatMap(([name, one]) => [
        ...[name, name.toUpperCase()],
        ...wordsOf(one),
      ]),
    ];
  }
  const { flags = {}, aliases = {} } = target.parameters as {
    readonly flags?: Record<string, unknown>;
    readonly aliases?: Record<string, string>;
  };
  const letters = Object.keys(aliases).flatMap((letter) => [`-${letter}`, `-${letter}=7`]);
  return [
    ...odds,
    `-${Object.keys(aliases).join("")}`,
    ...letters,
    ...Object.keys(flags).flatMap((name) => {
      const kebab = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return [
        `--${kebab}`,
        `--${name}`,
        `--no-${kebab}`,
        `--${kebab}=7`,
        `--${kebab.toUpperCase()}`,
      ];
    }),
  ];
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)]!;
}

function randomLine(target: Target<Context>): string[] {
  const words = wordsOf(target);
  const line = Array.from({ length: Math.floor(Math.random() * 6) }, () => pick(words));
  return "routes" in target ? [pick(Object.keys(target.routes)), ...line] : line;
}

for (const [name, target] of Object.entries(TARGETS)) {
  Deno.test(`${name}: what is read plainly is what the library reads`, async () => {
    let plain = 0;
    for (let i = 0; i < 3_000; i++) {
      const line = randomLine(target);
      const values = await plainly(target, line);
      if (values === undefined) continue;
      plain++;
      assert.deepEqual(values, await byLibrary(target, line), JSON.stringify(line));
    }
    // Who counts leaves all of it to the library.
    assert.equal(plain > 0, name !== "counting");
  });
}

Deno.test("the lines of every day are plain", async () => {
  const lines: [string, string][] = [
    ["encrypt", "report.pdf"],
    ["encrypt", ""],
    ["encrypt", "-"],
    ["encrypt", "--quiet --socket /run/s --text hello"],
    ["encrypt", "-q -t hello -o out --json-lines"],
    ["random", "--bytes 16 --encoding hex"],
    ["key", "create invoices --purpose mac"],
    ["share", "send report.pdf --ttl 1d"],
  ];
  for (const [name, line] of lines) {
    const words = line.split(" ").filter((word) => word !== "");
    const values = await plainly(TARGETS[name]!, words);
    assert.ok(values, line);
    assert.deepEqual(values, await byLibrary(TARGETS[name]!, words), line);
  }
});

Deno.test("a line that is wrong, or less usual, is the library's", async () => {
  const lines = [
    "--text",
    "--text a --text b",
    "--unknown",
    "--text=a",
    "-qf",
    "-- a",
    "--no-quiet",
  ];
  for (const line of [...lines, "--help", "-h", "--Text a", "--jsonLines", "--text -q"]) {
    assert.equal(await plainly(TARGETS.encrypt!, line.split(" ")), undefined, line);
  }
  for (const line of ["--bytes 0", "--encoding octal", "a"]) {
    assert.equal(await plainly(TARGETS.random!, line.split(" ")), undefined, line);
  }
  assert.equal(await plainly(TARGETS.key!, []), undefined);
  assert.equal(await plainly(TARGETS.key!, ["toString"]), undefined);
  assert.equal(await plainly(TARGETS.few!, ["one"]), undefined);
});
