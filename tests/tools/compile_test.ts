import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type Binary,
  bundle,
  compile,
  compileArguments,
  defaultOutput,
  leavesNoTrace,
  requireAllClosed,
  withoutRequire,
} from "../../tools/compile.ts";
import settings from "../../deno.json" with { type: "json" };

const MAIN = `
import config from "./deno.json" with { type: "json" };
import page from "./page.txt" with { type: "text" };
/** A function of some length, so that there is something to cache. */
function greet(name: string): string {
  return [page.trim(), name, config.version].join(" ");
}
console.log(greet(Deno.args[0] ?? ""), new Error("x").stack?.includes("main.js"));
const { late } = await import("./late.ts");
console.log(late);
`;

/** Comes from npm's cache, to which the way from each project is another. */
const LATE = `
import { hex } from "@scure/base";
export const late = hex.encode(new TextEncoder().encode("loaded late"));
`;

async function project(below = ""): Promise<string> {
  const root = join(await Deno.makeTempDir({ prefix: "crypto-compile-test-" }), below);
  await Deno.mkdir(root, { recursive: true });
  const { imports } = settings;
  const config = { version: "1.2.3", unstable: ["raw-imports"], imports };
  await Deno.writeTextFile(join(root, "deno.json"), JSON.stringify(config));
  await Deno.writeTextFile(join(root, "page.txt"), "hello\n");
  await Deno.writeTextFile(join(root, "main.ts"), MAIN);
  await Deno.writeTextFile(join(root, "late.ts"), LATE);
  return root;
}

async function compileIn(root: string, output: string, flags: string): Promise<Binary> {
  Deno.env.set("DENO_V8_FLAGS", flags);
  try {
    return await compile({ root, output });
  } finally {
    Deno.env.delete("DENO_V8_FLAGS");
  }
}

async function runIn(folder: string, path: string): Promise<string> {
  const env = { TMPDIR: folder, NO_COLOR: "1" };
  const { stdout } = await new Deno.Command(path, { args: ["you"], env }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("two compilations, elsewhere and in another environment, give the same program", async () => {
  const roots = [await project(), await project("further/down")];
  const [first = "", second = ""] = roots;
  try {
    const one = await compileIn(first, "dist/crypto", "--stack-size=950");
    const two = await compileIn(second, "other/name", "--stack-size=900");
    assert.equal(one.sha256, two.sha256);
    assert.equal(one.path, join(first, "dist", "crypto"));
    const temporary = join(first, "temporary");
    await Deno.mkdir(temporary);
    for (let run = 0; run < 2; run++) {
      assert.equal(
        await runIn(temporary, one.path),
        "hello you 1.2.3 true\n6c6f61646564206c617465",
      );
    }
    const left = [...Deno.readDirSync(temporary)].map(({ name }) => name);
    assert.deepEqual(left, [], "a program leaves no code to run in the temporary directory");
    assert.equal([...Deno.readDirSync(join(first, "dist"))].length, 1);
  } finally {
    for (const root of roots) await Deno.remove(root, { recursive: true });
  }
});

Deno.test("what the minifier would never close is found", async () => {
  const root = await project();
  try {
    const lost = "function port() { using held = Deno.listen({ port: 0 }); return held.addr; }";
    await Deno.writeTextFile(join(root, "main.ts"), `${lost}\nconsole.log(port());`);
    const plain = await Deno.makeTempDir({ dir: root });
    await bundle(root, plain, "--minify");
    await assert.rejects(requireAllClosed(root, plain), /dropped 1 of 1/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a project that cannot be bundled leaves no program and says why", async () => {
  const root = await project();
  try {
    await Deno.writeTextFile(join(root, "main.ts"), 'import "./missing.ts";');
    const env = Deno.env.get("DENORT_BIN");
    Deno.env.set("DENORT_BIN", env ?? "unused");
    try {
      await assert.rejects(compile({ root }), /deno bundle failed[^]*missing\.ts/);
    } finally {
      if (env === undefined) Deno.env.delete("DENORT_BIN");
    }
    assert.throws(() => Deno.statSync(join(root, "dist", "crypto")), Deno.errors.NotFound);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("the program asks for no permission and keeps no code outside itself", () => {
  const args = compileArguments(["raw-imports", "ffi"], "x86_64-unknown-linux-gnu", "crypto");
  for (const flag of ["--no-prompt", "--no-code-cache", "--no-config"]) {
    assert.ok(args.includes(flag), flag);
  }
  assert.ok(args.includes("--unstable-raw-imports") && args.includes("--unstable-ffi"));
});

Deno.test("a program for another machine says so in its name", () => {
  assert.equal(
    defaultOutput(),
    join("dist", Deno.build.os === "windows" ? "crypto.exe" : "crypto"),
  );
  assert.equal(
    defaultOutput("x86_64-pc-windows-msvc"),
    join("dist", "crypto-x86_64-pc-windows-msvc.exe"),
  );
  assert.equal(defaultOutput("aarch64-apple-darwin"), join("dist", "crypto-aarch64-apple-darwin"));
});

Deno.test("variables that would end up in the program do not reach the compiler", () => {
  for (const name of ["PATH", "HOME", "DENO_DIR", "DENO_CERT", "HTTPS_PROXY"]) {
    assert.ok(leavesNoTrace(name), name);
  }
  for (const name of ["DENO_V8_FLAGS", "DENO_UNSTABLE_KV", "NODE_OPTIONS", "OTEL_DENO"]) {
    assert.ok(!leavesNoTrace(name), name);
  }
});

Deno.test("what the bundler writes for require loads nothing and finds no file", () => {
  const name = "__deno_internal_createRequire";
  const written = [
    `var a=1;import{createRequire as ${name}} from "node:module";var m=${name}(import.meta.url);b()`,
    `import { createRequire as ${name} } from "node:module";\nvar m = ${name}(import.meta.url);\n`,
  ];
  for (const script of written) {
    const lean = withoutRequire(script);
    assert.doesNotMatch(lean, /node:module|createRequire/);
    assert.match(lean, /var m = \(name\) => process\.getBuiltinModule\(name\);/);
  }
  assert.equal(withoutRequire("var a = 1;"), "var a = 1;");
  assert.throws(() => withoutRequire(`import{createRequire as ${name}} from "node:module";`));
});
