/** Sending what comes as a stream: for a program that has no file to name. */
import { formatLink } from "../../core/share/link.ts";
import { formatReceipt } from "../../core/share/receipt.ts";
import type { Sending, SentLink } from "../../core/share/sending.ts";
import { ShareApi } from "./api.ts";
import { sendSecret } from "./send.ts";

/** Sends it. @throws {CryptoError} what the server says */
export async function sendStream(
  { origin, storage, files, length, read, ...options }: Sending,
): Promise<SentLink> {
  const manifest = files ? { kind: "files", files } as const : { kind: "text" } as const;
  const api = new ShareApi(origin, { storage });
  const { secret, id, receipt, expires } = await sendSecret(
    api,
    { manifest, length, read },
    options,
  );
  return { link: formatLink(origin, secret), receipt: formatReceipt({ id, receipt }), expires };
}
