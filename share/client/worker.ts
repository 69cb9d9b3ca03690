/**
 * What a share command does, in a worker that may reach one server, the storage that it has named,
 * and the files named, and that gives up the loading of libraries before it asks anything.
 */
import type { Bytes } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { formatLink, type LinkKind, parseLink, READABLE } from "../../core/share/link.ts";
import { formatReceipt } from "../../core/share/receipt.ts";
import type { Answer } from "../../core/share/wire.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { runRole } from "../../platform/worker.ts";
import { DatedError, requireStorage, ShareApi } from "./api.ts";
import { ClaimFile, needsPassphrase } from "./claims.ts";
import { textContent } from "./content.ts";
import { fileContent, type NamedPath } from "./files.ts";
import { lookAt, openAnswer, openSecret, readProof, type Seen } from "./open.ts";
import { DirectoryOutput } from "./output.ts";
import { makeRequest, receiptOf, type RequestTerms } from "./request.ts";
import { sendAnswer, type SendOptions, sendSecret } from "./send.ts";
import type { OnProgress } from "./upload.ts";

/** What the main thread asks, by what is to be done. */
export interface Questions {
  /** Where the server keeps large bodies, if not itself. */
  readonly storage: { readonly origin: string };
  readonly send: {
    readonly origin: string;
    readonly text?: Bytes | undefined;
    readonly paths: readonly NamedPath[];
    readonly terms: SendOptions["terms"];
    readonly passphrase?: string | undefined;
  };
  readonly request: RequestTerms & { readonly origin: string };
  readonly answer: {
    /** The request link. */
    readonly link: string;
    readonly text?: Bytes | undefined;
    readonly paths: readonly NamedPath[];
  };
  readonly look: {
    readonly link: string;
    /** Where claims are kept. */
    readonly claims: string;
  };
  readonly open: {
    readonly link: string;
    readonly claims: string;
    readonly passphrase?: string | undefined;
    readonly directory: string;
    readonly toTerminal: boolean;
  };
  readonly manage: {
    readonly origin: string;
    readonly call: "status" | "revoke" | "unlock";
    /** A receipt, or a requester's own link. */
    readonly holder: string;
  };
}

/** What it is answered. */
export interface Results {
  readonly storage: { readonly storage: string | undefined };
  readonly send: { readonly link: string; readonly receipt: string; readonly expires: number };
  readonly request: {
    readonly link: string;
    readonly ownLink: string;
    readonly expires: number;
  };
  readonly answer: { readonly receipt: string; readonly expires: number };
  readonly look: Pick<Seen, "passphrase">;
  readonly open: { readonly names: readonly string[]; readonly erased: boolean };
  readonly manage: Answer<"status">;
}

/** What is to be done. */
export type Deed = keyof Questions;
/** A question as it crosses, with the storage that may be reached. */
export type Question = {
  [D in Deed]: { readonly do: D; readonly storage?: string | undefined } & Questions[D];
}[Deed];
type Asked<D extends Deed> = Extract<Question, { readonly do: D }>;
/** What it tells unasked: bytes of ciphertext that have gone or come. */
export interface Moved {
  readonly done: number;
  readonly total: number;
}

/** Runs in the worker. */
export function runShareClientRole(): void {
  let tools: Tools | undefined;
  runRole<Question, Results[Deed], Moved>(async (question, tell) => {
    tools ??= prepareTools(question.storage);
    return await perform(question, tools, (done, total) => tell({ done, total }));
  });
}

/** What deeds are done with. */
interface Tools {
  readonly engine: Engine | undefined;
  /** The one server of this worker: once it has answered any deed, lost answers are asked for again. */
  readonly apiOf: (origin: string) => ShareApi;
}

/** @param storage if it is known, so from a server that has answered */
function prepareTools(storage: string | undefined): Tools {
  const engine = loadLibcrypto();
  dropLibraryPermission();
  let api: ShareApi | undefined;
  const apiOf = (origin: string) => {
    return api ??= new ShareApi(origin, { storage, reached: storage !== undefined });
  };
  return { engine, apiOf };
}

