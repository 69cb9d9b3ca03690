/**
 * The worker of `crypto gui`: it alone may listen, and reach the daemon and the share server. It
 * gives up the loading of libraries before it listens.
 */
import type { SendLink, ShareServer } from "../../core/share/sending.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { runRole } from "../../platform/worker.ts";
import { connectTo } from "../bound.ts";
import type { Target } from "../reach.ts";
import { removeHandoff } from "./handoff.ts";
import { GuiServer, type ServerOptions } from "./server.ts";
import { GuiWork } from "./work.ts";

/** What the worker is asked. */
export type Question =
  | {
    readonly type: "start";
    readonly options: Omit<ServerOptions, "onUnused">;
    /** The daemon. */
    readonly target: Target;
    readonly server: ShareServer;
  }
  | { readonly type: "stop" };

/** The page to be opened, when it has started. */
export interface Started {
  readonly handoff: string;
}

/** Runs in the worker. It tells when nobody has used it for a while. */
export function runGuiRole(share: SendLink): void {
  let running: GuiServer | undefined;
  runRole<Question, Started | undefined, "unused">(async (question, tell) => {
    if (question.type === "stop") return running?.stop() as undefined;
    running = await start(question, share, () => tell("unused"));
    return { handoff: running.handoff };
  });
}

async function start(
  { target, server, options }: Extract<Question, { readonly type: "start" }>,
  share: SendLink,
  onUnused: () => void,
): Promise<GuiServer> {
  try {
    const service = await connectTo(target);
    const engine = loadLibcrypto();
    dropLibraryPermission();
    const work = new GuiWork({ service, engine, share, server });
    return new GuiServer(work, { ...options, onUnused });
  } catch (error) {
    removeHandoff(options.directory);
    throw error;
  }
}
