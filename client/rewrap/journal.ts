/**
 * Changing a few bytes of a file so that a kill, or a power failure, at any point leaves what the
 * next run finishes: the journal is on the disk before the file is touched, and goes after.
 */
import { type Bytes, fromBase64Url, fromUtf8, toBase64Url, utf8 } from "../../core/bytes.ts";
import type { AttributeKeeper, Times } from "../../platform/attributes.ts";
import { readUpTo } from "../stream.ts";
import { Beside, besidePath, writeFully } from "./beside.ts";
import { openRegular } from "./open.ts";

/** Bytes of a file, and what they are to become: as many. */
export interface Patch {
  readonly offset: number;
  readonly old: Bytes;
  readonly anew: Bytes;
}

interface Journal extends Patch {
  readonly times: Times;
}

const FORMAT = "crypto/v1/rewrap";
const MAX_JOURNAL = 4_096;

/** Changes the bytes. The file keeps its times. */
export async function patchFile(
  path: string,
  patch: Patch,
  keeper: AttributeKeeper,
): Promise<void> {
  using beside = await Beside.open(await besidePath(path));
  const { accessed, modified } = keeper.read(path);
  const journal = { ...patch, times: { accessed, modified } };
  await beside.write(encode(journal));
  await apply(path, journal, keeper);
  await beside.remove();
}

/**
 * Finishes what a killed run has begun: the journal's bytes go into the file if it has the old ones,
 * the new ones, or a mixture of the two. All else that is beside is no more than a beginning.
 */
export async function finishPatch(path: string, keeper: AttributeKeeper): Promise<void> {
  using beside = await Beside.open(await besidePath(path));
  const journal = decode(await readUpTo(beside.file, MAX_JOURNAL));
  if (journal && await isUnfinished(path, journal)) await apply(path, journal, keeper);
  await beside.remove();
}

async function apply(path: string, { offset, anew, times }: Journal, keeper: AttributeKeeper) {
  using file = await openRegular(path, { write: true });
  await file.seek(offset, Deno.SeekMode.Start);
  await writeFully(file, anew);
  await file.sync();
  keeper.setTimes(path, times);
}

async function isUnfinished(path: string, { offset, old, anew }: Journal): Promise<boolean> {
  using file = await openRegular(path);
  await file.seek(offset, Deno.SeekMode.Start);
  const found = await readUpTo(file, old.length);
  return found.length === old.length &&
    found.every((byte, i) => byte === old[i] || byte === anew[i]);
}

function encode({ offset, old, anew, times }: Journal): Bytes {
  const bytes = { old: toBase64Url(old), anew: toBase64Url(anew) };
  return utf8(JSON.stringify({ format: FORMAT, offset, ...bytes, times }));
}

/** Undefined for what is no journal, or not the whole of one. */
function decode(bytes: Bytes): Journal | undefined {
  try {
    const { format, offset, old, anew, times } = JSON.parse(fromUtf8(bytes));
    if (format !== FORMAT || !Number.isSafeInteger(offset) || offset < 0) return undefined;
    const patch = { offset, old: fromBase64Url(old), anew: fromBase64Url(anew) };
    return patch.old.length === patch.anew.length ? { ...patch, times } : undefined;
  } catch {
    return undefined;
  }
}
