/**
 * The records and every write to them. Each is one conditional write; where its condition does not
 * hold, the record comes as it was found.
 */
import { type Bytes, equalSecret } from "../../core/bytes.ts";
import { type Answered, live, type NewRow } from "../rows.ts";
import { ATTEMPTS, type Claim, UPLOAD_REST } from "../store.ts";
import type { Kept } from "./bodies.ts";
import { type ClaimedRow, DECOY, deleteAt, itemOf, nameOf, newName, rowOf } from "./items.ts";
import type { Change, Item, Table } from "./table.ts";

/** The record as it was changed, or as it was found. */
export interface Outcome {
  readonly changed?: ClaimedRow | undefined;
  readonly found?: ClaimedRow | undefined;
}

const NO_HASH = new Uint8Array(32);
/** That a secret can be taken: by what it says, the time and the claims. */
const TAKEABLE = "#linkProof = :linkProof AND #state = :live AND #ends > :now AND " +
  "size(#claims) < #views AND attribute_not_exists(#claims.#token)";
/** That the caller holds one of the receipts. */
const HELD = "(#receipt = :receipt OR #answerReceipt = :receipt)";

/** The hashes by which callers show what they may do. */
export type HashColumn = "linkProof" | "writeProof" | "receipt" | "answerReceipt" | "uploadToken";

/** The records of a table. */
export class Records {
  constructor(private readonly table: Table) {}

  /** A record that is not to be forgotten. */
  async get(id: Bytes, now: number): Promise<ClaimedRow | undefined> {
    const item = await this.table.get(nameOf(id));
    const row = item && rowOf(item, id);
    return row && row.forgotten > now ? row : undefined;
  }

  /** A record by its id and the hash in one of some columns. */
  async find(id: Bytes, now: number, hash: Bytes, ...columns: readonly HashColumn[]) {
    return proven(await this.get(id, now), now, hash, ...columns);
  }

  /**
   * Puts a record where there is none, or one that is to be forgotten.
   * @returns what is there instead, and what was forgotten
   */
  async insert(row: NewRow, kept: Kept | undefined, now: number) {
    // A write that the SDK repeats finds its own item.
    const item = itemOf(row, { ...kept, made: newName() });
    const there = await this.table.insert(item);
    const found = there?.made === item.made ? undefined : there && rowOf(there, row.id);
    if (!found || found.forgotten > now) return { found };
    await this.remove(found);
    const again = await this.table.insert(item);
    return { found: again && rowOf(again, row.id), forgotten: found };
  }

  /** Removes a record, and never one that has taken its place. */
  async remove({ id, made }: ClaimedRow): Promise<void> {
    await this.table.remove(nameOf(id), { made });
  }

