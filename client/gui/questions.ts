/** Reading what a page asks: nothing of it is taken for what it should be. */
import { CryptoError } from "../../core/errors.ts";
import { isObject } from "../../core/rpc.ts";
import type { SharedFile } from "../../core/share/manifest.ts";
import { safeName } from "../../core/share/names.ts";
import { TTL_RANGE } from "../../core/share/terms.ts";
import type { FileJob, Questions, SendJob, Terms, Way } from "./wire.ts";

/** Files of one link, at most. */
const MAX_FILES = 256;

type Json = Readonly<Record<string, unknown>>;

function fail(): never {
  throw new CryptoError("invalid_params");
}

function object(value: unknown): Json {
  return isObject(value) ? value : fail();
}

function text(value: unknown): string {
  return typeof value === "string" && value.isWellFormed() ? value : fail();
}

/** A whole number, from `least` on. */
function whole(value: unknown, least = 0, most: number = Number.MAX_SAFE_INTEGER): number {
  const fits = Number.isSafeInteger(value) && (value as number) >= least &&
    (value as number) <= most;
  return fits ? value as number : fail();
}

function way(value: unknown): Way {
  return value === "encrypt" || value === "decrypt" ? value : fail();
}

function terms({ key, context }: Json): Terms {
  return {
    key: key === undefined ? undefined : text(key),
    context: context === undefined ? undefined : text(context),
  };
}

/** A text to be encrypted or decrypted. @throws {CryptoError} `invalid_params` */
export function readTextQuestion(json: unknown): Questions["text"] {
  const asked = object(json);
  return { ...terms(asked), do: way(asked.do), text: text(asked.text) };
}

/** Files to be encrypted, decrypted or sent. @throws {CryptoError} `invalid_params` */
export function readJob(json: unknown): Questions["job"] {
  const asked = object(json);
  return asked.do === "send" ? readSendJob(asked) : readFileJob(asked);
}

function readFileJob(asked: Json): FileJob {
  const name = safeName(text(asked.name));
  return { ...terms(asked), do: way(asked.do), name, size: whole(asked.size) };
}

function readSendJob(asked: Json): SendJob {
  const files = asked.files === undefined ? undefined : readFiles(asked.files);
  const ttl = whole(asked.ttl, TTL_RANGE.least, TTL_RANGE.most);
  const size = files ? files.reduce((sum, file) => sum + file.size, 0) : whole(asked.size);
  return { do: "send", files, size: whole(size), ttl, code: asked.code === true };
}

function readFiles(value: unknown): SharedFile[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_FILES) return fail();
  return value.map(object).map(({ name, type, size }) => {
    return { name: text(name), type: text(type), size: whole(size) };
  });
}
