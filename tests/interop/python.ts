/** A Python that has pyca/cryptography, for tests against another implementation. */
import type { Skip } from "../support/cache.ts";
import { pythonWith } from "../support/python.ts";

/** The path of a Python with cryptography 50.0.2, or why there is none. */
export async function pythonWithCryptography(): Promise<string | Skip> {
  const bin = await pythonWith("cryptography==50.0.2");
  return typeof bin === "string" ? `${bin}/python` : bin;
}
