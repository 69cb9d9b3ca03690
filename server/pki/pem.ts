/** One thing as a text in PEM (RFC 7468). */
import { type Bytes, fromUtf8, utf8 } from "../../core/bytes.ts";

/** @param label such as `CERTIFICATE` */
export function pem(label: string, bytes: Bytes): Bytes {
  const lines = bytes.toBase64().replaceAll(/.{64}(?=.)/g, "$&\n");
  return utf8(`-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`);
}

/** What such a text holds. */
export function unpem(text: Bytes): Bytes {
  return Uint8Array.fromBase64(fromUtf8(text).replaceAll(/-----[^-]+-----/g, ""));
}
