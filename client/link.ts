/**
 * The network as the commands use it: a worker that may reach one server and nothing else, so that
 * the main thread can give up every permission and still connect again.
 */
import { asCryptoError, CryptoError, type ErrorCode } from "../core/errors.ts";
import { LINK_WORKER } from "../core/roles.ts";
import { serverPrivileges } from "../core/privileges.ts";
import { RoleWorker, runRole } from "../platform/worker.ts";
import { type ClientIdentity, connectTls, formatServer, type ServerAddress } from "./network.ts";
import type { Dial, Duplex } from "./transport.ts";

/** What the worker is asked. Connections have numbers. */
type Question =
  | {
    readonly type: "connect";
    readonly id: number;
    readonly server: ServerAddress;
    readonly identity: ClientIdentity;
  }
  | { readonly type: "write"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "close"; readonly id: number };

/** What the worker tells: bytes that have come, or the end and what was wrong. */
type Told =
  | { readonly id: number; readonly bytes: Uint8Array }
  | { readonly id: number; readonly end: Failure | undefined };

interface Failure {
  readonly code: ErrorCode;
  readonly subject: string | undefined;
  readonly hint: string;
}

/** For how long an answer is waited for: of a connection that is there. */
type Answer = number | undefined;

/** Runs in the worker. */
export function runLinkRole(): void {
  const open = new Map<number, Duplex>();
  runRole<Question, Answer, Told>(async (question, tell) => {
    const { id } = question;
    if (question.type === "connect") {
      const duplex = await connectTls(question.server, question.identity);
      open.set(id, duplex);
      void relay(id, duplex, tell).finally(() => {
        open.delete(id);
        duplex.close();
      });
      return duplex.patience;
    }
    if (question.type === "write") await open.get(id)?.write(question.bytes);
    else open.get(id)?.close();
    return undefined;
  });
}

async function relay(id: number, duplex: Duplex, tell: (told: Told) => void): Promise<void> {
  try {
    for await (const bytes of duplex.read()) tell({ id, bytes });
    tell({ id, end: undefined });
  } catch (error) {
    const { code, subject, hint } = asCryptoError(error);
    tell({ id, end: { code, subject, hint } });
  }
}

/** What comes over one connection, until somebody reads it. */
class Inbox {
  #told: Told[] = [];
  #wake: () => void = () => {};

  put(told: Told): void {
    this.#told.push(told);
    this.#wake();
  }

  /** @throws {CryptoError} what ended the connection, if that was no mere end */
  async *read(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const told = this.#told.shift() ?? await this.#next();
      if ("bytes" in told) yield told.bytes;
      else if (told.end) throw new CryptoError(told.end.code, told.end);
      else return;
    }
  }

  async #next(): Promise<Told> {
    while (this.#told.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#told.shift()!;
  }
}

/** Starts the worker. What it gives connects to the one server, as often as one likes. */
export async function startLink(
  script: string,
  server: ServerAddress,
  identity: ClientIdentity,
): Promise<Dial> {
  const inboxes = new Map<number, Inbox>();
  let last = 0;
  const worker = await RoleWorker.startFirst<Question, Answer, Told>({
    script,
    name: LINK_WORKER,
    permissions: serverPrivileges(formatServer(server)),
    onEvent: (told) => {
      inboxes.get(told.id)?.put(told);
      if ("end" in told) inboxes.delete(told.id);
    },
  });
  return async () => {
    const [id, inbox] = [++last, new Inbox()];
    inboxes.set(id, inbox);
    const connecting = worker.ask({ type: "connect", id, server, identity });
    const patience = await connecting.catch((error) => {
      inboxes.delete(id);
      throw error;
    });
    return {
      patience,
      read: () => inbox.read(),
      write: async (bytes) => void await worker.ask({ type: "write", id, bytes }),
      close: () => void worker.ask({ type: "close", id }).catch(() => undefined),
    };
  };
}
