/** What every share command has: its context, and the worker that does the work. */
import { SHARE_CLIENT_WORKER, shareClientPrivileges } from "../../core/privileges.ts";
import { DEFAULT_ORIGIN, requireOrigin } from "../../core/share/link.ts";
import { RoleWorker } from "../../platform/worker.ts";
import type { Asker } from "./input.ts";
import type { Deed, Moved, Question, Questions, Results } from "./worker.ts";

/** What the program hands to these commands. */
export interface ShareContext {
  readonly print: (text: string) => void;
  /** Tells a person something. */
  readonly say: (line: string) => void;
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

/** Starts the worker, which alone keeps permissions from here on. */
export async function start(
  { script, progress }: ShareContext,
  origin: string,
  paths: Parameters<typeof shareClientPrivileges>[1],
  name: string,
): Promise<Ask> {
  let bar: Bar | undefined;
  const role = await RoleWorker.start<Question, Results[Deed], Moved>({
    script,
    name: SHARE_CLIENT_WORKER,
    permissions: shareClientPrivileges(origin, paths).start,
    onEvent: ({ done, total }) => (bar ??= progress(name, total)).update(done),
  });
  return async <D extends Deed>(deed: D, question: Questions[D]) => {
    try {
      return await role.ask({ do: deed, ...question } as Question) as Results[D];
    } finally {
      bar?.finish();
    }
  };
}

/** The server: what was said, the environment, or one on this machine. */
export function serverOrigin(server: string | undefined): string {
  return requireOrigin(server ?? Deno.env.get("CRYPTO_SHARE_SERVER") ?? DEFAULT_ORIGIN);
}
