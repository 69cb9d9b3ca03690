/**
 * What a share command does, in a worker that may reach one server and the files named, and that
 * gives up the loading of libraries before it asks anything.
 */
import type { Bytes } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { formatLink, parseLink } from "../../core/share/link.ts";
import { formatReceipt, parseReceipt } from "../../core/share/receipt.ts";
import type { Terms } from "../../core/share/terms.ts";
import type { Answer } from "../../core/share/wire.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { runRole } from "../../platform/worker.ts";
import { ShareApi } from "./api.ts";
import { fileContent, type NamedPath, textContent } from "./content.ts";
import { lookAt, openSecret, type Seen } from "./open.ts";
import { DirectoryOutput } from "./output.ts";
import { type OnProgress, sendSecret } from "./send.ts";

/** What the main thread asks, by what is to be done. */
export interface Questions {
  readonly send: {
    readonly origin: string;
    readonly text?: Bytes | undefined;
    readonly paths: readonly NamedPath[];
    readonly terms: Omit<Terms, "passphrase">;
    readonly passphrase?: string | undefined;
  };
  readonly look: { readonly link: string };
  readonly open: {
    readonly link: string;
    readonly passphrase?: string | undefined;
    readonly directory: string;
    readonly toTerminal: boolean;
  };
  readonly manage: {
    readonly origin: string;
    readonly call: "status" | "revoke" | "unlock";
    readonly receipt: string;
  };
}

/** What it is answered. */
export interface Results {
  readonly send: { readonly link: string; readonly receipt: string; readonly expires: number };
  readonly look: Seen;
  readonly open: { readonly names: readonly string[]; readonly erased: boolean };
  readonly manage: Answer<"status">;
}

/** What is to be done. */
export type Deed = keyof Questions;
/** A question as it crosses. */
export type Question = { [D in Deed]: { readonly do: D } & Questions[D] }[Deed];
/** What it tells unasked: bytes of ciphertext that have gone or come. */
export interface Moved {
  readonly done: number;
  readonly total: number;
}

/** Runs in the worker. */
export function runShareClientRole(): void {
  let engine: Engine | undefined;
  let ready = false;
  runRole<Question, Results[Deed], Moved>(async (question, tell) => {
    if (!ready) {
      engine = loadLibcrypto();
      dropLibraryPermission();
      ready = true;
    }
    return await perform(question, engine, (done, total) => tell({ done, total }));
  });
}

function perform(question: Question, engine: Engine | undefined, tell: OnProgress) {
  switch (question.do) {
    case "send":
      return send(question, engine, tell);
    case "look": {
      const { origin, secret } = parseLink(question.link);
      return lookAt(new ShareApi(origin), secret);
    }
    case "open":
      return open(question, engine, tell);
    case "manage":
      return new ShareApi(question.origin).call(question.call, parseReceipt(question.receipt));
  }
}

async function send(
  { origin, text, paths, terms, passphrase }: Questions["send"],
  engine: Engine | undefined,
  onProgress: OnProgress,
): Promise<Results["send"]> {
  const content = text ? textContent(text) : await fileContent(paths);
  const options = { terms, passphrase, engine, onProgress };
  const { secret, id, receipt, expires } = await sendSecret(new ShareApi(origin), content, options);
  return { link: formatLink(origin, secret), receipt: formatReceipt({ id, receipt }), expires };
}

async function open(
  { link, passphrase, directory, toTerminal }: Questions["open"],
  engine: Engine | undefined,
  onProgress: OnProgress,
): Promise<Results["open"]> {
  const { origin, secret } = parseLink(link);
  const output = new DirectoryOutput(directory, toTerminal);
  const options = { passphrase, output, engine, onProgress };
  const erased = await openSecret(new ShareApi(origin), secret, options);
  return { names: output.names, erased };
}
