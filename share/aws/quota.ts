/**
 * How many bytes one client may bring in a day (UTC). Each client has a counter of its own for each
 * day, which only grows: what is erased comes free with the next day, and a write that the SDK
 * repeats may count twice. There is no counter of everybody's bytes: every creation of all clients
 * would have to write to that one item.
 */
import { createHmac } from "node:crypto";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import type { Table } from "./table.ts";

const DAY = 86_400_000;
const KEY_ID = "client key";

/** Counts the bytes of each client. */
export class Quota {
  #key: Promise<Bytes> | undefined;

  /** @param perDay bytes of one client */
  constructor(private readonly table: Table, private readonly perDay: number) {}

  /**
   * What stands for a client: a MAC of its address under a key of the table's own. The address
   * itself is not kept.
   */
  async clientOf(address: string): Promise<string> {
    this.#key ??= this.#readKey();
    try {
      return createHmac("sha256", await this.#key).update(address).digest("base64url");
    } catch (error) {
      this.#key = undefined;
      throw error;
    }
  }

  async #readKey(): Promise<Bytes> {
    const mine = randomBytes(32);
    const there = await this.table.insert({ id: KEY_ID, key: mine });
    if (there === undefined) return mine;
    if (there.key instanceof Uint8Array) return new Uint8Array(there.key);
    throw new CryptoError("io", { subject: "DynamoDB", hint: "the table holds something else" });
  }

  /** Charges a client. @returns false, and nothing is charged, if that is too much */
  async charge(client: string, bytes: number, now: number): Promise<boolean> {
    if (bytes > this.perDay) return false;
    const day = Math.floor(now / DAY);
    const { changed } = await this.table.update(`client.${client}.${day}`, {
      set: { deleteAt: (day + 2) * DAY / 1000 },
      also: ["#bytes = if_not_exists(#bytes, :zero) + :more"],
      when: "attribute_not_exists(#bytes) OR #bytes <= :room",
      values: { zero: 0, more: bytes, room: this.perDay - bytes },
    });
    return changed !== undefined;
  }
}
