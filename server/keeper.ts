/**
 * What the daemon does by itself: it destroys the versions whose time has come, makes a new version
 * of a key whose newest is as old as is set, and keeps the counts of use. What was due while it did
 * not run, or was sealed, it does when it can.
 */
import type { Engine } from "../core/engine.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { dueForDestruction, dueForRotation } from "../core/lifecycle.ts";
import type { KeyRing } from "../core/ring.ts";
import { used } from "./handlers.ts";
import type { Announce, KeyStore } from "./keystore.ts";
import type { Decision, DecisionLog } from "./audit/log.ts";
import type { Usage } from "./usage.ts";

/** Milliseconds between two looks at what is due. */
const INTERVAL = 1_000;
/** Milliseconds after which something that failed is tried again. */
const REST = 60_000;

/** What a keeper works with. */
export interface KeeperParts {
  readonly store: KeyStore;
  readonly usage: Usage;
  readonly log: DecisionLog;
  readonly engine: Engine;
}

type Version = Pick<Decision, "key" | "version">;

/** Something that it does, and the versions that this is about, of the rings before and after. */
interface Deed {
  readonly op: string;
  readonly on: (present: KeyRing, next: KeyRing) => readonly Version[];
  readonly act: (announce: Announce) => Promise<unknown>;
}

function newest(ring: KeyRing, name: string): Version {
  return { key: name, version: ring.get(name)!.versions.length };
}

/** Looks once a second, by the wall clock: a suspended machine has missed nothing. */
export class Keeper {
  readonly #timer: ReturnType<typeof setInterval>;
  #looking: Promise<void> = Promise.resolve();
  #busy = false;
  #restsUntil = 0;

  constructor(private readonly parts: KeeperParts) {
    this.#timer = setInterval(() => this.#look(), INTERVAL);
    this.#look();
  }

  /** Finishes what has begun, and writes the counts. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    this.parts.usage.close();
  }

  #look(): void {
    const now = new Date();
    this.parts.usage.keep(now.getTime());
    const rests = Math.abs(this.#restsUntil - now.getTime()) <= REST &&
      now.getTime() < this.#restsUntil;
    if (this.#busy || this.parts.store.sealed || rests) return;
    this.#busy = true;
    this.#looking = this.#keep(now).catch(() => {
      this.#restsUntil = Date.now() + REST;
    }).finally(() => this.#busy = false);
  }

  async #keep(now: Date): Promise<void> {
    const { keys } = this.parts.store.ring;
    const dueIn = (ring: KeyRing) => ring.keys.flatMap((key) => dueForDestruction(key, now));
    if (dueIn(this.parts.store.ring).length > 0) {
      await this.#act({
        op: "daemon.destroy",
        on: (present) => dueIn(present).map(used),
        act: (announce) => this.parts.store.destroy(now, announce),
      });
    }
    for (const { name } of keys.filter((key) => dueForRotation(key, now))) {
      await this.#act({
        op: "daemon.rotate",
        on: (_, next) => [newest(next, name)],
        act: (announce) => this.#rotate(name, now, announce),
      });
    }
  }

  /** By now somebody else may have done it. */
  #rotate(name: string, now: Date, announce: Announce): Promise<KeyRing> {
    const { store, engine } = this.parts;
    return store.update((ring) => {
      const key = ring.get(name);
      return key && dueForRotation(key, now) ? ring.rotate(name, { now, engine }) : ring;
    }, announce);
  }

  /** Nothing is done that the log does not say before; what came of it is said after. */
  async #act({ op, on, act }: Deed): Promise<void> {
    let announced: readonly Version[] | undefined;
    const announce: Announce = async (present, next) => {
      const versions = on(present, next);
      if (!await this.#log(op, versions, { stage: "intent" })) {
        throw new CryptoError("log_unavailable");
      }
      announced = versions;
    };
    const tell = async (error?: Decision["error"]) => {
      if (announced) await this.#log(op, announced, { stage: "result", error });
    };
    try {
      await act(announce);
      await tell();
    } catch (error) {
      await tell(asCryptoError(error).code);
      throw error;
    }
  }

  #log(
    op: string,
    on: readonly Version[],
    what: Pick<Decision, "stage" | "error">,
  ): Promise<boolean> {
    return this.parts.log.write(undefined, on.map((one) => ({ op, ...one, ...what })));
  }
}
