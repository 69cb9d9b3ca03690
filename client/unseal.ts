/** `crypto unseal`: the passphrase is worked on here, and the daemon gets the key that it opens. */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { type Layout, SYSTEM_LAYOUT, userLayout } from "../core/layout.ts";
import { unlockSealingKey } from "../core/sealing.ts";
import { Pipes } from "../platform/files.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { connectAt } from "./bound.ts";
import { type Input, openInput } from "./files.ts";
import { locateSocket } from "./locate.ts";
import type { Print } from "./manage.ts";
import { type AskPassphrase, openPassphrase, type PassphraseFlags } from "./passphrase.ts";
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
  const locked = {
    system: openLocked(() => SYSTEM_LAYOUT, pipes),
    user: openLocked(() => userLayout((name) => Deno.env.get(name), "/"), pipes),
  };
  const ask = openPassphrase(flags, pipes, false);
  const service = await connectAt(locateSocket(flags.socket));
  dropAllPermissions();

  // The daemon says whose it is, which tells which of the two has the key that it waits for.
  const { mode, sealed } = await service.status();
  const unsealed = sealed && await service.unseal(await unlock(locked[mode](), ask));
  service.close();
  print(unsealed ? "unsealed\n" : "it is not sealed: there is nothing to do\n");
}

async function unlock(locked: Input, ask: AskPassphrase): Promise<Bytes> {
  return await unlockSealingKey(await ask(), await readUpTo(locked, MAX_LOCKED));
}

/** Opens the sealing key of a layout. Gives what complains, when it is needed, if that failed. */
function openLocked(find: () => Layout, pipes: Pipes): () => Input {
  try {
    const input = openInput(find().lockedSealingKey, pipes);
    return () => input;
  } catch (cause) {
    return () => {
      const hint = "run it as root or as the user that the daemon runs as";
      throw new CryptoError("io", { subject: "the sealing key under a passphrase", hint, cause });
    };
  }
}
