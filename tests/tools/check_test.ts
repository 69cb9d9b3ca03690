import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { check, dependencyFaults, strayPackages } from "../../tools/check.ts";

const CONFIG = JSON.stringify({ compilerOptions: { strict: true } }) + "\n";
const EXAMPLE = "# Core\n\n```ts\nimport { one } from './core/one.ts';\nconst a: A = one;\n```\n";

/** Runs the checks on a project of these files and gives the lines of those that failed. */
async function failures(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir({ prefix: "crypto-check-test-" });
  try {
    for (const [path, content] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), content);
    }
    const lines: string[] = [];
    const failed = await check(root, (line) => lines.push(line));
    const reported = lines.filter((line) => line.startsWith("FAIL ")).map((line) => line.slice(5));
    assert.equal(reported.length, failed, lines.join("\n"));
    return reported;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("a project that keeps every rule passes the gate", async () => {
  const passed = await failures({
    "deno.json": '{ "fmt": { "exclude": ["deno.json"] } }',
    "README.md": EXAMPLE.replace("'./core/one.ts'", '"./core/one.ts"').replace("A =", "number ="),
    "core/one.ts": "/** One. */\nexport const one: number = 1;\n",
    "main.ts": 'import { one } from "./core/one.ts";\nDeno.exit(one);\n',
  });
  assert.deepEqual(passed, []);
});

Deno.test("a project that breaks every rule fails every check", async () => {
  const failed = await failures({
    "deno.json": CONFIG.replace("{", '{"imports":{"left":"npm:left-pad@^1.0.0"},'),
    "README.md": EXAMPLE,
    "core/one.ts": "export const one = Deno.pid;\n",
    "server/a.ts": 'import "../client/b.ts"\nvar a: string = 1;\nDeno.exit(1);\n',
    "client/b.ts": "export const b = 1;\n",
    "bench/package.json": "{}\n",
    "share/page/main.ts": "export const title: string = document.title;\n",
    "share/page/page.css": "p { margin: 0; }\n",
    "share/page/work/worker.ts": "export const here: string = location.href;\n",
  });
  assert.deepEqual(failed, [
    "format",
    "lint",
    "types",
    "core and the pages run in a browser",
    "the pages are up to date",
    "import direction",
    "only main.ts exits",
    "no package.json",
    "examples in the documentation",
    "dependencies",
  ]);
});

Deno.test("core may not use Deno, in a project that is fine otherwise", async () => {
  const failed = await failures({
    "deno.json": "{}\n",
    "core/one.ts": "/** One. */\nexport const one: number = Deno.pid;\n",
  });
  assert.deepEqual(failed, ["core and the pages run in a browser"]);
});

Deno.test("the page may not use Deno, and its bundles are those of its sources", async () => {
  const exclude = ["deno.json", "share/assets"];
  const files = {
    "deno.json": JSON.stringify({ fmt: { exclude }, lint: { exclude } }),
    "share/page/main.ts": 'document.title = "x";\n',
    "share/page/work/worker.ts": 'postMessage("x");\n',
    "share/page/page.css": "p {\n  margin: 0;\n}\n",
    "share/assets/page.js": 'document.title="x";\n',
    "share/assets/worker.js": 'postMessage("x");\n',
    "share/assets/page.css": "p{margin:0}\n",
  };
  assert.deepEqual(await failures(files), []);
  const changed = { "share/page/main.ts": "document.title = Deno.version.deno;\n" };
  const found = ["core and the pages run in a browser", "the pages are up to date"];
  assert.deepEqual(await failures({ ...files, ...changed }), found);
});

Deno.test("an example in a comment that does not compile is found, one marked ignore is not", async () => {
  const example = (tag: string) =>
    `/**\n * One.\n *\n * @example\n * \`\`\`ts${tag}\n * missing();\n * \`\`\`\n */\n` +
    "export const one = 1;\n";
  const failed = await failures({ "deno.json": "{}\n", "core/one.ts": example("") });
  assert.deepEqual(failed, ["examples in the documentation"]);
  const ignored = await failures({ "deno.json": "{}\n", "core/one.ts": example(" ignore") });
  assert.deepEqual(ignored, []);
});

Deno.test("every dependency has an exact version and a word in the documentation", () => {
  const page = "| `@noble/hashes` | hashes |\n- smol-toml@1.4.0: the policy file.";
  const fine = {
    "@noble/hashes": "npm:@noble/hashes@2.4.0",
    "toml": "npm:smol-toml@1.4.0",
    "local": "./core/mod.ts",
  };
  assert.deepEqual(dependencyFaults(fine, page), []);
  for (const version of ["", "@2", "@^2.4.0", "@2.4", "@latest", "@~2.4.0"]) {
    const target = `npm:@noble/hashes${version}`;
    assert.deepEqual(dependencyFaults({ a: target }, page), [`${target}: not an exact version`]);
  }
  assert.deepEqual(dependencyFaults({ a: "jsr:@std/fs@1.0.0" }, page).length, 1);
  assert.deepEqual(dependencyFaults({ a: "npm:@noble/hash@1.0.0" }, page), [
    "@noble/hash: no line in docs/dependencies.md",
  ]);
});

Deno.test("packages are found wherever they lie", () => {
  const files = ["package.json", "a/package.json", "a/node_modules/b/c.js", "my-package.json"];
  assert.equal(strayPackages(files), files.slice(0, 3).join("\n"));
});
