/** `crypto share send`, `request` and `open`, on the main thread: what is typed and what is told. */
import { CryptoError } from "../../core/errors.ts";
import { newCode } from "../../core/share/code.ts";
import { parseLink, READABLE } from "../../core/share/link.ts";
import { forbidCoreDumps } from "../../platform/process.ts";
import { ownDirectory, userDirectory } from "../directories.ts";
import {
  askNewPassphrase,
  askPassphrase,
  namedFolder,
  namedPath,
  openPassphraseFile,
  readLine,
  readText,
} from "./input.ts";
import { serverOrigin, type ShareContext, start, startWithStorage } from "./session.ts";
import { requireErrorOutput, requireOutput } from "./standard_streams.ts";
import { handOver, reportAnswer, restOfRequest, restOfSent } from "./report.ts";

/** How `share send` is told. */
export interface SendFlags {
  readonly server?: string | undefined;
  /** A request link, which this answers. */
  readonly to?: string | undefined;
  /** Seconds. */
  readonly ttl?: number | undefined;
  readonly views?: number | undefined;
  readonly text?: string | undefined;
  readonly passphrase: boolean;
  readonly passphraseFile?: string | undefined;
  readonly code: boolean;
  readonly qr: boolean;
  readonly json: boolean;
}

/** How `share request` is told. */
export interface RequestFlags {
  readonly server?: string | undefined;
  /** Seconds. */
  readonly ttl?: number | undefined;
  /** Bytes. */
  readonly maxSize?: number | undefined;
  readonly qr: boolean;
  readonly json: boolean;
}

/** How `share open` is told. */
export interface OpenFlags {
  readonly output: string;
  readonly passphraseFile?: string | undefined;
}

const EXPOSED_WARNING = "warning: something on the way made the key a part of the address";
const ARGUMENT_WARNING = "warning: every user of this machine can read a text given as an " +
  "argument, and the shell's history keeps it; pipe it in instead";

/** `crypto share send` */
export async function send(
  context: ShareContext,
  flags: SendFlags,
  files: readonly string[],
): Promise<void> {
  forbidCoreDumps();
  refuseContradictions(flags, files);
  if (flags.to === undefined || flags.json) requireOutput();
  if (flags.code && !flags.json) requireErrorOutput();
  const to = flags.to === undefined ? undefined : parseLink(flags.to, ["request"]);
  const origin = to?.origin ?? serverOrigin(flags.server);
  const paths = files.map(namedPath);
  const terminal = context.openTerminal();
  const fromFile = openPassphraseFile(flags.passphraseFile);
  const read = paths.map(({ path }) => path);
  const ask = await startWithStorage(context, { origin, paths: { read }, name: "upload" });

  if (flags.text !== undefined) context.say(ARGUMENT_WARNING);
  const text = paths.length > 0 ? undefined : await readText(flags.text, terminal);
  if (flags.to !== undefined) {
    if (to?.exposed) context.say(EXPOSED_WARNING);
    return reportAnswer(context, flags, await ask("answer", { link: flags.to, text, paths }));
  }
  const code = flags.code ? newCode() : undefined;
  const passphrase = code ?? fromFile?.() ??
    (flags.passphrase ? await askNewPassphrase(terminal) : undefined);
  const { ttl, views = 1 } = flags;
  const sent = await ask("send", { origin, text, paths, terms: { ttl, views }, passphrase });
  const { link, receipt, expires } = sent;
  const made = { link, code, receipt, expires, views };
  const held = { origin, holder: receipt };
  await handOver(context, ask, { form: flags, made, rest: restOfSent(made), held });
}

function refuseContradictions(flags: SendFlags, files: readonly string[]): void {
  const hints = [
    [files.length > 0 && flags.text !== undefined, "send either files or a text"],
    [
      [flags.code, flags.passphrase, flags.passphraseFile !== undefined].filter(Boolean).length > 1,
      "choose one of --code, --passphrase and --passphrase-file",
    ],
    [
      flags.to !== undefined && saysMore(flags),
      "with --to the request says how long and for whom: leave the other choices out",
    ],
  ] as const;
  for (const [wrong, hint] of hints) if (wrong) throw new CryptoError("usage", { hint });
}

function saysMore(flags: SendFlags): boolean {
  const { server, ttl, views, passphraseFile, passphrase, code, qr } = flags;
  const given = [server, ttl, views, passphraseFile].some((value) => value !== undefined);
  return given || passphrase || code || qr;
}

/** `crypto share request` */
export async function request(context: ShareContext, flags: RequestFlags): Promise<void> {
  forbidCoreDumps();
  requireOutput();
  if (!flags.json) requireErrorOutput();
  const origin = serverOrigin(flags.server);
  const ask = await start(context, { origin, name: "request" });
  const made = await ask("request", { origin, ttl: flags.ttl, size: flags.maxSize });
  const held = { origin, holder: made.ownLink };
  await handOver(context, ask, { form: flags, made, rest: restOfRequest(made), held });
}

/** Where it is kept what a killed `open` needs to go on. */
function claimsDirectory(): string {
  const hint = "set it, or XDG_STATE_HOME: what is needed to go on after a kill is kept there";
  return ownDirectory(`${userDirectory("XDG_STATE_HOME", ".local/state", hint)}/crypto/share`);
}

/** `crypto share open` */
export async function open(context: ShareContext, flags: OpenFlags, given?: string): Promise<void> {
  forbidCoreDumps();
  const terminal = context.openTerminal();
  const link = given ?? await readLine();
  const { origin, exposed } = parseLink(link, READABLE);
  const directory = namedFolder(flags.output);
  const fromFile = openPassphraseFile(flags.passphraseFile);
  const claims = claimsDirectory();
  const paths = { directory: [directory, claims] };
  const ask = await startWithStorage(context, { origin, paths, name: "download" });

  const seen = await ask("look", { link, claims });
  if (exposed) context.say(EXPOSED_WARNING);
  const toTerminal = Deno.stdout.isTerminal();
  const passphrase = seen.passphrase ? fromFile?.() ?? await askPassphrase(terminal) : undefined;
  const question = { link, claims, passphrase, directory, toTerminal };
  const { names, erased } = await ask("open", question);
  for (const name of names) context.say(`wrote ${flags.output}/${name}`);
  if (!erased) {
    context.say("the server did not confirm that it is erased: it will be, within a day");
  }
}
