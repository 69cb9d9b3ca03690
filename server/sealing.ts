/**
 * Finding the sealing key. The ring's header names it, so what a killed move between rungs left
 * behind does no harm: it is another key.
 */
import { type Bytes, equalSecret } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { keyId } from "../core/header.ts";
import { type Layout, nextSealingKeys, sealingKeyPlace } from "../core/layout.ts";
import { type Rung, SEALING_KEY_LENGTH } from "../core/rungs.ts";
import { exists, renameDurably } from "../platform/durable.ts";
import { readSecret } from "./durable.ts";

/** Where a sealing key may be. */
export interface SealingPlaces {
  readonly layout: Layout;
  /** The credential, as the service manager gave it: a path. */
  readonly credential?: string | undefined;
}

/** A sealing key (32 bytes), and the rung it was on. */
export interface SealingKey {
  readonly rung: Rung;
  readonly sealingKey: Bytes;
  readonly path: string;
}

/**
 * Gives the key that the ring is under its place, if a killed move has left it beside: the next
 * move puts another one there. What is in the place opens nothing. Says whether it had to.
 */
export function settleSealingKey({ path }: SealingKey): boolean {
  const place = sealingKeyPlace(path);
  if (path === place || !exists(path)) return false;
  renameDurably(path, place);
  return true;
}

/** Whether any rung has a key, whosever ring it may be for. */
export function hasSealingKey({ layout, credential }: SealingPlaces): boolean {
  const paths = [layout.sealingKey, layout.lockedSealingKey, ...credential ? [credential] : []];
  return paths.some(exists);
}

/**
 * The key with an id, among those that can be had without asking anybody.
 * @throws {CryptoError} `config` if a file cannot be read
 */
export async function findSealingKey(
  { layout, credential }: SealingPlaces,
  id: Bytes,
  engine: Engine,
): Promise<SealingKey | undefined> {
  const places = [
    ["file", layout.sealingKey],
    ["file", nextSealingKeys(layout).sealingKey],
    ["credential", credential],
  ] as const;
  for (const [rung, path] of places) {
    const sealingKey = path && readSecret(path, SEALING_KEY_LENGTH);
    if (sealingKey && await isSealingKey(sealingKey, id, engine)) return { rung, sealingKey, path };
  }
  return undefined;
}

/** Whether bytes are the sealing key with an id. */
export async function isSealingKey(key: Bytes, id: Bytes, engine: Engine): Promise<boolean> {
  return key.length === SEALING_KEY_LENGTH && equalSecret(await keyId(key, engine), id);
}
