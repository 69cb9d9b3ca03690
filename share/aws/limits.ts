/** What a body may be here. Needs nothing of the SDK. */

/** Bytes that go in one request, all but the last of an upload: S3 takes no smaller parts. */
export const PART_BYTES = 5_242_880;
/** What one page of a listing of parts holds. */
export const MAX_PARTS = 1_000;
/** The largest body, in bytes. */
export const LARGEST_BODY: number = PART_BYTES * MAX_PARTS;
