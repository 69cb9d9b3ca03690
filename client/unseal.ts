/** `crypto unseal`: the passphrase is worked on here, and the daemon gets the key that it opens. */
import { CryptoError } from "../core/errors.ts";
import { SYSTEM_LAYOUT, userLayout } from "../core/layout.ts";
import { unlockSealingKey } from "../core/sealing.ts";
import { Pipes } from "../platform/files.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { type Input, openInput } from "./files.ts";
import type { Print } from "./manage.ts";
import { connect } from "./mod.ts";
import { openPassphrase, type PassphraseFlags } from "./passphrase.ts";
import { readUpTo } from "./stream.ts";

/** What `crypto unseal` is told. */
export interface UnsealFlags extends PassphraseFlags {
  readonly socket?: string | undefined;
}

/** More than a sealing key under a passphrase has. */
const MAX_LOCKED = 1_024;

/** Opens a sealed daemon. */
export async function unseal(flags: UnsealFlags, print: Print): Promise<void> {
  forbidCoreDumps();
  const pipes = new Pipes();
  const service = await connect({ socket: flags.socket });
  const { mode, sealed } = await service.status();
  const locked = sealed ? openLocked(mode, pipes) : undefined;
  const ask = locked && openPassphrase(flags, pipes, false);
  dropAllPermissions();
  const unsealed = locked && ask &&
    await service.unseal(await unlockSealingKey(await ask(), await readUpTo(locked, MAX_LOCKED)));
  service.close();
  print(unsealed ? "unsealed\n" : "it is not sealed: there is nothing to do\n");
}

/** The daemon says whose it is, which tells where the key is that it waits for. */
function openLocked(mode: "system" | "user", pipes: Pipes): Input {
  const layout = mode === "system" ? SYSTEM_LAYOUT : userLayout((name) => Deno.env.get(name), "/");
  try {
    return openInput(layout.lockedSealingKey, pipes);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const hint = "run it as root or as the user that the daemon runs as";
    throw new CryptoError("io", { subject: layout.lockedSealingKey, hint, cause: error });
  }
}
