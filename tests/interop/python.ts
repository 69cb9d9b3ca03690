/** A Python that has pyca/cryptography, for tests against another implementation. */
import { join } from "node:path";

const VERSION = "50.0.2";

/** Why there is none. */
export interface Skip {
  readonly skip: string;
}

/**
 * The path of a Python with cryptography 50.0.2. The first call makes a virtual environment in the
 * user's cache directory, which stays; several may be making it at once.
 */
export async function pythonWithCryptography(): Promise<string | Skip> {
  const cache = cacheDirectory();
  if (cache === undefined) return { skip: "neither XDG_CACHE_HOME nor HOME is set" };
  const venv = join(cache, `venv-cryptography-${VERSION}`);
  const python = join(venv, "bin", "python");
  return await works(python) ? python : await make(cache, venv, python);
}

function cacheDirectory(): string | undefined {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  return cache ? join(cache, "crypto-tests") : undefined;
}

/** What a program came to. */
interface Outcome {
  readonly success: boolean;
  /** The last line it wrote to standard error, or why it did not start. */
  readonly complaint: string;
}

async function run(program: string, args: string[]): Promise<Outcome> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "piped" });
    const { success, stderr } = await command.output();
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    return { success, complaint: lines.at(-1) || "it failed silently" };
  } catch (error) {
    return { success: false, complaint: (error as Error).message };
  }
}

async function works(python: string): Promise<boolean> {
  const program = `import cryptography; assert cryptography.__version__ == "${VERSION}"`;
  return (await run(python, ["-c", program])).success;
}

/**
 * Makes the environment under a name of its own and renames it when it is complete: nobody sees
 * half of one, and of several made at once the first stays.
 */
async function make(cache: string, venv: string, python: string): Promise<string | Skip> {
  await Deno.mkdir(cache, { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: cache, prefix: "venv-" });
  const problem = await fill(fresh);
  if (problem === undefined) await publish(fresh, venv);
  await Deno.remove(fresh, { recursive: true }).catch(ignoreMissing);
  return problem ?? (await works(python) ? python : { skip: `${venv} is broken: remove it` });
}

async function fill(venv: string): Promise<Skip | undefined> {
  const made = await run("python3", ["-m", "venv", venv]);
  if (!made.success) return { skip: `python3 -m venv: ${made.complaint}` };
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  const python = join(venv, "bin", "python");
  const installed = await run(python, [...pip, `cryptography==${VERSION}`]);
  return installed.success ? undefined : { skip: `pip install: ${installed.complaint}` };
}

async function publish(fresh: string, venv: string): Promise<void> {
  try {
    await Deno.rename(fresh, venv);
  } catch {
    // Another test was first: its directory is not empty, so this one cannot take the name.
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
