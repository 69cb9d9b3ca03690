/** The main thread of `crypto reseal`, `backup` and `restore`: it asks people, and nothing else. */
import { CryptoError } from "../core/errors.ts";
import { type Layout, SYSTEM_LAYOUT, userLayout, windowsLayout } from "../core/layout.ts";
import type { Rung } from "../core/rungs.ts";
import { exists } from "../platform/durable.ts";
import { IS_WINDOWS } from "../platform/library.ts";
import { RoleWorker } from "../platform/worker.ts";
import { type AdminQuestion, adminRole, type AdminTask } from "./admin.ts";

/** Opens the source of a passphrase now, and asks when it is called. */
export type OpenPassphrase = (
  flags: { readonly passphraseFile?: string | undefined },
  isNew: boolean,
) => Promise<() => Promise<string>>;

/** What the program hands to these subcommands. */
export interface AdminContext {
  readonly script: string;
  readonly say: (line: string) => void;
  readonly openPassphrase: OpenPassphrase;
}

/** What they are told. */
export interface AdminFlags {
  /** Of what is to be made, or of the backup to be read. */
  readonly passphraseFile?: string | undefined;
  /** What the ring is sealed under now. */
  readonly presentPassphraseFile?: string | undefined;
}

const ASKING = "the passphrase that the key ring is sealed under now:";

/** Does a task; says what became of it. */
export async function administer(context: AdminContext, task: AdminTask, flags: AdminFlags) {
  const layout = findLayout(task);
  const makesOne = task.type === "backup" || (task.type === "reseal" && task.to === "passphrase");
  const needsOne = makesOne || task.type === "restore";
  const askGiven = needsOne ? await context.openPassphrase(flags, makesOne) : undefined;
  const { presentPassphraseFile } = flags;
  const askPresent = await context.openPassphrase({ passphraseFile: presentPassphraseFile }, false);
  const role = adminRole(context.script, task, layout);
  const worker = await RoleWorker.start<AdminQuestion, readonly string[]>(role);
  const given = await askGiven?.();
  // Perhaps it is the same; then nobody is asked twice, and a command that was killed can be repeated.
  const question = { task, layout, given, current: makesOne ? given : undefined };
  try {
    const lines = await worker.ask(question).catch(async (error) => {
      if (!needsPresent(error, question)) throw error;
      if (presentPassphraseFile === undefined) context.say(ASKING);
      return await worker.ask({ ...question, current: await present(askPresent) });
    });
    lines.forEach(context.say);
  } finally {
    worker.terminate();
  }
}

/** @throws {CryptoError} `no_passphrase`, with the hint that fits here */
async function present(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof CryptoError) || cause.code !== "no_passphrase") throw cause;
    const hint = "type the present one at a terminal, or use --present-passphrase-file FILE";
    throw new CryptoError("no_passphrase", { hint, cause });
  }
}

/** Whether it failed for want of the passphrase that the ring is sealed under now. */
function needsPresent(error: unknown, { current }: AdminQuestion): boolean {
  if (!(error instanceof CryptoError)) return false;
  return error.code === "sealed" || (current !== undefined && error.code === "decryption_failed");
}

/**
 * The system's layout where there is a system's service, else the user's.
 * @throws {CryptoError} `not_root` for another user than root where there is one
 */
export function daemonLayout(): Layout {
  if (IS_WINDOWS) return windowsLayout((name) => Deno.env.get(name));
  // No socket is used, so the runtime directory need not be known.
  if (!exists(SYSTEM_LAYOUT.configDirectory)) return userLayout((name) => Deno.env.get(name), "/");
  if (Deno.uid() === 0) return SYSTEM_LAYOUT;
  const hint = "the keys of this machine are the system's service's: run it with sudo";
  throw new CryptoError("not_root", { hint });
}

/** @throws {CryptoError} `config` for a rung that a user's own daemon cannot stand on */
function requireRung(rung: Rung): void {
  const [missing, hint] = IS_WINDOWS
    ? [
      "passphrase",
      "nobody could type it: `crypto unseal` is not there; choose credential or file",
    ]
    : ["credential", "a credential is for the system's service: choose file or passphrase"];
  if (rung === missing) throw new CryptoError("config", { subject: rung, hint });
}

/** The layout for a task, with its directories. */
function findLayout(task: AdminTask): Layout {
  const layout = daemonLayout();
  if (layout.mode === "system") return layout;
  if (task.type === "reseal") requireRung(task.to);
  for (const path of [layout.configDirectory, layout.stateDirectory]) {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  return layout;
}
