/**
 * How a browser gets the token: by a file that its user alone can read. An address in an argument
 * list is everybody's to read, and one with a token stays in histories; so the file posts it.
 */
import { createHash } from "node:crypto";
import { CryptoError } from "../../core/errors.ts";
import { runtimeDirectory } from "../../core/layout.ts";
import { requireTrustedDirectory } from "../../platform/trust.ts";

/** Makes a directory of its own, mode 0700. @throws {CryptoError} `config`, `unsafe_path` */
export function makeHandoffDirectory(): string {
  const runtime = runtimeDirectory((name) => Deno.env.get(name));
  try {
    const dir = requireTrustedDirectory(runtime, [Deno.uid() ?? 0]);
    return Deno.makeTempDirSync({ dir, prefix: "crypto-gui." });
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    const hint = "no directory can be made there: see that it is there and yours";
    throw new CryptoError("config", { subject: runtime, hint, cause });
  }
}

const SCRIPT = "document.forms[0].submit()";

/** A page that posts a token, with a button for who has no script. */
function handoffPage(origin: string, token: string): string {
  const hash = createHash("sha256").update(SCRIPT).digest("base64");
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; form-action ${origin}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<title>crypto</title>
<form method="post" action="${origin}/open">
<input type="hidden" name="token" value="${token}">
<button>crypto</button>
</form>
<script>${SCRIPT}</script>
</html>
`;
}

/** Writes the file, mode 0600. @returns its path */
export function writeHandoff(directory: string, origin: string, token: string): string {
  const path = `${directory}/open.html`;
  const options = { mode: 0o600, createNew: true };
  Deno.writeTextFileSync(path, handoffPage(origin, token), options);
  return path;
}

/** Removes all of it, as often as one likes. */
export function removeHandoff(directory: string): void {
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
