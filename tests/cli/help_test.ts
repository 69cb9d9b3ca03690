/** What a person who does not know the program yet is told. */
import assert from "node:assert/strict";
import settings from "../../deno.json" with { type: "json" };
import { crypto, fails, type Run, text } from "./support.ts";

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  serve: ["--system", "--socket"],
  encrypt: [
    ..."--text --output --context --key --passphrase-file --socket --force --quiet".split(" "),
    ..."--armor --passphrase -t -o -c -k -f -q -a -p".split(" "),
  ],
  decrypt: [
    ..."--text --output --context --key --passphrase-file --socket --force --quiet".split(" "),
    ..."-t -o -c -k -f -q".split(" "),
  ],
  "key list": ["--socket", "--json"],
  "key create": ["--socket", "--json", "--purpose"],
  "key rotate": ["--socket", "--json"],
  "key import": ["--socket", "--json", "--purpose"],
  "key set": ["--socket", "--json", "--rotate-after", "--min-version"],
  "key retire": ["--socket", "--json"],
  "key disable": ["--socket", "--json"],
  "key enable": ["--socket", "--json"],
  "key destroy": ["--socket", "--json", "--grace", "--yes"],
  "key restore": ["--socket", "--json"],
  rewrap: [
    ..."--recursive --context --dry-run --fresh --json --quiet --socket".split(" "),
    ..."-r -c -n -q".split(" "),
  ],
  status: ["--socket", "--json"],
  "network nginx": ["--domain", "--upstream", "--port", "--connections"],
  "share-lambda": ["--output", "--origin", "-o"],
  completion: [],
};

async function help(command: string): Promise<string> {
  const { code, stdout, stderr } = await crypto([...command.split(" "), "--help"]);
  assert.deepEqual([code, stderr], [0, ""], command);
  return text(stdout);
}

/** Asserts that a line was not understood, and gives what was said of it. */
async function misunderstood(...args: string[]): Promise<string> {
  const run: Run = await crypto(args);
  assert.deepEqual([run.code, text(run.stdout)], [64, ""], args.join(" "));
  assert.match(run.stderr, /^[^\n]+\n$/);
  return run.stderr;
}

Deno.test("every subcommand's help has an example, and every option", async () => {
  for (const [command, options] of Object.entries(COMMANDS)) {
    const said = await help(command);
    const example = new RegExp(`^  crypto ${command}( (?!--help).*)?$`, "m");
    assert.match(said, example, command);
    for (const option of options) assert.ok(said.includes(option), `${command} ${option}`);
    assert.ok(said.split("\n").every((line) => line.length <= 180), command);
  }
});

Deno.test("the help of a group of subcommands has an example too", async () => {
  assert.match(await help("key"), /^ {2}\$ crypto key create \w/m);
});

Deno.test("no arguments show the help, which names every subcommand", async () => {
  const [bare, asked] = [await crypto([]), await crypto(["--help"])];
  assert.deepEqual([bare.code, bare.stderr], [0, ""]);
  assert.equal(text(bare.stdout), text(asked.stdout));
  for (const command of Object.keys(COMMANDS)) {
    assert.ok(text(asked.stdout).includes(command.split(" ")[0]!), command);
  }
});

Deno.test("the version is that of the project", async () => {
  for (const flag of ["--version", "-v"]) {
    assert.equal(text((await crypto([flag])).stdout), `${settings.version}\n`);
  }
});

Deno.test("a misspelt subcommand or option is answered with what was meant", async () => {
  assert.match(await misunderstood("encrpt"), /did you mean `encrypt`/);
  assert.match(await misunderstood("staus"), /did you mean `status`/);
  assert.match(await misunderstood("key", "rotat", "x"), /did you mean `rotate`/);
  assert.match(await misunderstood("encrypt", "--forec"), /did you mean --force/);
  assert.match(await misunderstood("decrypt", "--contxt", "x"), /did you mean --context/);
  assert.match(await misunderstood("key", "create", "x", "--purpos", "seal"), /--purpose/);
});

Deno.test("what is no option, no value or one too many is refused with status 64", async () => {
  await misunderstood("encrypt", "--recipient", "bob");
  await misunderstood("encrypt", "-z");
  await misunderstood("encrypt", "--key");
  await misunderstood("decrypt", "--armor");
  await misunderstood("key", "create", "a", "--purpose", "both");
  await misunderstood("status", "now");
  await misunderstood("completion");
  await misunderstood("nothing of the kind");
  await fails("usage", ["encrypt", "--force=perhaps"]);
  const { stderr } = await fails("usage", ["completion", "tcsh"]);
  assert.match(stderr, /shell: .*\n {2}hint: .*zsh/);
});
