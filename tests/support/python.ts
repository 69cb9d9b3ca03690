/** Pythons with packages of their own, for tests against and with other programs. */
import { cached, type Skip } from "./cache.ts";
import { run } from "./process.ts";

const INSTALLING = 300_000;

/**
 * The `bin` directory of a virtual environment that has some packages.
 *
 * @param requirements with exact versions: `name==1.2.3`
 */
export async function pythonWith(...requirements: readonly string[]): Promise<string | Skip> {
  const venv = await cached(
    `venv-${requirements.join("-").replaceAll("==", "-")}`,
    async (path) => {
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      return await problem(["python3", "-m", "venv", path]) ??
        await problem([`${path}/bin/python`, ...pip, ...requirements]);
    },
  );
  return typeof venv === "string" ? `${venv}/bin` : venv;
}

async function problem(command: readonly string[]): Promise<Skip | undefined> {
  try {
    // Where packages come from, and what is trusted there, the environment says.
    const options = { env: Deno.env.toObject(), patience: INSTALLING };
    const { code, stderr } = await run(command, options);
    if (code === 0) return undefined;
    return { skip: `${command.join(" ")}: ${stderr.trim().split("\n").at(-1)}` };
  } catch (error) {
    return { skip: (error as Error).message };
  }
}
