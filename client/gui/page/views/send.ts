/** Sending as a link, through the share server that the program was told. */
import type { Chosen } from "../../../../core/page/chooser.ts";
import { Choice, Complaint } from "../../../../core/page/form.ts";
import { formatDuration, formatWhen } from "../../../../core/page/language.ts";
import type { Sent } from "../../wire.ts";
import { ask, sendBytes } from "../ask.ts";
import {
  copyField,
  dom,
  element,
  field,
  form,
  leave,
  secondary,
  select,
  show,
  submit,
  whileBusy,
} from "../dom.ts";
import { note } from "../done.ts";
import type { Texts } from "../language.ts";
import { Chooser } from "../parts/chooser.ts";
import { inOneLine } from "../parts/problem.ts";

const DAY = 86_400;
/** Seconds. */
const LIFETIMES = [3_600, DAY, 7 * DAY, 30 * DAY];

/** Shows the form. */
export function showSend(): void {
  leave();
  const chooser = new Chooser((t) => t.send.textLabel);
  const complaint = new Complaint(dom);
  const ttl = select(LIFETIMES, DAY, (seconds) => (t) => formatDuration(t, seconds));
  const protection = new Choice<"link" | "code", Texts>(dom, {
    legend: (t) => t.send.protect,
    options: [
      { value: "link", label: (t) => t.send.link, hint: (t) => t.send.linkHint },
      { value: "code", label: (t) => t.send.code, hint: (t) => t.send.codeHint },
    ],
    onChange: () => {},
    className: "choices",
  });
  const made: HTMLFormElement = form(
    async () => {
      complaint.clear();
      const { chosen } = chooser;
      if (!chosen) return;
      try {
        const terms = { ttl: Number(ttl.value), code: protection.value === "code" };
        showSent(
          await whileBusy(made, (t) => t.send.working, (onMoved) => {
            return send(chosen, terms, onMoved);
          }),
        );
      } catch (error) {
        complaint.say(inOneLine(error));
      }
    },
    chooser.element,
    protection.element,
    field((t) => t.send.ttl, ttl),
    complaint.element,
    element("p", { class: "actions" }, submit((t) => t.send.submit)),
  );
  const server = element("bdi", {});
  ask("about", {}).then((about) => server.textContent = about.server)
    .catch((error) => complaint.say(inOneLine(error)));
  const where = element("p", { class: "hint" }, (t) => t.send.server, " ", server);
  show((t) => t.send.title, element("p", { class: "lead" }, (t) => t.send.lead), where, made);
}

async function send(
  { text, files }: Chosen,
  terms: { readonly ttl: number; readonly code: boolean },
  onMoved: Parameters<typeof sendBytes>[2],
): Promise<Sent> {
  const bytes = new Blob(text === undefined ? [...files] : [text]);
  const named = files.map(({ name, type, size }) => ({ name: name.toWellFormed(), type, size }));
  const content = text === undefined ? { files: named } : {};
  const job = { do: "send", size: bytes.size, ...content, ...terms } as const;
  const sent = await sendBytes(job, bytes, onMoved);
  const name = text === undefined ? files.map(({ name }) => name).join(", ") : undefined;
  note({ what: "send", name, size: bytes.size });
  return sent;
}

function showSent({ link, code, receipt, expires }: Sent): void {
  leave();
  show(
    (t) => t.sent.title,
    element("p", { class: "lead" }, (t) => t.sent.until(formatWhen(t, expires))),
    copyField((t) => t.sent.link, link, { isMain: true }),
    code === undefined
      ? element("p", { class: "note" }, (t) => t.sent.mailHint)
      : copyField((t) => t.sent.code, code, { hint: (t) => t.sent.codeHint }),
    copyField((t) => t.sent.receipt, receipt, { hint: (t) => t.sent.receiptHint }),
    element("p", { class: "actions" }, secondary((t) => t.again, showSend)),
  );
}
