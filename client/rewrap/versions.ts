/** Which key version is which, and how many files are under each. */
import { formatKeyId } from "../../core/header.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { KeyInfo, VersionInfo } from "../../core/rpc.ts";

/** A version of which there are files. */
export interface Standing {
  readonly key: string;
  readonly version: number;
  state: VersionInfo["state"];
  /** Whether it is the one that encrypts. */
  newest: boolean;
  files: number;
  bytes: number;
}

/** The versions that the daemon lets its caller know. */
export class Versions {
  readonly #byId = new Map<string, Standing>();

  constructor(keys: readonly KeyInfo[]) {
    this.learn(keys);
  }

  /** Takes up what is new or otherwise in a later list. */
  learn(keys: readonly KeyInfo[]): void {
    for (const { name, encrypts, versions } of keys) {
      for (const { id, version, state } of versions) {
        const known = this.#byId.get(id) ?? { key: name, version, files: 0, bytes: 0 };
        const newest = version === encrypts;
        this.#byId.set(id, Object.assign(known, { state, newest }));
      }
    }
  }

  /** The version of an id. */
  find(id: Bytes): Standing | undefined {
    return this.#byId.get(formatKeyId(id));
  }

  /** Those of which there are files, by key and number. */
  counted(): Standing[] {
    const counted = [...this.#byId.values()].filter(({ files }) => files > 0);
    return counted.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.version - b.version);
  }
}
