/**
 * Whether the certificates and lists that a server goes by can work: it would rather go on with
 * what it had than refuse everybody, or be refused by everybody.
 */
import { readTime } from "./certificate.ts";
import type { OpenSsl } from "./openssl.ts";
import type { Handle } from "./pem.ts";
import { Unfit } from "./tls_context.ts";

/** What a server has loaded. Nothing of it is kept. */
export interface Loaded {
  readonly own: Handle;
  readonly authorities: readonly Handle[];
  /** Undefined where no list is looked for. */
  readonly lists?: readonly Handle[] | undefined;
}

/** From when to when something is good, in milliseconds. */
interface Term {
  readonly from: number;
  readonly until: number;
}

interface Authority {
  readonly name: string;
  readonly term: Term;
  /** Those of the lists that it has signed. */
  readonly lists: readonly Term[] | undefined;
}

/** Something that does not work at some moment. */
interface Problem {
  readonly what: Unfit["what"];
  readonly text: string;
}

const DAY = 86_400_000;
/** X509_PURPOSE_SSL_SERVER. */
const FOR_SERVERS = 2;
const MAX_NAME = 256;

/** What is known of that which is loaded. */
export class Fitness {
  readonly #own: Term;
  readonly #isRevoked: boolean;
  readonly #authorities: readonly Authority[];

  /** @throws {Unfit} for what cannot work now */
  constructor(private readonly ssl: OpenSsl, { own, authorities, lists }: Loaded) {
    if (ssl.X509_check_purpose(own, FOR_SERVERS, 0) !== 1) {
      throw new Unfit("certificate", "it is not for servers: extendedKeyUsage has no serverAuth");
    }
    this.#own = this.#termOf(own);
    this.#isRevoked = lists?.some((list) => this.#isOn(list, own)) ?? false;
    this.#authorities = authorities.map((one) => ({
      name: this.#nameOf(one),
      term: this.#termOf(one),
      lists: lists?.filter((list) => this.#isOf(list, one)).map((list) => this.#termOfList(list)),
    }));
    this.#require(Date.now());
  }

  /** What does not work though other things do, and what will not tomorrow: sentences. */
  warnings(now: number): string[] {
    const problems = this.#problems(now);
    const said = new Set(problems.map(({ text }) => text));
    const coming = this.#problems(now + DAY).filter(({ text }) => !said.has(text));
    return [
      ...problems.map(({ what, text }) => `network.${what}: ${text}`),
      ...coming.map(({ what, text }) => `network.${what}: by this time tomorrow ${text}`),
    ];
  }

  #require(now: number): void {
    const own = stateOf(this.#own, now);
    if (own) throw new Unfit("certificate", `it ${own}`);
    const problems = this.#authorities.map((authority) => problemOf(authority, now));
    const [first] = problems;
    if (first && problems.every(Boolean)) throw new Unfit(first.what, first.text);
  }

  #problems(at: number): Problem[] {
    const own = stateOf(this.#own, at);
    return [
      ...own ? [{ what: "certificate", text: `the server's certificate ${own}` } as const] : [],
      ...this.#isRevoked ? [ON_THE_LIST] : [],
      ...this.#authorities.flatMap((authority) => problemOf(authority, at) ?? []),
    ];
  }

  #termOf(certificate: Handle): Term {
    const { ssl } = this;
    return {
      from: readTime(ssl, ssl.X509_get0_notBefore(certificate)) ?? Infinity,
      until: readTime(ssl, ssl.X509_get0_notAfter(certificate)) ?? 0,
    };
  }

  /** A list need not say until when it is good. */
  #termOfList(list: Handle): Term {
    const { ssl } = this;
    return {
      from: readTime(ssl, ssl.X509_CRL_get0_lastUpdate(list)) ?? Infinity,
      until: readTime(ssl, ssl.X509_CRL_get0_nextUpdate(list)) ?? Infinity,
    };
  }

  #isOf(list: Handle, authority: Handle): boolean {
    const { ssl } = this;
    const [issuer, subject] = [ssl.X509_CRL_get_issuer(list), ssl.X509_get_subject_name(authority)];
    return ssl.X509_NAME_cmp(issuer, subject) === 0 &&
      ssl.X509_CRL_verify(list, ssl.X509_get0_pubkey(authority)) === 1;
  }

  #isOn(list: Handle, certificate: Handle): boolean {
    return this.ssl.X509_CRL_get0_by_cert(list, new Uint8Array(8), certificate) === 1;
  }

  #nameOf(certificate: Handle): string {
    const { ssl } = this;
    const text = new Uint8Array(MAX_NAME);
    ssl.X509_NAME_oneline(ssl.X509_get_subject_name(certificate), text, MAX_NAME);
    return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  }
}

const ON_THE_LIST: Problem = {
  what: "certificate",
  text: "the server's certificate is on the list of revoked ones, at which no client looks: " +
    "issue another",
};

function problemOf({ name, term, lists }: Authority, at: number): Problem | undefined {
  const state = stateOf(term, at);
  if (state) return { what: "ca", text: `the authority ${name} ${state}: its clients are refused` };
  if (!lists || lists.some((list) => stateOf(list, at) === undefined)) return undefined;
  const found = lists.length === 0 ? "is not there" : "is out of date";
  return { what: "revoked", text: `the list of ${name} ${found}: its clients are refused` };
}

function stateOf({ from, until }: Term, at: number): string | undefined {
  if (at < from) return "is not valid yet";
  return at > until ? "has expired" : undefined;
}
