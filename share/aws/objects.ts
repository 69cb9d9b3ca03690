/**
 * The bucket: bodies, each one object under a random name. The bytes go between clients and the
 * bucket by presigned requests, each for one key and one length, and never over an object.
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  type Part,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Place } from "../../core/share/wire.ts";
import { ServiceFailure } from "./failure.ts";
import { newName } from "./items.ts";
import { MAX_PARTS, PART_BYTES } from "./limits.ts";
import { Recent } from "./recent.ts";

/** How long a presigned request may begin. */
const URL_SECONDS = 60;
/** What is signed as a header has to be sent as one, and the same. */
const SIGNED = new Set(["host", "content-length", "if-none-match"]);
const PRESIGNED = { expiresIn: URL_SECONDS, signableHeaders: SIGNED, unhoistableHeaders: SIGNED };
/** Whatever type its sender gave it, no browser is to show it as anything. */
const NO_PAGE = {
  ResponseContentType: "application/octet-stream",
  ResponseContentDisposition: "attachment",
};
const NO_HEADERS = { "if-none-match": undefined, range: undefined };

/** What every key begins with: rights on these objects are enough. */
export const PREFIX = "share/";

/** An object that is being uploaded, or has been. */
export interface Upload {
  readonly name: string;
  /** Bytes that it will have. */
  readonly size: number;
  /** S3's id of an upload in several parts; absent where there is one. */
  readonly uploadId: string | undefined;
}

/** The objects below {@link PREFIX} in a bucket. */
export class Objects {
  readonly #rights = new Recent(() => this.#use());

  constructor(private readonly s3: S3Client, private readonly bucket: string) {}

