/**
 * `crypto encrypt --json-lines` and `crypto decrypt --json-lines`: one JSON value a line in, one a
 * line out, in order. A text is answered by a text, an object by an object.
 */
import { fromUtf8, utf8 } from "../core/bytes.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { LineReader } from "../core/lines.ts";
import { isObject, MAX_LINE } from "../core/rpc.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { connectMany } from "./bound.ts";
import type { WireParams } from "./channel.ts";
import { type CryptFlags, type Job, withJobs } from "./crypt.ts";
import type { KeyService } from "./keyservice.ts";
import { pipelined } from "./pipeline.ts";
import type { Source } from "./stream.ts";

type Method = "encrypt" | "decrypt";

/** What a line's text stands for, and what of the answer is given for it. */
const TEXTS = {
  encrypt: { asks: "text", gives: "message" },
  decrypt: { asks: "message", gives: "text" },
} as const;

const PIECE = 65_536;

/**
 * Encrypts or decrypts line by line.
 * @throws {CryptoError} that of the first line that failed, when all are written
 */
export async function cryptLines(
  method: Method,
  flags: CryptFlags,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  refuseOtherForms(flags);
  const nameOf = (file: string): string => {
    throw new CryptoError("usage", { subject: file, hint: "say where to write with --output" });
  };
  await withJobs(flags, files, { nameOf, mode: 0o600 }, async (jobs) => {
    const service = await connectMany(flags);
    dropAllPermissions();
    for (const job of jobs) {
      const failed = await cryptJob(job, (line) => answer(service, method, flags, line));
      jobs.delete(job);
      service.close();
      if (failed) throw failed;
    }
  });
}

/** Each would be ignored, and the user would believe in it. */
function refuseOtherForms(flags: CryptFlags & { readonly armor?: boolean; passphrase?: boolean }) {
  const { text, armor, passphrase, passphraseFile } = flags;
  if (text === undefined && !armor && !passphrase && passphraseFile === undefined) return;
  const hint = "--json-lines excludes --text, --armor and passphrases";
  throw new CryptoError("usage", { hint });
}

/** Gives what is to be said of the lines that failed, if any did. */
async function cryptJob(
  { input, output }: Job,
  act: (line: Uint8Array) => Promise<unknown>,
): Promise<CryptoError | undefined> {
  let [number, failures] = [0, 0];
  let first: CryptoError | undefined;
  for await (const outcome of pipelined(linesOf(input), { act, size: (line) => line.length })) {
    number++;
    if (outcome.status === "fulfilled") {
      await output.write(utf8(`${JSON.stringify(outcome.value)}\n`));
      continue;
    }
    failures++;
    const error = asCryptoError(outcome.reason);
    first ??= new CryptoError(error.code, { subject: `line ${number}`, hint: error.hint });
    await output.write(utf8(`${JSON.stringify({ error: describe(error) })}\n`));
  }
  await output.publish();
  return first && failures > 1 ? withCount(first, failures) : first;
}

function withCount({ code, subject, hint }: CryptoError, failures: number): CryptoError {
  return new CryptoError(code, { subject, hint: `${hint} (${failures} lines failed)` });
}

/** The members of an error of docs/protocol.md. */
function describe({ code, subject, hint, kind: { message } }: CryptoError) {
  return { code, message, subject, hint };
}

async function answer(
  service: KeyService,
  method: Method,
  { key, context }: CryptFlags,
  line: Uint8Array,
): Promise<unknown> {
  const value = parse(line);
  const { asks, gives } = TEXTS[method];
  const asked = typeof value === "string" ? { [asks]: value } : value;
  const bound = Object.hasOwn(asked, "contextData") ? {} : { context };
  const as = method === "decrypt" ? { as: "text" } : {};
  const result: unknown = await service.ask(method, { key, ...bound, ...as, ...asked });
  return typeof value === "string" && isObject(result) ? result[gives] : result;
}

/** What the members must be, the daemon knows. */
function parse(line: Uint8Array): string | WireParams {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(line));
  } catch {
    throw new CryptoError("parse_error");
  }
  if (typeof value === "string") return value;
  if (isObject(value)) return value as WireParams;
  throw new CryptoError("parse_error", { hint: "a line is a JSON string or object" });
}

/** The lines of a source; the last one needs no line break. @throws {CryptoError} `line_too_long` */
async function* linesOf(source: Source): AsyncGenerator<Uint8Array> {
  const reader = new LineReader(MAX_LINE);
  const buffer = new Uint8Array(PIECE);
  for (let n; (n = await source.read(buffer)) !== null;) {
    const lines: Uint8Array[] = [];
    // A line may be a view of the buffer, which the next read uses again.
    reader.take(buffer.slice(0, n), (line) => lines.push(line));
    yield* lines;
  }
  if (reader.waiting > 0) yield reader.rest();
}