function perform(question: Question, tools: Tools, tell: OnProgress) {
  switch (question.do) {
    case "storage":
      return storage(question, tools);
    case "send":
      return send(question, tools, tell);
    case "request":
      return request(question, tools);
    case "answer":
      return answer(question, tools, tell);
    case "look":
      return look(question, tools);
    case "open":
      return open(question, tools, tell);
    case "manage":
      return manage(question, tools);
  }
}

async function storage(
  { origin }: Asked<"storage">,
  { apiOf }: Tools,
): Promise<Results["storage"]> {
  const { origin: announced } = await apiOf(origin).call("storage", {});
  return { storage: announced === undefined ? undefined : requireStorage(announced, origin) };
}

async function send(
  { origin, text, paths, terms, passphrase }: Asked<"send">,
  { engine, apiOf }: Tools,
  onProgress: OnProgress,
): Promise<Results["send"]> {
  const content = text ? textContent(text) : await fileContent(paths);
  const options = { terms, passphrase, engine, onProgress };
  const { secret, id, receipt, expires } = await sendSecret(apiOf(origin), content, options);
  return { link: formatLink(origin, secret), receipt: formatReceipt({ id, receipt }), expires };
}

async function request(
  { origin, ...terms }: Asked<"request">,
  { apiOf }: Tools,
): Promise<Results["request"]> {
  const { seed, publicKey, expires } = await makeRequest(apiOf(origin), terms);
  const link = formatLink(origin, publicKey, "request");
  return { link, ownLink: formatLink(origin, seed, "own"), expires };
}

async function answer(
  { link, text, paths }: Asked<"answer">,
  { engine, apiOf }: Tools,
  onProgress: OnProgress,
): Promise<Results["answer"]> {
  const { origin, secret: publicKey } = parseLink(link, ["request"]);
  const content = text ? textContent(text) : await fileContent(paths);
  const options = { engine, onProgress };
  const { id, receipt, expires } = await sendAnswer(apiOf(origin), publicKey, content, options);
  return { receipt: formatReceipt({ id, receipt }), expires };
}

async function look({ link, claims }: Asked<"look">, { apiOf }: Tools): Promise<Results["look"]> {
  const { kind, origin, secret } = parseLink(link, READABLE);
  const proof = await readProof(kind, secret);
  const passphrase = needsPassphrase(claims, proof.id);
  if (passphrase !== undefined) return { passphrase };
  return await lookAt(apiOf(origin), proof).catch((error) => {
    throw explained(error, kind);
  });
}

const OWN_LINK = "if that was not you, somebody else has your own link";
const OWN_CLAIM =
  "an earlier run of yours began to open it, and its time is over: if you did not " +
  "get it, ask the sender for a new one";

/** Says who has opened it before, as far as that is known here. */
function explained(error: unknown, kind: LinkKind, claim?: ClaimFile): unknown {
  if (!(error instanceof DatedError) || error.code !== "share_opened") return error;
  const advice = claim?.isOld ? OWN_CLAIM : kind === "own" ? OWN_LINK : undefined;
  return new DatedError(error.code, error.since, advice);
}

async function open(
  { link, claims, passphrase, directory, toTerminal }: Asked<"open">,
  { engine, apiOf }: Tools,
  onProgress: OnProgress,
): Promise<Results["open"]> {
  const { kind, origin, secret } = parseLink(link, READABLE);
  const { id } = await readProof(kind, secret);
  using claim = await ClaimFile.open(claims, id, passphrase !== undefined);
  const output = new DirectoryOutput(directory, toTerminal);
  const options = { claim, output, engine, onProgress };
  const opening = kind === "own"
    ? openAnswer(apiOf(origin), secret, options)
    : openSecret(apiOf(origin), secret, { ...options, passphrase });
  const erased = await opening.catch((error) => {
    throw explained(error, kind, claim);
  });
  return { names: output.names, erased };
}

async function manage(
  { origin, call, holder }: Asked<"manage">,
  { apiOf }: Tools,
): Promise<Answer<"status">> {
  return await apiOf(origin).call(call, await receiptOf(holder));
}
