/** Bodies: short ones are items of their own beside the records, long ones objects. */
import type { Bytes } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import type { Row } from "../rows.ts";
import { CLAIM_TIME, UPLOAD_REST } from "../store.ts";
import { Agenda } from "./agenda.ts";
import type { ClaimedRow } from "./items.ts";
import { PART_BYTES } from "./limits.ts";
import type { Objects } from "./objects.ts";
import type { Table } from "./table.ts";

/** Where a body is. */
export interface Kept {
  /** Its name, which is random. */
  readonly file: string;
  /** Bytes that it has, or will have. */
  readonly size: number;
  /** S3's id of an upload in several parts. */
  readonly uploadId: string | undefined;
}

/** A body to be kept. */
interface NewBody extends Omit<Kept, "uploadId"> {
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Absent if it comes later. */
  readonly body: Bytes | undefined;
}

/**
 * The bodies of a store. A short one is no attribute of its record: whoever looks at or changes
 * that would pay for reading and writing the body, and it could not go before the record does.
 */
export class Bodies {
  /** Objects that only keep a key taken, with the ids of their uploads. */
  readonly #empty = new Agenda();

  constructor(private readonly table: Table, private readonly objects: Objects) {}

  /** Keeps a body, or begins its upload. */
  async begin({ file, size, expires, body }: NewBody): Promise<Kept> {
    if (body === undefined) return { file, size, uploadId: await this.objects.begin(file, size) };
    const deleteAt = Math.ceil((expires + CLAIM_TIME.inline) / 1000);
    await this.table.insert({ id: idOf(file), body, deleteAt });
    return { file, size, uploadId: undefined };
  }

  /** The bytes of a short body; undefined if it is a long one, or no more. */
  async short({ file, size }: Pick<Row, "file" | "size">): Promise<Bytes | undefined> {
    if (file === null || size > INLINE_BYTES) return undefined;
    const item = await this.table.get(idOf(file));
    return item && new Uint8Array(item.body as Uint8Array);
  }

  /** Removes a body that nobody can bring again. */
  async remove({ file, size, uploadId }: Kept): Promise<void> {
    if (size > INLINE_BYTES) await this.objects.remove({ name: file, uploadId });
    else await this.table.remove(idOf(file));
  }

  /** Removes a record's body for good, whatever was allowed or begun before. */
  async erase({ file, ...row }: ClaimedRow, now: number): Promise<void> {
    if (file === null) return;
    if (now >= mayComeUntil(row)) return await this.remove({ ...row, file });
    const { uploadId } = row;
    await this.objects.empty({ name: file, uploadId });
    this.#empty.note(JSON.stringify({ name: file, uploadId }), now + UPLOAD_REST);
  }

  /** Removes what has kept a key taken for long enough. */
  async sweep(now: number): Promise<void> {
    await this.#empty.each(now, (text) => this.objects.remove(JSON.parse(text)));
  }
}

/**
 * Until when a long body may still be brought by a request that began, or an address that was given
 * away, while it was not whole. A whole one that came in several parts has none: they end with it.
 */
function mayComeUntil({ size, received, ends, expires, ttl }: Omit<ClaimedRow, "file">): number {
  if (size <= INLINE_BYTES) return 0;
  if (received < size) return ends + UPLOAD_REST;
  return size > PART_BYTES ? 0 : expires - ttl * 1000 + UPLOAD_REST;
}

function idOf(file: string): string {
  return `body.${file}`;
}
