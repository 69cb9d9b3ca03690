/** The daemon as the commands ask it, over what {@link reachBound} opens. Deno only. */
import type { DaemonFlags } from "./identity.ts";
import { KeyService } from "./keyservice.ts";
import { reachAt, reachBound, reachMany, reachTo } from "./reach.ts";

/** @throws {CryptoError} as {@link reachBound} */
export async function connectBound(flags: DaemonFlags): Promise<KeyService> {
  return new KeyService(await reachBound(flags));
}

/** @throws {CryptoError} as {@link reachMany} */
export async function connectMany(flags: DaemonFlags): Promise<KeyService> {
  return new KeyService(await reachMany(flags));
}

/** @throws {CryptoError} as {@link reachTo} */
export async function connectTo(...target: Parameters<typeof reachTo>): Promise<KeyService> {
  return new KeyService(await reachTo(...target));
}

/** @throws {CryptoError} as {@link reachAt} */
export async function connectAt(path: string): Promise<KeyService> {
  return new KeyService(await reachAt(path));
}
