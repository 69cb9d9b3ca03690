/** What every start of the program loads: nothing that is slow, and nothing that few need. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bundle } from "../../tools/compile.ts";
import { PROJECT } from "../../tools/process.ts";

/** The scripts that the first one imports before it runs, and the texts of all of them. */
async function startScripts(folder: string): Promise<Map<string, string>> {
  await bundle(PROJECT, folder);
  const scripts = new Map<string, string>();
  const waiting = ["main.js"];
  for (let name; (name = waiting.pop()) !== undefined;) {
    if (scripts.has(name)) continue;
    const text = await Deno.readTextFile(join(folder, name));
    scripts.set(name, text);
    for (const [, other] of text.matchAll(/^(?:import|\} from) ?"\.\/([^"]+)";$/gm)) {
      waiting.push(other!);
    }
  }
  return scripts;
}

Deno.test("a start loads no module of node's, no slow hash and no SDK, which most subcommands do not need", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cts-" });
  try {
    const scripts = await startScripts(folder);
    assert.ok(scripts.size > 5, "the scripts are found");
    for (const [name, text] of scripts) {
      assert.doesNotMatch(text, /^(?:import\b.*|\} from )"node:/m, name);
      assert.doesNotMatch(text, /@noble\/hashes\/[^\n]*\/scrypt/, name);
      assert.doesNotMatch(text, /\bDynamoDBClient\b/, name);
    }
    const others = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    const withSdk = others.filter((name) => {
      return /\bDynamoDBClient\b/.test(Deno.readTextFileSync(join(folder, name)));
    });
    assert.ok(withSdk.length > 0, "the SDK is found where it is");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
