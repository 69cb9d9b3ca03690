/** Reading what PEM texts hold into objects of OpenSSL's, which their reader frees. */
import type { Bytes } from "../core/bytes.ts";
import type { OpenSsl } from "./openssl.ts";

/** An object of OpenSSL's: certificate, list or key. */
export type Handle = Deno.PointerObject;

const EMPTY_PASSPHRASE = new Uint8Array(1);

/** What a text in PEM holds of one kind. To be freed by the caller. */
export type ReadPem = "PEM_read_bio_X509" | "PEM_read_bio_X509_CRL" | "PEM_read_bio_PrivateKey";

/**
 * All objects of one kind, in their order. A key under a passphrase is none: nobody is asked.
 */
export function readPem(ssl: OpenSsl, pem: Bytes, read: ReadPem): Handle[] {
  const objects: Handle[] = [];
  withText(ssl, pem, (bio) => {
    for (let one; (one = ssl[read](bio, null, null, EMPTY_PASSPHRASE));) objects.push(one);
  });
  // The end of the text is an error of OpenSSL's.
  ssl.ERR_clear_error();
  return objects;
}

function withText(ssl: OpenSsl, text: Bytes, use: (bio: Handle) => void): void {
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