  #at(name: string) {
    return { Bucket: this.bucket, Key: PREFIX + name };
  }

  /** Sees, not more than once in a while, that all rights are there. @throws {ServiceFailure} */
  async check(): Promise<void> {
    await this.#rights.get();
  }

  /** Uses every right, on an object of a name of its own that is removed again. */
  async #use(): Promise<void> {
    const at = this.#at(`check.${newName()}`);
    const upload = { ...at, UploadId: "none" };
    const put = new PutObjectCommand({ ...at, Body: new Uint8Array(1) });
    await asked(this.s3.send(put), "s3:PutObject");
    await asked(this.s3.send(new HeadObjectCommand(at)), "s3:GetObject");
    await asked(this.s3.send(new DeleteObjectCommand(at)), "s3:DeleteObject");
    const none = ["NoSuchUpload"];
    const [list, abort] = [new ListPartsCommand(upload), new AbortMultipartUploadCommand(upload)];
    await unless(none, this.s3.send(list), "s3:ListMultipartUploadParts");
    await unless(none, this.s3.send(abort), "s3:AbortMultipartUpload");
  }

  /** Begins an upload. @returns its id, if it takes several parts */
  async begin(name: string, size: number): Promise<string | undefined> {
    if (size <= PART_BYTES) return undefined;
    const command = new CreateMultipartUploadCommand(this.#at(name));
    return (await asked(this.s3.send(command))).UploadId;
  }

  /**
   * How many bytes are there, without a gap. When all parts are, they become the object; it is
   * there only when it has been measured.
   * @returns undefined if the upload is no more
   */
  async measure({ name, size, uploadId }: Upload): Promise<number | undefined> {
    if (uploadId === undefined) return await this.#length(name) === size ? size : 0;
    const parts = await this.#parts(name, uploadId);
    const received = parts && lengthOf(parts, size);
    if (received === size) await this.#complete(name, uploadId, parts ?? []);
    else if (received !== undefined) return received;
    return await this.#length(name) === size ? size : undefined;
  }

  /**
   * What is not there is "forbidden" to who may not list the bucket, and all is to who may not read:
   * which of both it is has to be seen.
   */
  async #length(name: string): Promise<number | undefined> {
    try {
      return (await this.s3.send(new HeadObjectCommand(this.#at(name)))).ContentLength;
    } catch (cause) {
      const status = cause instanceof S3ServiceException && cause.$metadata.httpStatusCode;
      if (status !== 403 && status !== 404) throw new ServiceFailure("S3", cause);
      if (status === 403) await this.check();
      return undefined;
    }
  }

  async #parts(name: string, UploadId: string): Promise<Part[] | undefined> {
    const command = new ListPartsCommand({ ...this.#at(name), UploadId, MaxParts: MAX_PARTS });
    const listed = await unless(["NoSuchUpload"], this.s3.send(command));
    return listed && (listed.Parts ?? []);
  }

  async #complete(name: string, UploadId: string, parts: readonly Part[]): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#at(name),
      UploadId,
      IfNoneMatch: "*",
      MultipartUpload: { Parts: parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) },
    });
    // Another request may have been quicker: what counts is what is there then.
    const others = ["NoSuchUpload", "PreconditionFailed", "ConditionalRequestConflict"];
    await unless(others, this.s3.send(command));
  }

  /** Where the bytes from an offset on go, which must be where a part begins. */
  async next({ name, size, uploadId }: Upload, offset: number) {
    const length = Math.min(PART_BYTES, size - offset);
    const at = { ...this.#at(name), ContentLength: length };
    const part = { UploadId: uploadId, PartNumber: offset / PART_BYTES + 1 };
    if (uploadId !== undefined) {
      const url = getSignedUrl(this.s3, new UploadPartCommand({ ...at, ...part }), PRESIGNED);
      return { url: await asked(url), headers: NO_HEADERS, length };
    }
    const put = new PutObjectCommand({ ...at, IfNoneMatch: "*" });
    const url = await asked(getSignedUrl(this.s3, put, PRESIGNED));
    return { url, headers: { ...NO_HEADERS, "if-none-match": "*" as const }, length };
  }

  /** Where a body comes from. */
  async place(name: string, offset: number): Promise<Place> {
    const command = new GetObjectCommand({ ...this.#at(name), ...NO_PAGE });
    const url = await asked(getSignedUrl(this.s3, command, PRESIGNED));
    return { url, headers: { ...NO_HEADERS, range: `bytes=${offset}-` } };
  }

  /** The origin of every address that it gives. */
  async origin(): Promise<string> {
    return new URL((await this.place("", 0)).url).origin;
  }

  /** Removes an object and what there is of its upload. */
  async remove({ name, uploadId }: Omit<Upload, "size">): Promise<void> {
    await this.#abort(name, uploadId);
    await unless(["NoSuchKey"], this.s3.send(new DeleteObjectCommand(this.#at(name))));
  }

  /**
   * The same, where requests that were allowed or begun before could bring the object again: an
   * empty one takes its place, and they find that the key is taken. Remove it when they are over.
   */
  async empty({ name, uploadId }: Omit<Upload, "size">): Promise<void> {
    const nothing = { Body: new Uint8Array(), ContentLength: 0 };
    await asked(this.s3.send(new PutObjectCommand({ ...this.#at(name), ...nothing })));
    await this.#abort(name, uploadId);
  }

  async #abort(name: string, UploadId: string | undefined): Promise<void> {
    if (UploadId === undefined) return;
    const command = new AbortMultipartUploadCommand({ ...this.#at(name), UploadId });
    await unless(["NoSuchUpload"], this.s3.send(command));
  }
}

/** Bytes of the parts from the first on, up to a gap or one of another length. */
function lengthOf(parts: readonly Part[], size: number): number {
  let length = 0;
  for (const [i, { PartNumber, Size }] of parts.entries()) {
    if (PartNumber !== i + 1 || Size !== Math.min(PART_BYTES, size - length)) break;
    length += Size;
  }
  return length;
}

/** Undefined instead of some errors. */
async function unless<A>(
  names: readonly string[],
  answer: Promise<A>,
  right?: string,
): Promise<A | undefined> {
  try {
    return await answer;
  } catch (cause) {
    if (cause instanceof Error && names.includes(cause.name)) return undefined;
    throw new ServiceFailure("S3", cause, right);
  }
}

async function asked<A>(answer: Promise<A>, right?: string): Promise<A> {
  return await unless([], answer, right) as A;
}
