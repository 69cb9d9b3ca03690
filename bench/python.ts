/** Which Python the peers run with: the fastest there is. */
import { pythonWithCryptography } from "../tests/interop/python.ts";
import { output } from "./workspace.ts";

/** The distribution's: built with optimizations, which one of a version manager's often is not. */
const DISTRIBUTIONS = "/usr/bin/python3";

/** An interpreter, and where it finds pyca/cryptography. */
export interface Python {
  readonly program: string;
  readonly env: Record<string, string>;
}

/** A Python for scripts that need the standard library alone; never a launcher before another. */
export async function plainPython(): Promise<string> {
  const executable = ["-c", "import sys; print(sys.executable)"];
  const distributions = await output(DISTRIBUTIONS, executable).catch(() => undefined);
  return (distributions ?? await output("python3", executable)).trim();
}

/** A Python that has pyca/cryptography, of the version that the tests use too. */
export async function cryptographyPython(): Promise<Python | { readonly skip: string }> {
  const venv = await pythonWithCryptography();
  if (typeof venv !== "string") return venv;
  const packages = ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"];
  const PYTHONPATH = (await output(venv, packages)).trim();
  const works = ["PYTHONPATH=" + PYTHONPATH, DISTRIBUTIONS, "-c", "import cryptography.fernet"];
  const shares = await output("env", works).then(() => true, () => false);
  return shares ? { program: DISTRIBUTIONS, env: { PYTHONPATH } } : { program: venv, env: {} };
}
