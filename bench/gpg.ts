/** GnuPG through its agent, where it is installed: a figure beside ours, not a target. */
import { has, output, type Workspace } from "./workspace.ts";

/** The command line that decrypts a short text. */
export interface Gpg {
  readonly decrypt: readonly string[];
  stop(): Promise<void>;
}

/** Makes a key and a message in a home of its own. */
export async function prepareGpg(space: Workspace): Promise<Gpg | undefined> {
  if (!await has("gpg") || !await has("gpgconf")) return undefined;
  const home = space.path("gnupg");
  await Deno.mkdir(home, { mode: 0o700 });
  const gpg = ["--homedir", home, "--batch", "--quiet"];
  const name = "bench@localhost";
  const make = ["--pinentry-mode", "loopback", "--passphrase", "", "--quick-gen-key", name];
  await output("gpg", [...gpg, ...make, "future-default", "default", "never"]);
  const [plain, sealed] = [space.path("gpg.txt"), space.path("gpg.txt.gpg")];
  await Deno.writeTextFile(plain, "secret\n");
  await output("gpg", [...gpg, "--trust-model", "always", "-r", name, "-o", sealed, "-e", plain]);
  return {
    decrypt: ["gpg", ...gpg, "--decrypt", sealed],
    async stop() {
      await output("gpgconf", ["--homedir", home, "--kill", "all"]);
    },
  };
}
