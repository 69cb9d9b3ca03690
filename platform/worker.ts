/**
 * Roles: parts of the program that run in a worker, which alone holds their permissions, by list.
 * The main thread keeps none. The worker is the program's one script again, under the role's name.
 */
import { asCryptoError, CryptoError, type ErrorCode } from "../core/errors.ts";
import type { PermissionSet } from "../core/privileges.ts";
import { dropAllPermissions } from "./permissions.ts";

/** What a worker is asked. */
interface Question<Q> {
  readonly id: number;
  readonly question: Q;
}

/** What crosses from the worker: that it is there, its answers, and what it tells unasked. */
type Report<A, E> =
  | { readonly type: "loaded" }
  | { readonly type: "answer"; readonly id: number; readonly answer: A }
  | { readonly type: "event"; readonly event: E }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure };

/** An error as it crosses: what people and programs go by, and for a bug where it was. */
interface Failure {
  readonly code: ErrorCode;
  readonly subject: string | undefined;
  readonly hint: string;
  readonly cause: string | undefined;
}

/**
 * The permissions of a worker: those listed and no other. Run from source it also reads the
 * program's modules; a compiled program has them inside.
 */
export function workerPermissions(
  script: string,
  { read, write, net, env, sys, run, ffi }: PermissionSet,
): Deno.PermissionOptionsObject {
  const modules = Deno.build.standalone ? [] : [new URL(".", script)];
  return {
    read: Array.isArray(read) ? [...read, ...modules] : read === true || modules,
    write: list(write),
    net: list(net),
    env: list(env),
    sys: list(sys),
    run: list(run),
    ffi: ffi ?? false,
    import: false,
  };
}

function list(of: boolean | readonly string[] | undefined): boolean | string[] {
  return typeof of === "object" ? [...of] : of ?? false;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope<Q, A, E> {
  onmessage: ((event: MessageEvent<Question<Q>>) => void) | null;
  postMessage(message: Report<A, E>): void;
}

/**
 * Runs in the worker, as soon as its modules are there: answers each question with what `answer`
 * gives for it.
 * @param answer `tell` sends the main thread something unasked
 */
export function runRole<Q, A, E = never>(
  answer: (question: Q, tell: (event: E) => void) => Promise<A>,
): void {
  const scope = globalThis as unknown as WorkerScope<Q, A, E>;
  const tell = (event: E) => scope.postMessage({ type: "event", event });
  scope.onmessage = async ({ data: { id, question } }) => {
    try {
      scope.postMessage({ type: "answer", id, answer: await answer(question, tell) });
    } catch (thrown) {
      scope.postMessage({ type: "failed", id, failure: failure(thrown) });
    }
  };
  scope.postMessage({ type: "loaded" });
}

function failure(thrown: unknown): Failure {
  const { code, subject, hint, cause } = asCryptoError(thrown);
  const stack = code === "internal" && cause instanceof Error ? cause.stack : undefined;
  return { code, subject, hint, cause: stack };
}

/** How a role is started. */
export interface RoleOptions<E> {
  /** URL of the program's one script, which calls {@link runRole} in a worker of this name. */
  readonly script: string;
  readonly name: string;
  /** All that the worker may do. */
  readonly permissions: PermissionSet;
  /** Takes what the worker tells unasked. */
  readonly onEvent?: ((event: E) => void) | undefined;
}

/** A role in its worker, as the main thread sees it. */
export class RoleWorker<Q, A, E = never> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<A>>();
  readonly #loaded = Promise.withResolvers<void>();
  #asked = 0;
  /** Rejects if the worker dies by itself, which it never should. */
  readonly died: Promise<never>;

  private constructor({ script, name, permissions, onEvent }: RoleOptions<E>) {
    const deno = { permissions: workerPermissions(script, permissions) };
    this.#worker = new Worker(script, { type: "module", name, deno });
    this.#worker.onmessage = ({ data }: MessageEvent<Report<A, E>>) => {
      if (data.type === "loaded") this.#loaded.resolve();
      else if (data.type === "event") onEvent?.(data.event);
      else this.#settle(data);
    };
    this.died = new Promise((_, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new CryptoError("internal", { subject: name, cause: event.message }));
      };
    });
    // Whoever waits for something hears of it; that nobody does is no second failure.
    this.died.catch(() => {});
  }

  /**
   * Starts a role and gives up every permission of this thread. The worker reads its modules with
   * this thread's permissions, so they go when it has told that it has them.
   */
  static async start<Q, A, E = never>(options: RoleOptions<E>): Promise<RoleWorker<Q, A, E>> {
    const role = await RoleWorker.startFirst<Q, A, E>(options);
    dropAllPermissions();
    return role;
  }

  /** Starts a role that says what the next one is to be given: this thread keeps its permissions. */
  static async startFirst<Q, A, E = never>(options: RoleOptions<E>): Promise<RoleWorker<Q, A, E>> {
    const role = new RoleWorker<Q, A, E>(options);
    await Promise.race([role.#loaded.promise, role.died]);
    return role;
  }

  /** Asks the worker. @throws {CryptoError} what the role threw. */
  async ask(question: Q): Promise<A> {
    const id = this.#asked++;
    const answer = Promise.withResolvers<A>();
    this.#waiting.set(id, answer);
    this.#worker.postMessage({ id, question } satisfies Question<Q>);
    return await Promise.race([answer.promise, this.died]);
  }

  #settle(report: Extract<Report<A, E>, { id: number }>): void {
    const waiting = this.#waiting.get(report.id);
    this.#waiting.delete(report.id);
    if (report.type === "answer") waiting?.resolve(report.answer);
    else waiting?.reject(new CryptoError(report.failure.code, report.failure));
  }

  /** Ends the worker. */
  terminate(): void {
    this.#worker.terminate();
  }
}
