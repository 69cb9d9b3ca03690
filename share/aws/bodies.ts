/** Bodies: short ones are items of their own beside the records, long ones objects. */
import type { Bytes } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import type { Row } from "../rows.ts";
import { CLAIM_TIME } from "../store.ts";
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

  async remove({ file, size, uploadId }: Kept): Promise<void> {
    if (size > INLINE_BYTES) await this.objects.remove({ name: file, uploadId });
    else await this.table.remove(idOf(file));
  }
}

function idOf(file: string): string {
  return `body.${file}`;
}
