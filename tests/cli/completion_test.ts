/** `crypto completion`: the scripts, in the shells they are for. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { plainEnvironment } from "../support/process.ts";
import { crypto, exec, Folder, installed, prints, PROGRAM, testIf, text } from "./support.ts";

type Shell = "bash" | "zsh" | "fish";

const env = { ...plainEnvironment(), PATH: `${dirname(PROGRAM)}:${plainEnvironment().PATH}` };

/** Has a shell complete a line: what it proposes, one a line. */
type Complete = (folder: Folder, words: readonly string[]) => Promise<string[]>;

async function lines(command: readonly string[], folder: Folder): Promise<string[]> {
  const options = { env: { ...env, HOME: folder.path }, cwd: folder.path };
  const run = await exec(command, options);
  assert.deepEqual([run.code, run.stderr], [0, ""]);
  return text(run.stdout).split("\n").filter((line) => line !== "").sort();
}

/** The script as the installed file that the help tells to write. */
async function install(folder: Folder, shell: Shell): Promise<string> {
  return folder.write(`${shell}.script`, await prints(["completion", shell]));
}

const COMPLETE: Readonly<Record<Shell, Complete>> = {
  async bash(folder, words) {
    const script = await install(folder, "bash");
    const line = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _crypto
      [[ \${#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"
      complete -p crypto >/dev/null`;
    return await lines(["bash", "-c", line, script, ...words], folder);
  },

  async zsh(folder, words) {
    const script = await install(folder, "zsh");
    // What compadd is given is what the line editor would show.
    const line = `compdef() { [[ "$1 $2" = "_crypto crypto" ]] || exit 1 }
      compadd() { print -rl -- "\${(@P)2}" } ; _files() { print FILES }
      source "$0"; words=("$@"); CURRENT=$#; _crypto`;
    return await lines(["zsh", "-f", "-c", line, script, ...words], folder);
  },

  async fish(folder, words) {
    const script = await install(folder, "fish");
    const line = 'source $argv[1]; complete -C "$argv[2]"';
    return await lines(["fish", "--no-config", "-c", line, script, words.join(" ")], folder);
  },
};

const CASES: readonly { words: readonly string[]; includes: string[]; excludes: string[] }[] = [
  { words: ["crypto", ""], includes: ["encrypt", "decrypt", "key", "status"], excludes: ["list"] },
  { words: ["crypto", "en"], includes: ["encrypt"], excludes: ["decrypt", "status"] },
  { words: ["crypto", "key", ""], includes: ["create", "import", "list"], excludes: ["encrypt"] },
  { words: ["crypto", "key", "re"], includes: ["retire", "restore"], excludes: ["rotate"] },
  { words: ["crypto", "rewrap", "--"], includes: ["--recursive", "--fresh"], excludes: ["--key"] },
  { words: ["crypto", "encrypt", "--pa"], includes: ["--passphrase"], excludes: ["--armor"] },
  { words: ["crypto", "encrypt", "--"], includes: ["--armor", "--context"], excludes: ["--json"] },
  { words: ["crypto", "status", "--j"], includes: ["--json"], excludes: ["--socket"] },
  { words: ["crypto", "network", ""], includes: ["nginx"], excludes: ["status"] },
  { words: ["crypto", "completion", "z"], includes: ["zsh"], excludes: ["bash"] },
  {
    words: ["crypto", "key", "create", "x", "--purpose", ""],
    includes: ["seal", "mac", "fernet"],
    excludes: ["--json"],
  },
];

for (const shell of ["bash", "zsh", "fish"] as const) {
  const why = await installed(shell);

  testIf(why, `${shell} accepts the script and proposes subcommands and flags`, async () => {
    using folder = new Folder();
    for (const { words, includes, excludes } of CASES) {
      const proposals = await COMPLETE[shell](folder, words);
      const names = proposals.map((line) => line.split("\t")[0]);
      for (const name of includes) assert.ok(names.includes(name), `${words.join(" ")}: ${names}`);
      for (const name of excludes) assert.ok(!names.includes(name), `${words.join(" ")}: ${names}`);
    }
  });

  testIf(why, `${shell} finds nothing wrong with the script`, async () => {
    using folder = new Folder();
    await lines([shell, "-n", await install(folder, shell)], folder);
  });
}

testIf(await installed("zsh"), "zsh takes the script as a function of its own path", async () => {
  using folder = new Folder();
  folder.write("_crypto", await prints(["completion", "zsh"]));
  const line = `fpath=("$PWD" $fpath); autoload -Uz compinit && compinit -u -d ./dump
    [[ $_comps[crypto] = _crypto ]] && print found`;
  assert.deepEqual(await lines(["zsh", "-f", "-c", line], folder), ["found"]);
});

testIf(await installed("zsh"), "zsh proposes already when it loads the function", async () => {
  using folder = new Folder();
  folder.write("_crypto", await prints(["completion", "zsh"]));
  const line = `fpath=("$PWD" $fpath); autoload -Uz _crypto; compdef() { exit 1 }
    compadd() { print -rl -- "\${(@P)2}" }; words=(crypto stat); CURRENT=2; _crypto`;
  assert.deepEqual(await lines(["zsh", "-f", "-c", line], folder), ["status"]);
});

testIf(await installed("zsh"), "zsh completes files where they belong", async () => {
  using folder = new Folder();
  assert.deepEqual(await COMPLETE.zsh(folder, ["crypto", "encrypt", "re"]), ["FILES"]);
});

testIf(await installed("fish"), "fish completes files where they belong", async () => {
  using folder = new Folder();
  folder.write("report.pdf", "x");
  assert.deepEqual(await COMPLETE.fish(folder, ["crypto", "encrypt", "rep"]), ["report.pdf"]);
});

Deno.test("the scripts call the program by its name, from the path", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const script = await prints(["completion", shell]);
    const rest = script.replaceAll("/dev/null", "");
    assert.ok(rest.endsWith("\n") && rest.includes("crypto __complete"), shell);
    assert.ok(!rest.includes("/"), shell);
  }
});

Deno.test("the hidden subcommand that the scripts call never fails", async () => {
  for (const words of [[], [""], ["nothing"], ["encrypt", "--nothing", ""], ["--", ""], ["\x07"]]) {
    const { code, stderr } = await crypto(["__complete", ...words]);
    assert.deepEqual([code, stderr], [0, ""], words.join(" "));
  }
});
