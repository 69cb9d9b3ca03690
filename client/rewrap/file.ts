/** One file: what it holds, what is done to it, and how it stands afterwards. */
import { armor, unarmor } from "../../core/armor.ts";
import { type Bytes, fromUtf8, utf8 } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import type { KeyService } from "../keyservice.ts";
import { decryptFlow, encryptFlow, MAX_VALUE_TEXT } from "../message.ts";
import { pump, readAll, readUpTo, type Sink, type Source, sourceOf, streamOf } from "../stream.ts";
import { Beside, type BesideOptions, besidePaths } from "./beside.ts";
import { finishPatch, patchFile } from "./journal.ts";
import { type Content, type Held, readContent, START_LENGTH } from "./kind.ts";
import { replaceFile } from "./replace.ts";
import { Target } from "./target.ts";
import type { Standing, Versions } from "./versions.ts";

/** What files are rewrapped with. */
export interface FileParts extends BesideOptions {
  readonly service: KeyService;
  readonly versions: Versions;
  readonly engine: Engine | undefined;
  readonly context?: string | undefined;
  /** Look only. */
  readonly dryRun: boolean;
  /** Encrypt anew. */
  readonly fresh: boolean;
  /** Told of bytes that were read. */
  readonly onBytes?: (bytes: number) => void;
}

/** What became of a file that holds a message: whether it was changed, and what it is under. */
export interface Done {
  readonly changed: boolean;
  readonly under: Standing;
  readonly bytes: number;
}

/** Or what it holds instead. */
export type Outcome = Done | { readonly holds: Exclude<Content["kind"], Held["kind"]> };

/** What is seen of a file. */
interface Seen {
  readonly content: Content;
  /** The version that it is under, if that is known. */
  readonly under: Standing | undefined;
  readonly bytes: number;
}

/** A message that can be worked on. */
interface Known extends Seen {
  readonly content: Held;
  readonly under: Standing;
}

/** A file could not be rewrapped. */
export class Unchanged extends Error {
  /** @param under the version that it is under still, if that is known */
  constructor(override readonly cause: unknown, readonly under?: Standing, readonly bytes = 0) {
    super();
  }
}

/** How much of a text is searched at once for the end of its line. */
const PIECE = 262_144;
const LINE_FEED = 0x0a;

/**
 * Rewraps a file.
 * @throws {Unchanged} then it is as it was, or the next run finishes what a journal says
 */
export async function rewrapFile(path: string, parts: FileParts): Promise<Outcome> {
  try {
    return await lookAndChange(path, parts);
  } catch (error) {
    if (parts.fresh || !isChanged(error)) throw error;
    // Under another name of it, or in another way, somebody was quicker. Once more, as it is now.
    return await lookAndChange(path, parts);
  }
}

function isChanged(error: unknown): boolean {
  const { cause } = error instanceof Unchanged ? error : { cause: error };
  return cause instanceof CryptoError && cause.code === "file_changed";
}

async function lookAndChange(path: string, parts: FileParts): Promise<Outcome> {
  const seen = await lookByName(path, parts);
  const isUnfinished = !parts.dryRun && await hasBeside(path, parts);
  try {
    if (!isUnfinished) {
      const settled = settle(seen, parts);
      if (settled) return settled;
    }
    return await changeLocked(path, parts);
  } catch (error) {
    throw new Unchanged(error, seen.under, seen.bytes);
  }
}

/** Whether a run is at work on it, or was killed. */
async function hasBeside(path: string, { files }: FileParts): Promise<boolean> {
  const { journal, anew } = await besidePaths(path);
  return [journal, anew].some((one) => files.look(one) !== undefined);
}

async function lookByName(path: string, parts: FileParts): Promise<Seen> {
  using target = Target.open(path, parts.files, "read");
  const seen = await look(target, parts);
  try {
    await requireOneMessage(target, seen);
    return seen;
  } catch (error) {
    throw new Unchanged(error, seen.under, seen.bytes);
  }
}

async function look(target: Target, { versions }: FileParts): Promise<Seen> {
  const content = readContent(await readUpTo(target.source(), START_LENGTH));
  const under = "keyId" in content ? versions.find(content.keyId) : undefined;
  return { content, under, bytes: target.attributes.size };
}

/**
 * Behind a message that is text there may be another one, under whatever version; no program reads
 * such a file. It has to be read through to see that: only its line breaks tell.
 */
