/** The share commands on the main thread: what people type, and what they are told. */
import { type Bytes, concat, fromUtf8, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { SHARE_CLIENT_WORKER, shareClientPrivileges } from "../../core/privileges.ts";
import { newCode } from "../../core/share/code.ts";
import { DEFAULT_ORIGIN, parseLink, requireOrigin } from "../../core/share/link.ts";
import type { Answer } from "../../core/share/wire.ts";
import { forbidCoreDumps } from "../../platform/process.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { formatTime } from "./api.ts";
import type { NamedPath } from "./content.ts";
import type { Deed, Moved, Question, Questions, Results } from "./worker.ts";

/** Somebody at a terminal. */
export interface Asker {
  /** Asks for a line that is not shown. @throws {CryptoError} `no_passphrase` */
  askSecret(question: string): string;
}

/** What the program hands to these commands. */
export interface ShareContext {
  readonly print: (text: string) => void;
  /** Tells a person something. */
  readonly say: (line: string) => void;
  /** URL of the program's one script. */
  readonly script: string;
  readonly openTerminal: () => Asker | undefined;
  /** A bar for what takes long; `total` in bytes. */
  readonly progress: (name: string, total: number) => Bar;
}

interface Bar {
  update(bytes: number): void;
  finish(): void;
}

/** How `share send` is told. */
export interface SendFlags {
  readonly server?: string | undefined;
  readonly ttl: number;
  readonly views: number;
  readonly text?: string | undefined;
  readonly passphrase: boolean;
  readonly passphraseFile?: string | undefined;
  readonly code: boolean;
  readonly qr: boolean;
  readonly json: boolean;
}

/** How `share open` is told. */
export interface OpenFlags {
  readonly output: string;
  readonly passphraseFile?: string | undefined;
}

/** How the sender's commands are told. */
export interface ManageFlags {
  readonly server?: string | undefined;
  readonly json: boolean;
}

/** The longest text; what is longer is a file. Bytes. */
const MAX_TEXT = 1_048_576;
const MAX_PASSPHRASE_FILE = 16_386;
const ARGUMENT_WARNING = "warning: every user of this machine can read a text given as an " +
  "argument, and the shell's history keeps it; pipe it in instead";

/** Asks the worker. */
type Ask = <D extends Deed>(deed: D, question: Questions[D]) => Promise<Results[D]>;

/** Starts the worker, which alone keeps permissions from here on. */
async function start(
  { script, progress }: ShareContext,
  origin: string,
  paths: Parameters<typeof shareClientPrivileges>[1],
  name: string,
): Promise<Ask> {
  let bar: Bar | undefined;
  const role = await RoleWorker.start<Question, Results[Deed], Moved>({
    script,
    name: SHARE_CLIENT_WORKER,
    permissions: shareClientPrivileges(origin, paths).start,
    onEvent: ({ done, total }) => (bar ??= progress(name, total)).update(done),
  });
  return async <D extends Deed>(deed: D, question: Questions[D]) => {
    try {
      return await role.ask({ do: deed, ...question } as Question) as Results[D];
    } finally {
      bar?.finish();
    }
  };
}

/** `crypto share send` */
export async function send(
  context: ShareContext,
  flags: SendFlags,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  refuseContradictions(flags, files);
  const origin = serverOrigin(flags.server);
  const paths = files.map(namedPath);
  const terminal = context.openTerminal();
  const fromFile = openPassphraseFile(flags.passphraseFile);
  const ask = await start(context, origin, { read: paths.map(({ path }) => path) }, "upload");

  if (flags.text !== undefined) context.say(ARGUMENT_WARNING);
  const text = paths.length > 0 ? undefined : await readText(flags.text, terminal);
  const code = flags.code ? newCode() : undefined;
  const passphrase = code ?? fromFile?.() ??
    (flags.passphrase ? askNewPassphrase(terminal) : undefined);
  const terms = { kind: "secret", ttl: flags.ttl, views: flags.views } as const;
  const sent = await ask("send", { origin, text, paths, terms, passphrase });
  await report(context, flags, { ...sent, code });
}

async function report(
  { print, say }: ShareContext,
  { json, qr, views }: SendFlags,
  { link, receipt, expires, code }: Results["send"] & { code: string | undefined },
): Promise<void> {
  if (json) return print(`${JSON.stringify({ link, code, receipt, expires, views })}\n`);
  print(`${link}\n`);
  if (qr) print(`${(await import("uqr")).renderUnicodeCompact(link)}\n`);
  if (code) say(`code, to be told another way than the link: ${code}`);
  say(`opens ${views === 1 ? "once" : `${views} times`}, until ${formatTime(expires)}`);
  say(`receipt, for you alone: ${receipt}`);
}

function refuseContradictions(flags: SendFlags, files: readonly string[]): void {
  const hints = [
    [files.length > 0 && flags.text !== undefined, "send either files or a text"],
    [
      [flags.code, flags.passphrase, flags.passphraseFile !== undefined].filter(Boolean).length > 1,
      "choose one of --code, --passphrase and --passphrase-file",
    ],
  ] as const;
  for (const [wrong, hint] of hints) if (wrong) throw new CryptoError("usage", { hint });
}

/** The server: what was said, the environment, or one on this machine. */
function serverOrigin(server: string | undefined): string {
  return requireOrigin(server ?? Deno.env.get("CRYPTO_SHARE_SERVER") ?? DEFAULT_ORIGIN);
}

function namedPath(path: string): NamedPath {
  try {
    const real = Deno.realPathSync(path);
    // `.` and `..` have no name of their own.
    const given = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
    const name = ["", ".", ".."].includes(given) ? real.split("/").at(-1) : given;
    return { path: real, name: name || "folder" };
  } catch (cause) {
    const hint = cause instanceof Deno.errors.NotFound ? "there is no such file" : undefined;
    throw new CryptoError("io", { subject: path, hint, cause });
  }
}

async function readText(given: string | undefined, terminal: Asker | undefined): Promise<Bytes> {
  if (given !== undefined) return utf8(given);
  if (Deno.stdin.isTerminal() && terminal) {
    return utf8(terminal.askSecret("Secret (not shown; one line): "));
  }
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of Deno.stdin.readable) {
    parts.push(part);
    if ((length += part.length) <= MAX_TEXT) continue;
    throw new CryptoError("too_large", { hint: "a text has at most 1 MiB: send it as a file" });
  }
  return concat(...parts);
}

