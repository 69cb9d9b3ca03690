/** What installs and removes, in a worker: it alone holds the permissions for it. */
import { CryptoError } from "../core/errors.ts";
import { exists } from "../platform/durable.ts";
import { loadGiveAway, setCreationMask } from "../platform/ownership.ts";
import { dropLibraryPermission } from "../platform/permissions.ts";
import { Sockets } from "../platform/sockets.ts";
import { runRole } from "../platform/worker.ts";
import type { Plan } from "./actions.ts";
import { assetsFor } from "./assets.ts";
import { holdOthersOff } from "./exclusion.ts";
import { directoriesOf, execute, type Progress } from "./execute.ts";
import { requireWritable } from "./files.ts";
import { type Asker, observe } from "./observe.ts";
import { performer } from "./perform.ts";
import { planInstall } from "./plan.ts";
import { requireCapable } from "./preconditions.ts";
import { keptKeys, planRemoval } from "./removal.ts";

/** What is wanted. */
export interface Wish {
  readonly goal: "install" | "uninstall" | "purge";
  readonly asker: Asker;
  /** Only to show it: anybody may ask, anywhere. */
  readonly dryRun: boolean;
}

/** What the worker is asked, in this order. */
export type Question =
  | { readonly type: "plan"; readonly wish: Wish }
  /** Runs `crypto backup` on the terminal. */
  | { readonly type: "backup"; readonly program: string; readonly file: string }
  /** Carries the last plan out. */
  | { readonly type: "execute" }
  /** Was not confirmed. */
  | { readonly type: "leave" };

/** A plan, and the keys and logs that it removes. */
export interface Planned {
  readonly plan: Plan;
  readonly removes: readonly string[];
}

/** No file is made that others can write; the mask of whoever installs does not matter. */
const OTHERS_WRITE = 0o022;

/** Runs in the worker. */
export function runInstallRole(): void {
  const giveAway = loadGiveAway();
  setCreationMask(OTHERS_WRITE);
  const sockets = new Sockets();
  dropLibraryPermission();
  let planned: { plan: Plan; root: string } | undefined;
  let release = () => {};
  const answer = async (question: Question, tell: (progress: Progress) => void) => {
    if (question.type === "plan") {
      const { asker, dryRun } = question.wish;
      if (!dryRun && asker.uid === 0) release = await holdOthersOff(asker.root, sockets);
      const found = await planFor(question.wish);
      planned = { plan: found.plan, root: asker.root };
      return found;
    }
    if (question.type === "backup") await backup(question.program, question.file);
    else if (planned && question.type === "execute") {
      await execute(planned.plan, performer(planned.root, giveAway), tell);
    }
    if (question.type !== "backup") release();
    return undefined;
  };
  runRole<Question, Planned | undefined, Progress>(async (question, tell) => {
    try {
      return await answer(question, tell);
    } catch (thrown) {
      release();
      throw thrown;
    }
  });
}

/** The plan for a wish, with all that speaks against it. */
export async function planFor({ goal, asker, dryRun }: Wish): Promise<Planned> {
  const facts = await observe(asker);
  if (!dryRun) requireCapable(facts);
  const assets = await assetsFor(facts.places);
  if (goal === "install") {
    const plan = planInstall(facts, assets);
    // Of those that are missing, the main thread tried what is above them.
    if (!dryRun) directoriesOf(plan).filter(exists).forEach(requireWritable);
    return { plan, removes: [] };
  }
  const purge = goal === "purge";
  const plan = planRemoval(facts, assets, { purge });
  return { plan, removes: purge ? keptKeys(facts) : [] };
}

/** On the terminal of whoever removes the keys, who types a passphrase. */
async function backup(program: string, file: string): Promise<void> {
  const io = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
  const command = new Deno.Command(program, { args: ["backup", file], clearEnv: true, ...io });
  const { success } = await command.spawn().status;
  if (success) return;
  const hint = "there is no backup, so nothing was removed";
  throw new CryptoError("program_failed", { subject: "crypto backup", hint });
}