async function requireOneMessage(target: Target, { content, bytes }: Seen): Promise<void> {
  if (!("form" in content) || content.form !== "text") return;
  const source = target.source();
  const piece = new Uint8Array(Math.min(PIECE, bytes));
  for (let offset = 0, length; (length = await source.read(piece)) !== null; offset += length) {
    const end = piece.subarray(0, length).indexOf(LINE_FEED);
    if (end < 0 || offset + end === bytes - 1) continue;
    const hint = "there is something behind the message, perhaps another one: put each into a " +
      "file of its own";
    throw new CryptoError("malformed", { subject: target.path, hint });
  }
}

/** What there is to say of a file that is not to be changed. @throws {CryptoError} `denied` */
function settle(seen: Seen, { dryRun, fresh }: FileParts): Outcome | undefined {
  const { under, bytes } = seen;
  if (!isHeld(seen.content)) return { holds: seen.content.kind };
  if (!under) throw new CryptoError("denied");
  return dryRun || (under.newest && !fresh) ? { changed: false, under, bytes } : undefined;
}

function isHeld(content: Content): content is Held {
  return "keyId" in content;
}

/** Under the lock it is looked at anew: whoever had that before may have changed the file. */
async function changeLocked(path: string, parts: FileParts): Promise<Outcome> {
  using beside = await Beside.open(path, parts);
  using target = Target.open(path, parts.files, "change");
  beside.removeAnew();
  await finishPatch(target, beside);
  const seen = await look(target, parts);
  const settled = settle(seen, parts);
  if (settled) return settled;
  const changed = await change(target, beside, seen as Known, parts);
  return { changed, ...await standing(path, parts) };
}

/** What a file is under now. A version may have been made meanwhile. */
async function standing(path: string, parts: FileParts) {
  using target = Target.open(path, parts.files, "read");
  let { content, under, bytes } = await look(target, parts);
  if (isHeld(content) && !under) {
    parts.versions.learn(await parts.service.keys());
    under = parts.versions.find(content.keyId);
  }
  if (under) return { under, bytes };
  throw new CryptoError("file_changed", { subject: path });
}

/** Says whether there was something to change: a newer version may have been disabled meanwhile. */
async function change(
  target: Target,
  beside: Beside,
  { content, under: { key } }: Known,
  parts: FileParts,
): Promise<boolean> {
  if (content.kind === "direct") {
    const bytes = await rewrapDirect(target, content, key, parts);
    if (bytes) await replaceFile(target, beside, (sink) => sink.write(bytes));
    return bytes !== undefined;
  }
  if (parts.fresh) {
    const write = (sink: Sink) => encryptAnew(target, content, key, parts, sink);
    await replaceFile(target, beside, write);
    return true;
  }
  const { form, start: old } = content;
  const { envelope: anew, rewrapped } = await parts.service.rewrapEnvelope(old);
  if (rewrapped) await patchFile(target, beside, { form, old, anew });
  return rewrapped;
}

/** Gives what the file of a direct message is to be, if that is another. */
async function rewrapDirect(
  target: Target,
  { form }: Held,
  key: string,
  { service, context, fresh }: FileParts,
): Promise<Bytes | undefined> {
  const content = await readWhole(target.source());
  const text = form === "text" ? fromUtf8(content) : armor(content);
  const message = text.replace(/\n$/, "");
  const anew = fresh
    ? await service.encrypt(await service.decrypt(message, { context }), { key, context })
    : (await service.rewrap(message, { context })).message;
  if (anew === message) return undefined;
  return form === "text" ? utf8(anew + text.slice(message.length)) : unarmor(anew);
}

async function readWhole(source: Source): Promise<Bytes> {
  const content = await readAll(source, MAX_VALUE_TEXT);
  if (content) return content;
  throw new CryptoError("too_large", { hint: "no daemon makes a direct message of this length" });
}

/** Decrypts and encrypts all of it, in constant memory. */
async function encryptAnew(
  target: Target,
  { form }: Held,
  key: string,
  { service, context, engine, onBytes }: FileParts,
  sink: Sink,
): Promise<void> {
  const plaintext = sourceOf(streamOf(target.source(), (input) => {
    return decryptFlow(() => Promise.resolve(service), input, { context, engine });
  }));
  const options = { key, context, engine, armor: form === "text" };
  let told = 0;
  await pump(await encryptFlow(service, plaintext, options), sink, (done) => {
    onBytes?.(done - told);
    told = done;
  });
}
