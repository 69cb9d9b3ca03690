/** The page's side of its worker. */
import type { Moved } from "../../../core/page/form.ts";
import { apiOrigin, storageOrigin } from "../place.ts";
import type { Deed, Failure, Question, Questions, Reply, Results } from "./deeds.ts";

const SCRIPT = "/worker.js";

/** Why something was not done. */
export class Failed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.code);
  }
}

interface Waiting {
  readonly settle: PromiseWithResolvers<Results[Deed]>;
  readonly onMoved: (moved: Moved) => void;
}

const waiting = new Map<number, Waiting>();
const worker = new Worker(scriptUrl(), {
  type: "module",
  name: `${apiOrigin()} ${storageOrigin()}`.trim(),
});
let asked = 0;
let isBroken = false;

worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
  const { settle, onMoved } = waiting.get(data.id)!;
  if ("moved" in data) return onMoved(data.moved);
  waiting.delete(data.id);
  if ("failure" in data) settle.reject(new Failed(data.failure));
  else settle.resolve(data.result);
});
worker.addEventListener("error", () => {
  // It was not loaded, or runs no more: nothing will be answered.
  isBroken = true;
  for (const { settle } of waiting.values()) {
    settle.reject(broken());
  }
  waiting.clear();
});

/** Asks the worker. @throws {Failed} */
export async function ask<D extends Deed>(
  deed: D,
  question: Questions[D],
  onMoved: (moved: Moved) => void = () => {},
): Promise<Results[D]> {
  if (isBroken) throw broken();
  const id = ++asked;
  const settle = Promise.withResolvers<Results[Deed]>();
  waiting.set(id, { settle, onMoved });
  worker.postMessage({ id, do: deed, asked: question } as Question);
  return await settle.promise as Results[D];
}

function broken(): Failed {
  return new Failed({ code: "share_unreachable" });
}

/** Where browsers insist on it (trusted types), the one script that a worker may have. */
function scriptUrl(): string {
  const policy = globalThis.trustedTypes?.createPolicy("worker", { createScriptURL: () => SCRIPT });
  return (policy?.createScriptURL("") as string | undefined) ?? SCRIPT;
}