function askNewPassphrase(terminal: Asker | undefined): string {
  const passphrase = askPassphrase(terminal);
  if (terminal?.askSecret("The same again: ") === passphrase) return passphrase;
  throw new CryptoError("no_passphrase", { hint: "the two are not the same: try again" });
}

function askPassphrase(terminal: Asker | undefined): string {
  if (terminal) return terminal.askSecret("Passphrase or code: ");
  const hint = "there is no terminal to ask at: use --passphrase-file FILE";
  throw new CryptoError("no_passphrase", { hint });
}

/** Opens the file now and reads its first line later. */
function openPassphraseFile(path: string | undefined): (() => string) | undefined {
  if (path === undefined) return undefined;
  try {
    const file = Deno.openSync(path);
    return () => {
      const buffer = new Uint8Array(MAX_PASSPHRASE_FILE);
      const line = fromUtf8(buffer.subarray(0, file.readSync(buffer) ?? 0)).split(/\r?\n/, 1)[0];
      return line ?? "";
    };
  } catch (cause) {
    throw new CryptoError("io", { subject: path, cause });
  }
}

/** `crypto share open` */
export async function open(context: ShareContext, flags: OpenFlags, given?: string): Promise<void> {
  forbidCoreDumps();
  const terminal = context.openTerminal();
  const link = given ?? await readLine();
  const { origin, exposed } = parseLink(link);
  const directory = namedPath(flags.output).path;
  const fromFile = openPassphraseFile(flags.passphraseFile);
  const ask = await start(context, origin, { directory: [directory] }, "download");

  const seen = await ask("look", { link });
  if (exposed) context.say("warning: something on the way made the key a part of the address");
  const toTerminal = Deno.stdout.isTerminal();
  const passphrase = seen.passphrase ? fromFile?.() ?? askPassphrase(terminal) : undefined;
  const { names, erased } = await ask("open", { link, passphrase, directory, toTerminal });
  for (const name of names) context.say(`wrote ${flags.output}/${name}`);
  if (!erased) context.say("the server did not confirm that it is erased: it will be, in a day");
}

async function readLine(): Promise<string> {
  return fromUtf8(await readText(undefined, undefined)).trim();
}

/** `crypto share status`, `revoke` and `unlock` */
export async function manage(
  context: ShareContext,
  call: Questions["manage"]["call"],
  flags: ManageFlags,
  given?: string,
): Promise<void> {
  forbidCoreDumps();
  const origin = serverOrigin(flags.server);
  const ask = await start(context, origin, {}, call);
  const receipt = given ?? await readLine();
  const status = await ask("manage", { origin, call, receipt });
  context.print(flags.json ? `${JSON.stringify(status)}\n` : describe(status));
}

const STATES: Readonly<Record<Answer<"status">["state"], string>> = {
  waiting: "waiting for an answer",
  uploading: "being uploaded",
  live: "waiting to be opened",
  locked: "locked after too many wrong passphrases",
  used: "opened",
  revoked: "revoked",
  expired: "expired",
};

function describe(
  { state, since, expires, views, taken, attemptsLeft, passphrase }: Answer<"status">,
) {
  const lines = [
    `${STATES[state]}, since ${formatTime(since)}`,
    `expires ${formatTime(expires)}`,
    `opened ${taken.length} of ${views} times`,
    ...taken.map(({ at, acknowledged }) => {
      return `  ${formatTime(at)}${acknowledged ? "" : ", not confirmed"}`;
    }),
    ...(passphrase ? [`${attemptsLeft} attempts left at the passphrase`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
