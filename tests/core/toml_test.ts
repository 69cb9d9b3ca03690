import assert from "node:assert/strict";
import {
  isTomlTable,
  parseToml,
  TomlError,
  type TomlNode,
  type TomlTable,
  type TomlValue,
} from "../../core/toml.ts";

/** Lines by path, and what stands there. */
function flatten(table: TomlTable, prefix = ""): [string, number, TomlValue][] {
  return [...table].flatMap(([name, { line, value }]) => {
    const path = `${prefix}${name}`;
    if (isTomlTable(value)) return flatten(value, `${path}.`);
    return [[path, line, value] as [string, number, TomlValue]];
  });
}

Deno.test("every value knows its line, however its table is spelled", () => {
  const text = `a.b = 1
[a.c]
d = "x" # e = 5
'odd name'.f = true
g = { h = 1.5, i.j = 2 }
[k]
l = """
[m]
n = 1
"""
o = 3`;
  assert.deepEqual(flatten(parseToml(text)), [
    ["a.b", 1, 1n],
    ["a.c.d", 3, "x"],
    ["a.c.odd name.f", 4, true],
    ["a.c.g.h", 5, 1.5],
    ["a.c.g.i.j", 5, 2n],
    ["k.l", 7, "[m]\nn = 1\n"],
    ["k.o", 11, 3n],
  ]);
});

Deno.test("the parts of an array, and tables in arrays, know theirs", () => {
  const list = parseToml("a = [\n 1,\n 'x' ]").get("a")!.value as readonly TomlNode[];
  assert.deepEqual(list as unknown, [{ line: 2, value: 1n }, { line: 3, value: "x" }]);
  const tables = parseToml("[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 2").get("a")!
    .value as readonly TomlNode[];
  assert.deepEqual(tables.map(({ line }) => line), [1, 3]);
});

Deno.test("what is no TOML is refused with its line", () => {
  const mistakes: [string, number][] = [
    ["a = 1\na = 2", 2],
    ["[x]\n\n[x]", 3],
    ["\na = 0777", 2],
    ["a = 'x", 1],
    ["a = \u0000", 1],
  ];
  for (const [text, line] of mistakes) {
    assert.throws(
      () => parseToml(text),
      (error) => error instanceof TomlError && error.line === line,
      text,
    );
  }
});

Deno.test("a mistake is told by what stands in the file", () => {
  const told: Readonly<Record<string, readonly [line: number, named: string]>> = {
    "a = 1\n'b c' = 2\n 'b c' = 3": [3, "'b c'"],
    "[credentials]\nx = 1\n[limits]\n[credentials]": [4, "[credentials]"],
    "\uFEFFa = 1": [1, "byte order mark"],
    "a =": [1, "quotes"],
    "a = none": [1, "quotes"],
  };
  for (const [text, [line, named]] of Object.entries(told)) {
    assert.throws(() => parseToml(text), (error) => {
      return error instanceof TomlError && error.line === line && error.message.includes(named);
    }, text);
  }
});

Deno.test("what is nested beyond reason is refused like any other mistake", () => {
  assert.throws(() => parseToml(`a = ${"[".repeat(60_000)}`), TomlError);
  assert.throws(() => parseToml(`a = ${"[\n".repeat(30_000)}${"]\n".repeat(30_000)}`), TomlError);
});

Deno.test("names that every object has are names like others", () => {
  assert.deepEqual([...parseToml("__proto__.a = 1\nconstructor = 2").keys()], [
    "__proto__",
    "constructor",
  ]);
});
