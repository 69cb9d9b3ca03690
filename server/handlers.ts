/** What the daemon's methods are made of: what they work with, and what they give. */
import type { Engine } from "../core/engine.ts";
import type { Usable } from "../core/lifecycle.ts";
import type { Method, Params } from "../core/methods.ts";
import type { Results, Stale, StatusResult, UsedKey } from "../core/rpc.ts";
import type { Random } from "../platform/random.ts";
import type { ContextTags } from "./audit/contexts.ts";
import type { DecisionLog } from "./audit/log.ts";
import type { Access } from "./access.ts";
import type { Identity } from "./identity.ts";
import type { KeyStore } from "./keystore.ts";
import type { Quotas } from "./quotas.ts";
import type { Usage } from "./usage.ts";

/** What of `status` the service knows by itself. */
export type KnownByService = "protocol" | "engine" | "keys" | "sealing" | "sealed";

/** What `status` says that the service does not know by itself. */
export type Circumstances = () => Omit<StatusResult, KnownByService> & {
  readonly stale: readonly Required<Stale>[];
};

/** What a service works with. */
export interface ServiceParts {
  readonly store: KeyStore;
  readonly usage: Usage;
  readonly access: Access;
  readonly quotas: Quotas;
  readonly engine: Engine;
  readonly circumstances: Circumstances;
  readonly random: Random;
  readonly log: DecisionLog;
  readonly contexts: ContextTags;
}

/** A result, and what the log is to say of it besides the method. */
export interface Done<M extends Method> {
  readonly result: Omit<Results[M], keyof UsedKey>;
  /** The key version that did it, if one did: part of the result. */
  readonly by?: Pick<UsedKey, "key"> & Partial<UsedKey>;
  readonly bytes?: number;
  readonly declaredBytes?: number | undefined;
}

/** The methods of a part of the service. */
export type Handlers<M extends Method> = {
  readonly [N in M]: (params: Params<N>, who: Identity) => Promise<Done<N>> | Done<N>;
};

/** A version as results and the log name it. */
export function used({ key, number }: Pick<Usable, "key" | "number">): UsedKey {
  return { key: key.name, version: number };
}
