/**
 * The managed mode, for `curl` alone: the server makes id and password, encrypts and decrypts, and so
 * sees what a secret says. In the store it is a secret like any other. docs/sharing.md, "Managed mode".
 */
import { scrypt } from "node:crypto";
import { fromBase64Url, toBase64Url } from "../core/base64.ts";
import { type Bytes, concat, fromUtf8, randomBytes, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { type CostlyScrypt, openUnderPassphrase, sealUnderPassphrase } from "../core/passphrase.ts";
import { ID_LENGTH, PROOF_LENGTH } from "../core/share/keys.ts";
import type { ApiContext, Outcome } from "./api.ts";
import { readBytes } from "./body.ts";
import { parseTtl } from "./flags.ts";
import { nothingHere, refused, requireAllowed, requireCreated, sha256 } from "./rules.ts";
import { Turns } from "./turns.ts";

/** What it works with. */
export interface ManagedContext extends ApiContext {
  /** Where people reach it: `https://host`. */
  readonly origin: string;
}

/** Bytes that a secret may have here: what is encrypted fits into a record. */
export const MANAGED_BYTES = 256_000;
const PASSWORD_LENGTH = 16;
const DEFAULT_TTL = 86_400;
const PREFIX = "crypto:managed:v1:";
const OPENING = /^crypto:managed:v1:([\w-]{43})(?: ([!-~]{16,128}))?\s*$/;
/** Bytes of what opens a secret. */
const MAX_OPENING = 256;
const BYTES_THEMSELVES = "send the bytes themselves: curl --data-binary @FILE";
/** Bytes that go out at a time. */
const PIECE = 16_384;

/** scrypt in a thread of its own: the one that serves goes on. */
const threadedScrypt: CostlyScrypt = (password, salt, { logN, r, p }) => {
  const options = { N: 2 ** logN, r, p, maxmem: 2 ** (logN + 11) };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, options, (error, key) => {
      error ? reject(error) : resolve(new Uint8Array(key));
    });
  });
};

/** By what a managed secret is opened. */
interface Opening {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 16 random bytes. */
  readonly password: Bytes;
  /** By what a taker names itself, if it does. */
  readonly taker?: string | undefined;
}

/** The managed mode of a server. */
export class Managed {
  readonly #turns = new Turns();

  constructor(
    private readonly context: ManagedContext,
    private readonly scrypt: CostlyScrypt = threadedScrypt,
  ) {}

  /** What is told to who looks. */
  get usage(): string {
    const url = `${this.context.origin}/managed`;
    return [
      `curl --data-binary @FILE '${url}?ttl=1d'`,
      "prints a line that opens it once, within ttl (30m, 12h, 7d).",
      "This server sees what is sent here. `crypto share send` keeps it from it.",
      "",
    ].join("\n");
  }

  /** Keeps what was sent, and answers with the line that opens it. @throws {CryptoError} */
  async keep(request: Request, client: string): Promise<Outcome> {
    const { store, allowed, clock } = this.context;
    const ttl = ttlOf(new URL(request.url).searchParams) ?? Math.min(DEFAULT_TTL, allowed.ttl);
    requireNoForm(request);
    const plaintext = await readBytes(request, MANAGED_BYTES);
    if (plaintext.length === 0) throw new CryptoError("share_empty", { hint: BYTES_THEMSELVES });
    const [id, password] = [randomBytes(ID_LENGTH), randomBytes(PASSWORD_LENGTH)];
    const body = await this.#turns.take(() => {
      return sealUnderPassphrase(toBase64Url(password), plaintext, this.#options(id));
    });
    const terms = { kind: "secret", ttl, views: 1, size: body.length } as const;
    requireAllowed(terms, allowed);
    const hashes = {
      linkProofHash: sha256(password),
      receiptHash: sha256(randomBytes(PROOF_LENGTH)),
    };
    requireCreated((await store.create({ id, ...hashes, ...terms, client }, body, clock())).state);
    const opening = PREFIX + toBase64Url(concat(id, password));
    return { status: 201, text: `curl ${this.context.origin}/managed/open -d ${opening}\n` };
  }

  /**
   * Reads by what a secret is to be opened.
   * @returns what gives it to who comes first. The hash of the password is compared before anything
   * else: a wrong one costs no scrypt, waits for none, and changes nothing.
   * @throws {CryptoError}, like what is returned
   */
  async readOpening(request: Request): Promise<() => Promise<Outcome>> {
    const opening = parseOpening(await readBytes(request, MAX_OPENING));
    return () => this.#give(opening);
  }

  async #give(opening: Opening): Promise<Outcome> {
    const { store, clock } = this.context;
    const seen = await store.look(opening.id, sha256(opening.password), clock());
    if (seen.state === "unknown") throw nothingHere();
    // Who has a name may have taken it before. Nobody else need wait to be refused.
    if (seen.state !== "live" && opening.taker === undefined) throw refused(seen);
    return { stream: await this.#turns.take(() => this.#take(opening)) };
  }

  async #take({ id, password, taker }: Opening): Promise<ReadableStream<Bytes>> {
    const { store, clock } = this.context;
    const claimTokenHash = sha256(taker === undefined ? randomBytes(PROOF_LENGTH) : utf8(taker));
    const claim = { id, linkProofHash: sha256(password), claimTokenHash };
    const taken = await store.take(claim, clock());
    if (taken === "wrong_passphrase") throw nothingHere();
    if (taken.state !== "live") throw refused(taken);
    const plaintext = await openUnderPassphrase(
      toBase64Url(password),
      taken.body!,
      this.#options(id),
    );
    // Who has a name may ask again until the claim ends. Nobody else can ask for it: it is erased.
    return streamed(plaintext, async () => {
      if (taker === undefined) await store.acknowledge(id, claimTokenHash, clock());
    });
  }

  #options(id: Bytes) {
    return { use: "managed-share", context: id, scrypt: this.scrypt } as const;
  }
}

function ttlOf(query: URLSearchParams): number | undefined {
  const names = [...query.keys()];
  if (names.length === 0) return undefined;
  try {
    if (names.join() === "ttl") return parseTtl(query.get("ttl")!);
  } catch {
    // It is no lifetime.
  }
  const hint = "a lifetime is such as ?ttl=30m, 12h or 7d: from 1m to 30d";
  throw new CryptoError("invalid_params", { subject: "ttl", hint });
}

/** A form of several parts would be kept with its headers, which nobody means. */
function requireNoForm(request: Request): void {
  if (!request.headers.get("content-type")?.startsWith("multipart/")) return;
  throw new CryptoError("invalid_params", { subject: "content-type", hint: BYTES_THEMSELVES });
}

function parseOpening(bytes: Bytes): Opening {
  try {
    const [, token = "", taker] = OPENING.exec(fromUtf8(bytes))!;
    const all = fromBase64Url(token);
    return { id: all.slice(0, ID_LENGTH), password: all.slice(ID_LENGTH), taker };
  } catch {
    throw new CryptoError("bad_link", { hint: `send all of ${PREFIX}…, as it was printed` });
  }
}

/** Bytes as they are asked for. @param sent is done after the last was taken */
function streamed(bytes: Bytes, sent: () => Promise<void>): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at < bytes.length) return controller.enqueue(bytes.slice(at, at += PIECE));
      controller.close();
      await sent();
    },
  }, { highWaterMark: 0 });
}