  async #update(id: Bytes, change: Change): Promise<Outcome> {
    const { changed, found } = await this.table.update(nameOf(id), change);
    return { changed: changed && rowOf(changed, id), found: found && rowOf(found, id) };
  }

  /** Takes an attempt. */
  async pay(claim: Claim, now: number): Promise<Outcome> {
    const payment = newName();
    const outcome = await this.#update(claim.id, {
      set: { lockedAt: now, payment },
      also: ["#attempts = #attempts - :one"],
      when: `${TAKEABLE} AND attribute_exists(#passphraseProof) AND #attempts > :zero AND ` +
        "(attribute_not_exists(#payment) OR #payment <> :payment)",
      values: { ...takeable(claim, now), one: 1, zero: 0 },
      names: { token: nameOf(claim.claimTokenHash) },
    });
    const { found } = outcome;
    // Repeated by the SDK, it finds its own payment.
    return found?.payment === payment ? { changed: found } : outcome;
  }

  /**
   * Adds a claim: the one write that decides who takes.
   * @param giveBack whether an attempt comes back, on the condition that one is missing
   */
  async claim(claim: Claim, now: number, giveBack: boolean): Promise<Outcome> {
    const { passphraseProofHash: passphraseProof } = claim;
    const fits = passphraseProof
      ? "#passphraseProof = :passphraseProof"
      : "attribute_not_exists(#passphraseProof)";
    const [back, missing] = giveBack ? [{ one: 1, all: ATTEMPTS }, " AND #attempts < :all"] : [];
    return await this.#update(claim.id, {
      also: ["#claims.#token = :claim", ...giveBack ? ["#attempts = #attempts + :one"] : []],
      when: `${TAKEABLE} AND ${fits}${missing ?? ""}`,
      values: {
        ...takeable(claim, now),
        ...{ claim: { at: now }, ...back },
        ...passphraseProof ? { passphraseProof } : {},
      },
      names: { token: nameOf(claim.claimTokenHash) },
    });
  }

  /** Ends a claim, if there is one. */
  async acknowledge(id: Bytes, claimTokenHash: Bytes): Promise<ClaimedRow | undefined> {
    const { changed } = await this.#update(id, {
      also: ["#claims.#token.#acknowledged = :yes"],
      when: "attribute_exists(#claims.#token)",
      values: { yes: true },
      names: { token: nameOf(claimTokenHash) },
    });
    return changed;
  }

  async revoke(id: Bytes, receipt: Bytes, now: number): Promise<Outcome> {
    return await this.#update(id, {
      set: { state: "revoked", since: now },
      when: `${HELD} AND #state IN (:waiting, :uploading, :live) AND size(#claims) < #views AND ` +
        "(#ends > :now OR #answerable > :now)",
      values: { waiting: "waiting", uploading: "uploading", live: "live", receipt, now },
    });
  }

  async unlock(id: Bytes, receipt: Bytes): Promise<ClaimedRow | undefined> {
    const set = { attempts: ATTEMPTS, lockedAt: 0 };
    return (await this.#update(id, { set, when: HELD, values: { receipt } })).changed;
  }

  /** Puts an answer into its request, if that waits. @returns the record as it is then */
  async answer(
    { id, writeProof, ttl }: ClaimedRow,
    answer: Kept & Omit<Answered, "forgotten" | "file">,
    now: number,
  ): Promise<ClaimedRow | undefined> {
    const { changed, found } = await this.#update(id, {
      set: { ...answer, deleteAt: deleteAt({ ...answer, ttl }) },
      when: "#writeProof = :writeProof AND (#state = :waiting AND #ends > :now OR " +
        "#state = :uploading AND #ends <= :now AND #answerable > :now)",
      values: { uploading: "uploading", waiting: "waiting", now, writeProof },
    });
    return changed ?? found;
  }

  /** Notes how far an upload has come, which gives it time again. @returns whether it goes on */
  async advance(row: ClaimedRow, received: number, now: number): Promise<boolean> {
    const ends = now + UPLOAD_REST;
    const set = { received, ends, deleteAt: deleteAt({ ...row, ends }) };
    const after = await this.#whileUploading(row, set, now);
    return after?.state === "uploading" && after.file === row.file;
  }

  /** Makes a secret of an upload that is complete. @returns it, whoever did that, unless it is revoked */
  async complete(row: ClaimedRow, now: number): Promise<ClaimedRow | undefined> {
    const { forgotten: _, ...begun } = live(row, now);
    const done = { received: row.size, uploadId: null, deleteAt: deleteAt({ ...row, ...begun }) };
    const after = await this.#whileUploading(row, { ...begun, ...done }, now);
    const isThere = after?.state === "live" || after?.state === "used";
    return isThere && after.file === row.file ? after : undefined;
  }

  async #whileUploading({ id, file }: ClaimedRow, set: Item, now: number) {
    const { changed, found } = await this.#update(id, {
      set,
      when: "#state = :uploading AND #file = :uploaded AND #ends > :now",
      values: { uploading: "uploading", uploaded: file, now },
    });
    return changed ?? found;
  }

  /** Notes that a body is no more. */
  async erased({ id }: ClaimedRow, file: string): Promise<void> {
    const set = { file: null, uploadId: null };
    await this.#update(id, { set, when: "#file = :erased", values: { erased: file } });
  }
}

/** The values that {@link TAKEABLE} speaks of. */
function takeable({ linkProofHash: linkProof }: Claim, now: number) {
  return { linkProof, live: "live", now };
}

/** A record if a hash fits, compared in constant time; where there is none, a decoy is. */
export function proven(
  row: ClaimedRow | undefined,
  now: number,
  hash: Bytes,
  ...columns: readonly HashColumn[]
): ClaimedRow | undefined {
  const compared = row ?? DECOY;
  const fits = columns.filter((column) => {
    return equalSecret(compared[column] ?? NO_HASH, hash) && compared[column] !== null;
  });
  return fits.length > 0 && row && row.forgotten > now ? row : undefined;
}
