/** What a start of `encrypt` and `decrypt` loads: nothing that is slow, and nothing of others. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bundle } from "../../tools/compile.ts";
import { PROJECT } from "../../tools/process.ts";

/** The subcommands' script, as the bundler names it. */
const SUBCOMMAND = /^crypt_command-\w+\.js$/;

/** The scripts that are loaded before the subcommand's function runs, and their texts. */
async function startScripts(folder: string): Promise<Map<string, string>> {
  await bundle(PROJECT, folder);
  const scripts = new Map<string, string>();
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  const waiting = ["main.js", ...names.filter((name) => SUBCOMMAND.test(name))];
  assert.equal(waiting.length, 2, "the subcommand has a script of its own");
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

Deno.test("encrypting loads no module of node's, no slow hash, and nothing of other subcommands", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cts-" });
  try {
    const scripts = await startScripts(folder);
    assert.ok(scripts.size > 5, "the scripts are found");
    for (const [name, text] of scripts) {
      assert.doesNotMatch(text, /^(?:import\b.*|\} from )"node:/m, name);
      assert.doesNotMatch(text, /@noble\/hashes\/[^\n]*\/scrypt/, name);
      assert.doesNotMatch(text, /\bDynamoDBClient\b/, name);
      assert.doesNotMatch(text, /^\/\/ (?:(?:server|share|install)\/|client\/manage)/m, name);
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
