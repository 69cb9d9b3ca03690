/** Asking somebody for a secret. */
import { element } from "../dom.ts";
import { leave, show } from "../frame.ts";
import { formatSize, formatWhen } from "../language.ts";
import { copyField } from "../parts/copy.ts";
import { Complaint, field, form, secondary, submit, whileBusy } from "../parts/form.ts";
import { limitedSelect } from "../parts/limited.ts";
import { qrCode } from "../parts/qr.ts";
import { linkOrigin } from "../place.ts";
import { ask } from "../work/ask.ts";
import type { Results } from "../work/deeds.ts";
import { serverLimits } from "../work/limits.ts";
import { failureOf, inOneLine } from "./problem.ts";
import { lifetimeSelect } from "./send.ts";

const WEEK = 604_800;
/** Largest answers to choose from, in bytes. */
const SIZES = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000] as const;
const USUAL_SIZE = 100_000_000;

/** A form. */
export function showRequest(): void {
  leave();
  const ttl = lifetimeSelect(WEEK);
  const size = limitedSelect({
    values: SIZES,
    usual: USUAL_SIZE,
    name: (bytes) => (t) => formatSize(t, bytes),
    most: ({ room }) => room,
  });
  const complaint = new Complaint();
  const made: HTMLFormElement = form(
    async () => {
      complaint.clear();
      try {
        showRequested(
          await whileBusy(made, (t) => t.request.working, async () => {
            await serverLimits();
            const terms = { ttl: Number(ttl.value), size: Number(size.value) };
            return await ask("request", { origin: linkOrigin(), ...terms });
          }),
        );
      } catch (error) {
        complaint.say(inOneLine(failureOf(error)));
      }
    },
    element(
      "div",
      { class: "columns" },
      field((t) => t.request.ttl, ttl),
      field((t) => t.request.size, size),
    ),
    complaint.element,
    element("p", { class: "actions" }, submit((t) => t.request.submit)),
  );
  show((t) => t.request.title, element("p", { class: "lead" }, (t) => t.request.lead), made);
}

function showRequested({ link, ownLink, expires }: Results["request"]): void {
  leave();
  show(
    (t) => t.request.madeTitle,
    element("p", { class: "lead" }, (t) => t.request.until(formatWhen(t, expires))),
    copyField((t) => t.request.link, link, { hint: (t) => t.request.linkHint, isMain: true }),
    qrCode((t) => t.sent.qr, link),
    copyField((t) => t.request.ownLink, ownLink, { hint: (t) => t.request.ownLinkHint }),
    element("p", { class: "actions" }, secondary((t) => t.request.again, showRequest)),
  );
}
