/** Reading what PEM texts hold into objects of OpenSSL's. */
import type { Bytes } from "../core/bytes.ts";
import type { EitherSsl, OpenSsl } from "./openssl.ts";

/** An object of OpenSSL's: certificate, list or key. */
export type Handle = Deno.PointerObject;

const EMPTY_PASSPHRASE = new Uint8Array(1);

/** What reads the objects of one kind, and what frees them. */
const FREE = {
  PEM_read_bio_X509: "X509_free",
  PEM_read_bio_X509_CRL: "X509_CRL_free",
  PEM_read_bio_PrivateKey: "EVP_PKEY_free",
} as const satisfies Partial<Record<keyof OpenSsl, keyof OpenSsl>>;

/** What a text in PEM holds of one kind. */
export type ReadPem = keyof typeof FREE;

/** OpenSSL with what reading one kind takes. */
type Reader<R extends ReadPem> = EitherSsl & Pick<OpenSsl, R | (typeof FREE)[R]>;

/**
 * Reads all objects of one kind, in their order, uses them and frees them: OpenSSL counts for itself
 * what it keeps. A key under a passphrase is none: nobody is asked.
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
  try {
    withText(ssl, pem, (bio) => {
      for (let one; (one = read(bio, null, null, EMPTY_PASSPHRASE));) objects.push(one);
    });
    return use(objects);
  } finally {
    for (const one of objects) free(one);
    // The end of the text is an error of OpenSSL's, too.
    ssl.ERR_clear_error();
  }
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
