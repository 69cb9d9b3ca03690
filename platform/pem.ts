/** Reading what PEM texts hold into objects of OpenSSL's. */
import type { Bytes } from "../core/bytes.ts";
import type { EitherSsl, OpenSsl } from "./openssl.ts";

/** An object of OpenSSL's: certificate, list or key. */
export type Handle = Deno.PointerObject;

const EMPTY_PASSPHRASE = new Uint8Array(1);
/** The end of a text: PEM_R_NO_START_LINE of ERR_LIB_PEM, whose number is in bits 23 to 30. */
const NO_MORE = 9n << 23n | 108n;

/** What reads the objects of one kind, and what frees them. */
const FREE = {
  PEM_read_bio_X509: "X509_free",
  PEM_read_bio_X509_CRL: "X509_CRL_free",
  PEM_read_bio_PrivateKey: "EVP_PKEY_free",
} as const satisfies Partial<Record<keyof OpenSsl, keyof OpenSsl>>;

/** What a text in PEM holds of one kind. */
export type ReadPem = keyof typeof FREE;

/** A part of a text in PEM that is damaged or cut: what it says is not known. */
export class DamagedPem extends Error {
  constructor() {
    super("a part of the text in PEM is damaged or cut");
  }
}

/** OpenSSL with what reading one kind takes. */
export type Reader<R extends ReadPem> = EitherSsl & Pick<OpenSsl, R | (typeof FREE)[R]>;

/**
 * Reads all objects of one kind, in their order, uses them and frees them: OpenSSL counts for itself
 * what it keeps. A key under a passphrase is none: nobody is asked. What is damaged behind a key is
 * not found out, and changes nothing: one key is used.
 * @throws {DamagedPem} where not all of the text can be read
 */
export function withPem<R extends ReadPem, T>(
  ssl: Reader<R>,
  pem: Bytes,
  kind: R,
  use: (objects: readonly Handle[]) => T,
): T {
  const read: OpenSsl[ReadPem] = ssl[kind];
  const free: OpenSsl[(typeof FREE)[ReadPem]] = ssl[FREE[kind]];
  const objects: Handle[] = [];
  ssl.ERR_clear_error();
  try {
    withText(ssl, pem, (bio) => {
      for (let one; (one = read(bio, null, null, EMPTY_PASSPHRASE));) objects.push(one);
    });
    const isWhole = isPaired(pem) &&
      (kind === "PEM_read_bio_PrivateKey" || lastError(ssl) === NO_MORE);
    if (!isWhole) throw new DamagedPem();
    return use(objects);
  } finally {
    for (const one of objects) free(one);
    ssl.ERR_clear_error();
  }
}

/** The error that was noted last. Those before it are of what was tried in vain. */
function lastError(ssl: EitherSsl): bigint {
  let last = 0n;
  for (let error; (error = BigInt(ssl.ERR_get_error())) !== 0n;) last = error;
  return last;
}

/** Whether each BEGIN has its END: OpenSSL takes what follows a damaged BEGIN for a comment. */
function isPaired(pem: Bytes): boolean {
  const marks = new TextDecoder("latin1").decode(pem).match(/^-----.*$/gm) ?? [];
  return marks.length % 2 === 0 && marks.every((mark, i) => {
    return mark.startsWith(i % 2 === 0 ? "-----BEGIN " : "-----END ") &&
      mark.trimEnd().endsWith("-----");
  });
}

function withText(ssl: EitherSsl, text: Bytes, use: (bio: Handle) => void): void {
  const bio = ssl.BIO_new(ssl.BIO_s_mem());
  if (!bio) throw new Error("OpenSSL has no memory left");
  try {
    if (ssl.BIO_write(bio, text, text.length) === text.length) use(bio);
  } finally {
    ssl.BIO_free(bio);
  }
}

/** Bytes of OpenSSL's, copied. `length` is what OpenSSL says of them. */
export function copyBytes(ssl: OpenSsl, from: Deno.PointerValue, length: number): Bytes {
  const bytes = new Uint8Array(length);
  const bio = ssl.BIO_new(ssl.BIO_s_mem());
  const copied = ssl.BIO_write_from(bio, from, length) === length &&
    ssl.BIO_read(bio, bytes, length) === length;
  ssl.BIO_free(bio);
  if (!copied) throw new Error("OpenSSL has no memory left");
  return bytes;
}
