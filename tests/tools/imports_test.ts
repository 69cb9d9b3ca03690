import assert from "node:assert/strict";
import { exitViolations, importViolations } from "../../tools/imports.ts";

const messages = (path: string, source: string) =>
  importViolations(path, source).map(({ message }) => message);

Deno.test("a folder imports itself, core, platform, node and packages", () => {
  const source = `
    import { a } from "./a.ts";
    import type { B } from "../core/b.ts";
    import c, { type D } from "../platform/c.ts";
    import { readFile } from "node:fs/promises";
    import { sha512 } from "@noble/hashes/sha2.js";
    export * from "../server/deep/e.ts";
    import page from "./page.html" with { type: "text" };
    import "./side-effect.ts";
    const worker = new URL("./worker.ts", import.meta.url);
    await import("./later.ts");
  `;
  assert.deepEqual(messages("server/command.ts", source), []);
});

const SIBLINGS: Record<string, string> = {
  "an import": `import { a } from "../share/a.ts";`,
  "an import of a type": `import type { A } from "../share/a.ts";`,
  "an import over several lines": `import {\n  a,\n  b,\n} from "../share/a.ts";`,
  "an import for its effect": `import "../share/a.ts";`,
  "an export": `export { a } from "../share/a.ts";`,
  "an export of everything": `export * as all from '../share/a.ts';`,
  "a dynamic import": `const a = await import( "../share/a.ts" );`,
  "a type imported in place": `type A = import("../share/a.ts").A;`,
  "an import of text": `import a from "../share/a.ts" with { type: "text" };`,
  "an address": `new Worker(new URL("../share/a.ts", import.meta.url));`,
  "a resolved name": `import.meta.resolve("../share/a.ts");`,
  "an import in a template": "const t = `a ${await import('../share/a.ts')} b`;",
  "an import behind a comment": `import { a } /* from "./b.ts" */ from "../share/a.ts";`,
  "an import behind a regular expression": `const r = /["'\`/*]/; await import("../share/a.ts");`,
  "a way around through the root": `import { a } from "../server/../share/a.ts";`,
};

for (const [what, source] of Object.entries(SIBLINGS)) {
  Deno.test(`a sibling folder is refused in ${what}`, () => {
    assert.equal(messages("server/a.ts", source).length, 1);
  });
}

Deno.test("a violation says where it is and what it reaches", () => {
  assert.deepEqual(importViolations("server/deep/a.ts", `\n\nimport "../../client/b.ts";`), [
    { path: "server/deep/a.ts", line: 3, message: "server imports client/b.ts" },
  ]);
});

Deno.test("core imports nothing but itself and packages", () => {
  assert.deepEqual(messages("core/a.ts", `import "./b.ts";\nimport "@scure/base";`), []);
  assert.deepEqual(messages("core/a.ts", `import "node:crypto";`), ["core imports node:crypto"]);
  assert.deepEqual(messages("core/a.ts", `import "../platform/b.ts";`), [
    "core imports platform/b.ts",
  ]);
});

Deno.test("platform imports itself and core, no folder above it", () => {
  assert.deepEqual(messages("platform/a.ts", `import "../core/b.ts";`), []);
  assert.deepEqual(messages("platform/a.ts", `import "../server/b.ts";`), [
    "platform imports server/b.ts",
  ]);
});

Deno.test("a folder imports neither main.ts nor what is outside the program", () => {
  for (const target of ["main.ts", "tools/a.ts", "tests/a.ts", "deno.json", "../elsewhere/a.ts"]) {
    assert.equal(messages("client/a.ts", `import "../${target}";`).length, 1, target);
  }
});

Deno.test("main.ts imports every folder, another file beside it does not", () => {
  const source = `import "./server/a.ts";\nimport "./client/b.ts";\nimport "./core/c.ts";`;
  assert.deepEqual(messages("main.ts", source), []);
  assert.equal(messages("other.ts", source).length, 2);
});

Deno.test("tests, benchmarks and tools are free", () => {
  for (const path of ["tests/server/a_test.ts", "bench/a.ts", "tools/a.ts"]) {
    assert.deepEqual(messages(path, `import "../server/a.ts"; await import(name);`), []);
  }
});

Deno.test("code from elsewhere is refused, even in main.ts", () => {
  for (const from of ["npm:hono@4", "jsr:@std/fs", "https://example.com/a.ts", "file:///a", "/a"]) {
    assert.equal(messages("main.ts", `import "${from}";`).length, 1, from);
    assert.equal(messages("share/a.ts", `import "${from}";`).length, 1, from);
  }
});

Deno.test("an import of a computed path is refused, even in main.ts", () => {
  const computed = [
    "import(name)",
    "import('./a' + name)",
    "import(`./${name}.ts`)",
    "import(`./a.ts`)",
    "import(/* the page */ page)",
    'import("./a.ts", options), import(name)',
    "import.defer(name)",
    "createRequire(import.meta.url)(name)",
  ];
  for (const source of computed) {
    assert.equal(messages("main.ts", `await ${source};`).length, 1, source);
  }
});

Deno.test("strings, comments and names that look like imports are left alone", () => {
  const source = String.raw`
    // import "../share/a.ts";
    /** ${"```"}ts\n import { x } from "../share/a.ts"; */
    const a = 'import "../share/a.ts"';
    const b = ${"`import(name) ${c} import(name)`"};
    const pattern = /import("..\/share")/;
    ring.import(key);
    const half = total / 2; const third = total / 3;
    const from = "../share/a.ts";
    subtle.importKey("raw", key);
    console.log(import.meta.url, import.meta.main);
  `;
  assert.deepEqual(messages("server/a.ts", source), []);
});

Deno.test("only main.ts and what is no part of the program end the process", () => {
  const exits = [
    "Deno.exit(1);",
    "process.exit();",
    "globalThis.Deno\n  .exit(1);",
    "Deno?.exit(1);",
    "const leave = Deno.exit;",
    'import { argv, exit } from "node:process";',
  ];
  for (const source of exits) {
    assert.equal(exitViolations("client/a.ts", source).length, 1, source);
    for (const path of ["main.ts", "tools/a.ts", "tests/a.ts", "bench/a.ts"]) {
      assert.deepEqual(exitViolations(path, source), [], path);
    }
  }
});

Deno.test("an exit that is no exit of the process is left alone", () => {
  const source = `
    // Deno.exit(1)
    Deno.exitCode = 1;
    worker.exit();
    const hint = "Deno.exit(1)";
    import { exit } from "./exit.ts";
  `;
  assert.deepEqual(exitViolations("client/a.ts", source), []);
});
