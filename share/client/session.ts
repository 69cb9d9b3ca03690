/** What every share command has: its context, and the worker that does the work. */
import { CryptoError } from "../../core/errors.ts";
import { shareClientPrivileges } from "../../core/privileges.ts";
import { SHARE_CLIENT_WORKER } from "../../core/roles.ts";
import type { ShareServer } from "../../core/share/sending.ts";
import { DEFAULT_ORIGIN, requireOrigin } from "../../core/share/origin.ts";
import { dropAllPermissions } from "../../platform/permissions.ts";
import { type RoleOptions, RoleWorker } from "../../platform/worker.ts";
import type { Asker } from "./input.ts";
import type { Deed, Moved, Question, Questions, Results } from "./worker.ts";

/** What the program hands to these commands. */
export interface ShareContext {
  /** Gives whether all of it was written. */
  readonly print: (text: string) => boolean;
  /** Tells a person something. Gives whether all of it was written. */
  readonly say: (line: string) => boolean;
  /** URL of the program's one script. */
  readonly script: string;
  readonly openTerminal: () => Asker | undefined;
  /** A bar for what takes long; `total` in bytes. */
  readonly progress: (name: string, total: number) => Bar;
}

interface Bar {
  update(bytes: number): void;
  finish(): void;
}

/** Asks the worker. */
export type Ask = <D extends Deed>(deed: D, question: Questions[D]) => Promise<Results[D]>;

/** What a worker is started for. */
interface Work {
  readonly origin: string;
  /** What it may read or write. */
  readonly paths?: Paths;
  /** What the bar is called. */
  readonly name: string;
}

/** Starts the worker, which alone keeps permissions from here on: for one server alone. */
export async function start(context: ShareContext, work: Work): Promise<Ask> {
  const { options, finish } = roleOptions(context, work);
  const role = await RoleWorker.start<Question, Results[Deed], Moved>(options);
  return askOf(role, finish, work);
}

/**
 * The same for what may move a large body. A server that keeps those elsewhere says where, to a
 * worker that may ask it and nobody else; then another one, for both, takes its place.
 */
export async function startWithStorage(context: ShareContext, work: Work): Promise<Ask> {
  const { options, finish } = roleOptions(context, work);
  const first = await RoleWorker.startFirst<Question, Results[Deed], Moved>(options);
  const ask = askOf(first, finish, work);
  const { storage } = await ask("storage", { origin: work.origin }).catch((error) => {
    dropAllPermissions();
    throw error;
  });
  if (storage === undefined) {
    dropAllPermissions();
    return ask;
  }
  first.terminate();
  const both = roleOptions(context, work, storage);
  const second = await RoleWorker.start<Question, Results[Deed], Moved>(both.options);
  return askOf(second, both.finish, work, storage);
}

/** How long a server may take to name its storage, in milliseconds. */
const STORAGE_PATIENCE = 3_000;

/**
 * The server that is meant, for a program that sends as one of many things: it starts without one,
 * and then knows of no storage. This thread keeps its permissions.
 */
export async function findServer(
  script: string,
  told: string | undefined,
): Promise<ShareServer> {
  const origin = serverOrigin(told);
  const permissions = shareClientPrivileges([origin], {}).start;
  const options = { script, name: SHARE_CLIENT_WORKER, permissions };
  const role = await RoleWorker.startFirst<Question, Results["storage"], Moved>(options);
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), STORAGE_PATIENCE);
  const asked = role.ask({ do: "storage", origin }).catch(() => undefined);
  const answer = await Promise.race([asked, late.promise]);
  clearTimeout(timer);
  role.terminate();
  return { origin, storage: answer?.storage };
}

type Paths = Parameters<typeof shareClientPrivileges>[1];

function roleOptions(
  { script, progress }: ShareContext,
  { origin, paths = {}, name }: Work,
  storage?: string,
) {
  const origins = storage === undefined ? [origin] : [origin, storage];
  let bar: Bar | undefined;
  const options: RoleOptions<Moved> = {
    script,
    name: SHARE_CLIENT_WORKER,
    permissions: shareClientPrivileges(origins, paths).start,
    onEvent: ({ done, total }) => (bar ??= progress(name, total)).update(done),
  };
  return { options, finish: () => bar?.finish() };
}

function askOf(
  role: RoleWorker<Question, Results[Deed], Moved>,
  finish: () => void,
  { origin }: Work,
  storage?: string,
): Ask {
  return async <D extends Deed>(deed: D, question: Questions[D]) => {
    try {
      return await role.ask({ do: deed, storage, ...question } as Question) as Results[D];
    } catch (error) {
      throw naming(origin, error);
    } finally {
      finish();
    }
  };
}

/** Says which server cannot be reached, and that one on this machine can be started. */
function naming(origin: string, error: unknown): unknown {
  if (!(error instanceof CryptoError) || error.code !== "share_unreachable") return error;
  const hint = "see that it runs, and that this machine can reach it; then try again";
  return new CryptoError(error.code, {
    subject: origin,
    hint: origin === DEFAULT_ORIGIN ? undefined : hint,
    cause: error,
  });
}

/** The server: what was said, the environment, or one on this machine. */
export function serverOrigin(server: string | undefined): string {
  return requireOrigin(server ?? Deno.env.get("CRYPTO_SHARE_SERVER") ?? DEFAULT_ORIGIN);
}
