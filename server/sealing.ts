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

/** The sealing key in a file that something outside of this process protects. */
export interface Credential {
  readonly path: string;
  /** Undefined if it is not there. */
  decrypt(): Promise<Bytes | undefined>;
  /** Makes what the file is to hold, where this process can. */
  encrypt?(sealingKey: Bytes): Promise<Bytes>;
}

/** Where a sealing key may be. */
export interface SealingPlaces {
  readonly layout: Layout;
  readonly credential?: Credential | undefined;
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
  const paths = [
    layout.sealingKey,
    layout.lockedSealingKey,
    ...credential ? [credential.path] : [],
  ];
  return paths.some(exists);
}

/**
 * The key with an id, among those that can be had without asking anybody.
 * @throws {CryptoError} `config` if a file cannot be read; what the credential throws
 */
export async function findSealingKey(
  { layout, credential }: SealingPlaces,
  id: Bytes,
  engine: Engine,
): Promise<SealingKey | undefined> {
  for (const path of [layout.sealingKey, nextSealingKeys(layout).sealingKey]) {
    const sealingKey = readSecret(path, SEALING_KEY_LENGTH);
    if (sealingKey && await isSealingKey(sealingKey, id, engine)) {
      return { rung: "file", sealingKey, path };
    }
  }
  const sealingKey = await credential?.decrypt();
  if (!credential || !sealingKey || !await isSealingKey(sealingKey, id, engine)) return undefined;
  return { rung: "credential", sealingKey, path: credential.path };
}

/** Whether bytes are the sealing key with an id. */
export async function isSealingKey(key: Bytes, id: Bytes, engine: Engine): Promise<boolean> {
  return key.length === SEALING_KEY_LENGTH && equalSecret(await keyId(key, engine), id);
}
