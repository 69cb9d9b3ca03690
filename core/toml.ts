/** TOML in which every part knows its line, so that a mistake in it can be pointed at. */
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";

/** A table: its keys in the order of the file. */
export type TomlTable = ReadonlyMap<string, TomlNode>;

/** A whole number is a bigint, which tells 300 from 300.0. */
export type TomlValue = string | bigint | number | boolean | Date | readonly TomlNode[] | TomlTable;

/** A value, and the line on which its key or it begins, counted from 1. */
export interface TomlNode<Value extends TomlValue = TomlValue> {
  readonly line: number;
  readonly value: Value;
}

/** A text that is no TOML. */
export class TomlError extends Error {
  constructor(readonly line: number, reason: string) {
    super(reason);
  }
}

/** Reads TOML 1.1. @throws {TomlError} */
export function parseToml(text: string): TomlTable {
  try {
    const root: Building = new Map();
    for (const part of parseTOML(text, { tomlVersion: "1.1" }).body[0].body) place(root, part);
    return root;
  } catch (error) {
    if (error instanceof ParseError) throw explained(error, text);
    // The parser recurses, and so does what is below.
    if (error instanceof RangeError) throw new TomlError(1, "it is nested too deeply");
    throw error;
  }
}

/** Where the parser's words help nobody: what is meant, at the line. */
function explained({ lineNumber, message }: ParseError, text: string): TomlError {
  if (text.startsWith("\uFEFF")) {
    return new TomlError(1, "it begins with a byte order mark: save the file without one");
  }
  const line = (text.split("\n")[lineNumber - 1] ?? "").trim();
  switch (message) {
    case "Defining a key multiple times is invalid":
      return new TomlError(lineNumber, `${definedBy(line)} is there already, further up`);
    case "Unexpected character":
    case "Unexpected token":
    case "Unspecified values are invalid":
      return new TomlError(lineNumber, MISSING);
    default:
      return new TomlError(lineNumber, message);
  }
}

const MISSING = "a value is missing, or a text stands without quotes, here or on the line before";

/** What a line defines: a section, or a key. */
function definedBy(line: string): string {
  return /^\[[^\]]*\]+/.exec(line)?.[0] ?? line.slice(0, Math.max(line.indexOf("="), 0)).trim();
}

type Building = Map<string, { line: number; value: TomlValue }>;

function place(root: Building, part: AST.TOMLKeyValue | AST.TOMLTable): void {
  if (part.type === "TOMLKeyValue") return setKey(root, part);
  const { line } = part.loc.start;
  const table = tableAt(root, part.resolvedKey, line);
  for (const one of part.body) setKey(table, one);
}

function setKey(table: Building, { key, value }: AST.TOMLKeyValue): void {
  const { line } = key.loc.start;
  const names = key.keys.map((one) => one.type === "TOMLBare" ? one.name : one.value);
  const last = names.pop()!;
  tableAt(table, names, line).set(last, { line, value: valueOf(value) });
}

/** The table of a path, made where it is missing. A number counts in an array of tables. */
function tableAt(root: Building, path: readonly (string | number)[], line: number): Building {
  let at = root;
  for (const [i, name] of path.entries()) {
    if (typeof name === "number") continue;
    const next = path[i + 1];
    at = typeof next === "number" ? element(at, name, next, line) : below(at, name, line);
  }
  return at;
}

function below(table: Building, name: string, line: number): Building {
  if (!table.has(name)) table.set(name, { line, value: new Map() });
  return table.get(name)!.value as Building;
}

function element(table: Building, name: string, index: number, line: number): Building {
  if (!table.has(name)) table.set(name, { line, value: [] });
  const array = table.get(name)!.value as TomlNode[];
  if (!array[index]) array[index] = { line, value: new Map() };
  return array[index].value as Building;
}

function valueOf(node: AST.TOMLContentNode): TomlValue {
  switch (node.type) {
    case "TOMLValue":
      return node.kind === "integer" ? node.bigint : node.value;
    case "TOMLArray":
      return node.elements.map((one) => ({ line: one.loc.start.line, value: valueOf(one) }));
    case "TOMLInlineTable": {
      const table: Building = new Map();
      for (const one of node.body) setKey(table, one);
      return table;
    }
  }
}

/** Whether a value is a table. */
export function isTomlTable(value: TomlValue): value is TomlTable {
  return value instanceof Map;
}
