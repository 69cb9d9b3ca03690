/**
 * Putting another envelope into a file so that a kill, or a power failure, at any point leaves what
 * the next run finishes: the journal is on the disk before the file is touched, and goes after.
 */
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { type Bytes, fromUtf8, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { readHeader } from "../../core/header.ts";
import { ENVELOPE_LENGTH } from "../../core/message.ts";
import type { Time, Times } from "../../platform/regular.ts";
import type { Beside } from "./beside.ts";
import { envelopeOffset, type Form, spellEnvelope } from "./kind.ts";
import type { Target } from "./target.ts";

/** An envelope of a file, and the one that is to take its place; 117 bytes each. */
export interface Patch {
  readonly form: Form;
  readonly old: Bytes;
  readonly anew: Bytes;
}

interface Journal extends Patch {
  readonly times: Times;
}

const FORMAT = "crypto/v1/rewrap";
const MAX_JOURNAL = 4_096;

/**
 * Writes the envelope where the other one is. The file keeps its times.
 * @throws {CryptoError} `file_changed` if the other one is not there any more: then it is left alone
 */
export async function patchFile(target: Target, beside: Beside, patch: Patch): Promise<void> {
  target.requireOwnership();
  const { accessed, modified } = target.attributes;
  const journal = { ...patch, times: { accessed, modified } };
  try {
    await beside.write(encode(journal));
    // From here to the write nothing is waited for.
    target.requireSame();
    requireHeld(target, patch);
  } catch (error) {
    // A disk that is full, or another file: this one is as it was.
    beside.settle();
    throw error;
  }
  await apply(target, journal);
  beside.settle();
}

/**
 * Finishes what a killed run has begun: the journal's envelope goes into the file if it has the old
 * one, the new one, or a mixture of the two. All else that is beside is no more than a beginning.
 */
export async function finishPatch(target: Target, beside: Beside): Promise<void> {
  const journal = decode(beside.read(MAX_JOURNAL));
  if (journal && isUnfinished(target, journal)) {
    target.requireOwnership();
    await apply(target, journal);
  }
  beside.settle();
}

async function apply({ file }: Target, { form, anew, times }: Journal): Promise<void> {
  const offset = envelopeOffset(form);
  file.writeAt(spellEnvelope(form, anew).subarray(offset), offset);
  // Before anything is waited for, so that whoever writes meanwhile has their own time of change.
  file.setTimes(times);
  await file.sync();
}

function requireHeld(target: Target, { form, old }: Patch): void {
  const expected = spellEnvelope(form, old);
  const found = readStart(target, expected.length);
  if (found.length === expected.length && found.every((byte, i) => byte === expected[i])) return;
  throw new CryptoError("file_changed", { subject: target.path });
}

function isUnfinished(target: Target, { form, old, anew }: Journal): boolean {
  const [before, after] = [spellEnvelope(form, old), spellEnvelope(form, anew)];
  const found = readStart(target, before.length);
  return found.length === before.length &&
    found.every((byte, i) => byte === before[i] || byte === after[i]);
}

function readStart({ file }: Target, length: number): Bytes {
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, file.readAt(buffer, 0));
}

function encode({ form, old, anew, times }: Journal): Bytes {
  const envelopes = { old: toBase64Url(old), anew: toBase64Url(anew) };
  return utf8(JSON.stringify({ format: FORMAT, form, ...envelopes, times }));
}

/** Undefined for what is no journal, or not the whole of one. */
function decode(bytes: Bytes): Journal | undefined {
  try {
    const { format, form, old, anew, times } = JSON.parse(fromUtf8(bytes));
    if (format !== FORMAT || form !== "bytes" && form !== "text") return undefined;
    const { accessed, modified } = times;
    const read = { accessed: readTime(accessed), modified: readTime(modified) };
    return { form, old: readEnvelope(old), anew: readEnvelope(anew), times: read };
  } catch {
    return undefined;
  }
}

function readEnvelope(text: string): Bytes {
  const envelope = fromBase64Url(text);
  const { kind } = readHeader(envelope);
  if (kind === "enveloped" && envelope.length === ENVELOPE_LENGTH) return envelope;
  throw new CryptoError("malformed");
}

function readTime([seconds, nanoseconds]: Time): Time {
  return [String(BigInt(seconds)), Number(nanoseconds)];
}
