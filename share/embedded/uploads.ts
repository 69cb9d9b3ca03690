/** Bodies that come in pieces, into files. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { live, type Row } from "../rows.ts";
import { UPLOAD_REST } from "../store.ts";
import type { Bodies, BodyWriter } from "./bodies.ts";
import type { Database } from "./database.ts";
import type { Records } from "./records.ts";

/** What an upload puts on the disk before it is noted that it is there. */
const SYNC_BYTES = 16 * 1024 * 1024;
const ELSEWHERE = "another request goes on with this upload: ask where it is";

/** The uploads into a store. */
export class Uploads {
  constructor(
    private readonly database: Database,
    private readonly records: Records,
    private readonly bodies: Bodies,
  ) {}

  /**
   * Writes what comes. What has come is kept also where the rest does not, unless the disk fails:
   * what is not noted would only take the room of others.
   */
  async receive(row: Row, body: AsyncIterable<Bytes>, clock: () => number): Promise<Row> {
    using writer = await this.bodies.writer(row.file!, row.received);
    let [noted, written] = [row, row.received];
    const note = async () => {
      await writer.sync();
      noted = await this.#advance(noted, written, clock());
    };
    try {
      for await (const piece of body) {
        if (written + piece.length > row.size) throw new CryptoError("too_large");
        await writer.write(piece);
        written += piece.length;
        if (written - noted.received >= SYNC_BYTES) await note();
      }
    } finally {
      try {
        if (!writer.hasFailed && written > noted.received) await note();
      } finally {
        this.#keepNoted(row, writer);
      }
    }
    return noted;
  }

  /** Nothing is kept where it was revoked just before this made its file. */
  #keepNoted({ id, file }: Row, writer: BodyWriter): void {
    if (this.records.hasFile(file!)) writer.cut(() => this.records.find(id)!.received);
    else this.bodies.remove(file!);
  }

  async #advance(row: Row, received: number, now: number): Promise<Row> {
    const whole = received === row.size;
    const next = { ...row, received, ...(whole ? live(row, now) : { ends: now + UPLOAD_REST }) };
    const advanced = await this.database.write(() => this.records.advance(row, next));
    if (!advanced) throw new CryptoError("share_uploading", { hint: ELSEWHERE });
    return next;
  }
}
