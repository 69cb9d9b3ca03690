/** What a sender gets: the link, perhaps a code, and the receipt. */
import { element } from "../dom.ts";
import { leave, show } from "../frame.ts";
import { formatWhen } from "../language.ts";
import { copyField } from "../parts/copy.ts";
import { secondary } from "../parts/form.ts";
import { qrCode } from "../parts/qr.ts";
import type { Kept } from "../work/deeds.ts";
import { showReceipt } from "./receipt.ts";
import type { Protection } from "./send.ts";

/** What was sent, and how. */
export interface Sent extends Kept {
  readonly link: string;
  readonly code?: string | undefined;
  readonly views: number;
  readonly protection: Protection;
}

/** Shows it once: nothing of it is kept. @param again what leads to the next */
export function showSent(
  { link, code, receipt, expires, views, protection }: Sent,
  again: () => void,
): void {
  leave();
  show(
    (t) => t.sent.title,
    element("p", { class: "lead" }, (t) => t.sent.until(t.times(views), formatWhen(t, expires))),
    copyField((t) => t.sent.link, link, { isMain: true }),
    code === undefined ? undefined : copyField((t) => t.sent.code, code, {
      hint: (t) => t.sent.codeHint,
    }),
    protection === "link" ? element("p", { class: "note" }, (t) => t.sent.mailHint) : undefined,
    qrCode((t) => t.sent.qr, link),
    receiptField({ receipt, expires }),
    element("p", { class: "actions" }, secondary((t) => t.sent.again, again)),
  );
}

/** The receipt, and the way to what it shows. */
export function receiptField({ receipt }: Kept): HTMLElement {
  return element(
    "section",
    { class: "receipt" },
    copyField((t) => t.sent.receipt, receipt, { hint: (t) => t.sent.receiptHint }),
    secondary((t) => t.sent.look, () => showReceipt(receipt)),
  );
}
