/** One file: what it holds, what is done to it, and how it stands afterwards. */
import { armor, unarmor } from "../../core/armor.ts";
import { type Bytes, fromUtf8, utf8 } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import type { AttributeKeeper } from "../../platform/attributes.ts";
import { exists } from "../../platform/durable.ts";
import type { KeyService } from "../keyservice.ts";
import { decryptFlow, encryptFlow, MAX_VALUE_TEXT } from "../message.ts";
import { pump, readAll, readUpTo, type Sink, sourceOf, streamOf } from "../stream.ts";
import { besidePath } from "./beside.ts";
import { finishPatch, patchFile } from "./journal.ts";
import { type Content, envelopePatch, type Held, readContent, START_LENGTH } from "./kind.ts";
import { openRegular } from "./open.ts";
import { replaceFile } from "./replace.ts";
import type { Standing, Versions } from "./versions.ts";

/** What files are rewrapped with. */
export interface FileParts {
  readonly service: KeyService;
  readonly versions: Versions;
  readonly keeper: AttributeKeeper;
  readonly engine: Engine | undefined;
  readonly context?: string | undefined;
  /** Look only. */
  readonly dryRun: boolean;
  /** Encrypt anew. */
  readonly fresh: boolean;
}

/** What became of a file that holds a message: whether it was changed, and what it is under. */
export interface Done {
  readonly changed: boolean;
  readonly under: Standing;
  readonly bytes: number;
}

/** Or what it holds instead. */
export type Outcome = Done | { readonly holds: Exclude<Content["kind"], Held["kind"]> };

/** A file could not be rewrapped. */
export class Unchanged extends Error {
  /** @param under the version that it is under still, if that is known */
  constructor(override readonly cause: unknown, readonly under?: Standing, readonly bytes = 0) {
    super();
  }
}

/** Rewraps a file. @throws {Unchanged} then it is as it was */
export async function rewrapFile(path: string, parts: FileParts): Promise<Outcome> {
  const { versions, keeper, dryRun, fresh } = parts;
  if (!dryRun && exists(await besidePath(path))) await finishPatch(path, keeper);
  const { content, bytes } = await readStart(path);
  if (content.kind !== "direct" && content.kind !== "enveloped") return { holds: content.kind };
  const under = versions.find(content.keyId);
  if (!under) throw new CryptoError("denied");
  if (dryRun || (under.newest && !fresh)) return { changed: false, under, bytes };
  try {
    await change(path, content, under.key, parts);
    return { changed: true, ...await standing(path, parts) };
  } catch (error) {
    throw new Unchanged(error, under, bytes);
  }
}

/** What a file is under now. A version may have been made meanwhile. */
async function standing(path: string, { versions, service }: FileParts) {
  const { content, bytes } = await readStart(path);
  const id = "keyId" in content ? content.keyId : undefined;
  if (id && !versions.find(id)) versions.learn(await service.keys());
  const under = id && versions.find(id);
  if (under) return { under, bytes };
  throw new CryptoError("io", { subject: path, hint: "somebody else has changed it meanwhile" });
}

async function readStart(path: string): Promise<{ content: Content; bytes: number }> {
  using file = await openRegular(path);
  const { size } = await file.stat();
  return { content: readContent(await readUpTo(file, START_LENGTH)), bytes: size };
}

async function change(path: string, held: Held, key: string, parts: FileParts): Promise<void> {
  if (held.kind === "direct") return await changeDirect(path, held, key, parts);
  if (parts.fresh) return await encryptAnew(path, held, key, parts);
  const { envelope, rewrapped } = await parts.service.rewrapEnvelope(held.start);
  if (rewrapped) await patchFile(path, envelopePatch(held, envelope), parts.keeper);
}

async function changeDirect(
  path: string,
  { form }: Held,
  key: string,
  { service, context, fresh, keeper }: FileParts,
): Promise<void> {
  const content = await readWhole(path);
  const text = form === "text" ? fromUtf8(content) : armor(content);
  const message = text.replace(/\n$/, "");
  const anew = fresh
    ? await service.encrypt(await service.decrypt(message, { context }), { key, context })
    : (await service.rewrap(message, { context })).message;
  const bytes = form === "text" ? utf8(anew + text.slice(message.length)) : unarmor(anew);
  await replaceFile(path, keeper, (sink) => sink.write(bytes));
}

async function readWhole(path: string): Promise<Bytes> {
  using file = await openRegular(path);
  const content = await readAll(file, MAX_VALUE_TEXT);
  if (content) return content;
  throw new CryptoError("too_large", { hint: "no daemon makes a direct message of this length" });
}

/** Decrypts and encrypts all of it, in constant memory. */
async function encryptAnew(
  path: string,
  { form }: Held,
  key: string,
  { service, context, engine, keeper }: FileParts,
): Promise<void> {
  using file = await openRegular(path);
  const source = { read: (buffer: Bytes) => file.read(buffer), cancel: () => Promise.resolve() };
  const plaintext = sourceOf(streamOf(source, (input) => {
    return decryptFlow(() => Promise.resolve(service), input, { context, engine });
  }));
  const options = { key, context, engine, armor: form === "text" };
  const write = async (sink: Sink) => {
    await pump(await encryptFlow(service, plaintext, options), sink);
  };
  await replaceFile(path, keeper, write);
}
