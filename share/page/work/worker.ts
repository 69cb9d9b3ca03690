/**
 * The page's worker: all cryptography and every request to the server, so that the page itself stays
 * responsive. It is the command line's client with other files.
 */
import { randomBytes } from "../../../core/bytes.ts";
import { asCryptoError } from "../../../core/errors.ts";
import { newCode } from "../../../core/share/code.ts";
import { PROOF_LENGTH } from "../../../core/share/keys.ts";
import { formatLink, parseLink, READABLE } from "../../../core/share/link.ts";
import { formatReceipt } from "../../../core/share/receipt.ts";
import { DatedError, ShareApi } from "../../client/api.ts";
import type { Claim } from "../../client/claim.ts";
import { lookAt, openAnswer, openSecret, readProof } from "../../client/open.ts";
import { limitsOf } from "../../client/limits.ts";
import { answerRoom, lookAtRequest, makeRequest, receiptOf } from "../../client/request.ts";
import { sendAnswer, sendSecret } from "../../client/send.ts";
import type { OnProgress } from "../../client/upload.ts";
import { contentOf } from "./content.ts";
import type { Deed, Failure, Question, Questions, Reply, Results } from "./deeds.ts";
import { PageOutput } from "./output.ts";

/** The page says by the worker's name where the API is, and its storage if it has one. */
const [origin = "", storage] = self.name.split(" ");
const api = new ShareApi(origin, { storage, bodyOf: (piece) => piece });

type Deeds = {
  readonly [D in Deed]: (asked: Questions[D], tell: OnProgress) => Promise<Results[D]>;
};

const DEEDS: Deeds = {
  code: () => Promise.resolve(newCode()),
  limits: async ({ known }) => {
    const limits = known ?? await limitsOf(api);
    return { ...limits, room: answerRoom(limits.size) };
  },
  read: ({ link }) => {
    const { kind, exposed } = parseLink(link, ["secret", "request", "own"]);
    return Promise.resolve({ kind, exposed });
  },
  send,
  look: async ({ link }) => {
    const { kind, secret } = parseLink(link, READABLE);
    return await lookAt(api, await readProof(kind, secret));
  },
  open,
  manage: async ({ call, holder }) => await api.call(call, await receiptOf(holder)),
  request,
  asked: async ({ link }) => {
    const { size, expires } = await lookAtRequest(api, parseLink(link, ["request"]).secret);
    return { room: answerRoom(size), expires };
  },
  answer,
};

async function send(
  { origin, ttl, views, passphrase, ...sendable }: Questions["send"],
  onProgress: OnProgress,
): Promise<Results["send"]> {
  const options = { terms: { ttl, views }, passphrase, onProgress };
  const { secret, id, receipt, expires } = await sendSecret(api, contentOf(sendable), options);
  return { link: formatLink(origin, secret), receipt: formatReceipt({ id, receipt }), expires };
}

async function open(
  { link, passphrase, folder }: Questions["open"],
  onProgress: OnProgress,
): Promise<Results["open"]> {
  const { kind, secret } = parseLink(link, READABLE);
  const output = new PageOutput(folder);
  const options = { output, onProgress, claim: claimOf(link) };
  const erased = kind === "own"
    ? await openAnswer(api, secret, options)
    : await openSecret(api, secret, { ...options, passphrase });
  return { ...output.opened, erased };
}

const claims = new Map<string, Claim>();

/** The taker's side of a link: the same until it is over, so that a cut loses nothing. */
function claimOf(link: string): Claim {
  const end = () => void claims.delete(link);
  const token = randomBytes(PROOF_LENGTH);
  const claim = claims.get(link) ?? { token, position: 0, mark: "", note: () => {}, end };
  claims.set(link, claim);
  return claim;
}

async function request({ origin, ...terms }: Questions["request"]): Promise<Results["request"]> {
  const { seed, publicKey, expires } = await makeRequest(api, terms);
  const link = formatLink(origin, publicKey, "request");
  return { link, ownLink: formatLink(origin, seed, "own"), expires };
}

async function answer(
  { link, ...sendable }: Questions["answer"],
  onProgress: OnProgress,
): Promise<Results["answer"]> {
  const { secret } = parseLink(link, ["request"]);
  const { id, receipt, expires } = await sendAnswer(api, secret, contentOf(sendable), {
    onProgress,
  });
  return { receipt: formatReceipt({ id, receipt }), expires };
}

function reply(answer: Reply): void {
  postMessage(answer);
}

function failureOf(thrown: unknown): Failure {
  const since = thrown instanceof DatedError ? thrown.since : undefined;
  return { code: asCryptoError(thrown).code, since };
}

async function perform<D extends Deed>(id: number, deed: D, asked: Questions[D]): Promise<void> {
  const tell: OnProgress = (done, total) => reply({ id, moved: { done, total } });
  try {
    reply({ id, result: await DEEDS[deed](asked, tell) });
  } catch (error) {
    reply({ id, failure: failureOf(error) });
  }
}

addEventListener("message", ({ data }: MessageEvent<Question>) => {
  void perform(data.id, data.do, data.asked);
});
