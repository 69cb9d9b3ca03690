import assert from "node:assert/strict";
import { mask } from "../../tools/mask.ts";

const CASES: [what: string, source: string, masked: string][] = [
  ["code", "a + b", "a + b"],
  ["a comment", "a // b\nc /* d\n */ e", "a     \nc     \n    e"],
  ["a string", `f("a\\"b", 'c"d')`, `f("____", '___')`],
  ["a template", "f(`a'b`)", "f(`___`)"],
  ["code in a template", "`a${b(`c${d}`) + {e}}f`", "`_${b(`_${d}`) + {e}}_`"],
  ["a dollar in a template", "`a$b$${c}`", "`____${c}`"],
  ["a regular expression", "x = /[/\"]\\/'/gu.test(y)", "x = /_________/.test(y)"],
  ["a division", "a / b / c", "a / b / c"],
  ["an expression after a bracket", "(a) / b / c", "(a) / b / c"],
];

for (const [what, source, masked] of CASES) {
  Deno.test(`masking ${what} keeps code alone`, () => {
    assert.equal(mask(source), masked);
  });
}

Deno.test("masking keeps the length and the lines of every source of the tools", async () => {
  const folder = new URL("../../tools/", import.meta.url);
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".ts")) continue;
    const source = await Deno.readTextFile(new URL(name, folder));
    const masked = mask(source);
    assert.equal(masked.length, source.length, name);
    assert.equal(masked.split("\n").length, source.split("\n").length, name);
  }
});

Deno.test("masking ends on sources that are cut off anywhere", () => {
  const source = "a(`b${c({d: 'e'})}f`, /g[/]/, \"h\") /* i */ // j";
  for (let end = 0; end <= source.length; end++) {
    assert.equal(mask(source.slice(0, end)).length, end);
  }
});
