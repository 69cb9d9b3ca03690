/** What became of something: with its receipt, or with a requester's own link. */
import { append, type Child, element, type Wording } from "../dom.ts";
import { announce, leave, show } from "../frame.ts";
import { formatSize, formatWhen } from "../language.ts";
import { Complaint, field, form, secondary, submit } from "../parts/form.ts";
import { ask } from "../work/ask.ts";
import type { Questions, Results } from "../work/deeds.ts";
import { failureOf, inOneLine } from "./problem.ts";

type Status = Results["manage"];
type Call = Questions["manage"]["call"];

/** A form, and what it finds. @param receipt what is at hand, which is then looked up */
export function showReceipt(receipt = ""): void {
  leave();
  const input = element("input", { spellcheck: "false", autocomplete: "off" });
  input.value = receipt;
  const complaint = new Complaint();
  const result = element("section", { class: "status" });
  const look = async (call: Call = "status") => {
    complaint.clear();
    if (input.value.trim() === "") return complaint.say((t) => t.receipt.empty, input);
    try {
      const holder = input.value.trim();
      const status = await ask("manage", { call, holder });
      result.replaceChildren();
      append(result, statusOf(status, look));
      announce(DONE[call]);
    } catch (error) {
      result.replaceChildren();
      complaint.say(inOneLine(failureOf(error)), input);
    }
  };
  const find = submit((t) => t.receipt.submit);
  const asked = form(
    () => look(),
    field((t) => t.receipt.label, input),
    complaint.element,
    element("p", { class: "actions" }, find),
  );
  show(
    (t) => t.receipt.title,
    element("p", { class: "lead" }, (t) => t.receipt.lead),
    asked,
    result,
  );
  if (receipt !== "") void look();
}

const DONE: Readonly<Record<Call, Wording>> = {
  status: (t) => t.receipt.updated,
  revoke: (t) => t.receipt.revoked,
  unlock: (t) => t.receipt.unlocked,
};

function statusOf(status: Status, look: (call?: Call) => Promise<unknown>): Child[] {
  const { state, since, created, expires, size, views, attemptsLeft, passphrase } = status;
  const isOver = state === "used" || state === "revoked" || state === "expired";
  const when = (time: number): Wording => (t) => formatWhen(t, time);
  const isPartly = state === "live" && status.taken.length > 0;
  const rows: (readonly [Wording, Child])[] = [
    [(t) => t.receipt.state, (t) => isPartly ? t.receipt.partly : t.receipt.states[state]],
    [(t) => t.receipt.since, when(since)],
    [(t) => t.receipt.openings, openings(status)],
    [(t) => t.receipt.created, when(created)],
    [(t) => t.receipt.expires, when(expires)],
    [(t) => t.receipt.views, String(views)],
    [(t) => t.receipt.size, (t) => formatSize(t, size)],
  ];
  if (passphrase && !isOver) rows.push([(t) => t.receipt.attempts, String(attemptsLeft)]);
  const list = element("dl", { class: `state-${state}` });
  for (const [name, value] of rows) {
    list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  }
  const actions = element(
    "p",
    { class: "actions" },
    secondary((t) => t.receipt.refresh, () => look()),
  );
  if (state === "locked") actions.append(secondary((t) => t.receipt.unlock, () => look("unlock")));
  return [list, actions, isOver ? undefined : revocation(() => look("revoke"))];
}

function openings({ taken }: Status): Child {
  if (taken.length === 0) return (t) => t.receipt.never;
  const items = taken.map(({ at, acknowledged }) => {
    return element("li", {}, (t) => {
      return `${formatWhen(t, at)} (${acknowledged ? t.receipt.received : t.receipt.notReceived})`;
    });
  });
  return element("ul", {}, ...items);
}

/** Asks once more before it is done. */
function revocation(revoke: () => unknown): HTMLElement {
  const sure = element("div", { class: "sure" });
  const first = secondary((t) => t.receipt.revoke, () => {
    first.hidden = true;
    sure.hidden = false;
    yes.focus();
  });
  const yes = secondary((t) => t.receipt.revokeSure, revoke);
  yes.classList.add("danger");
  const no = secondary((t) => t.receipt.keep, () => {
    sure.hidden = true;
    first.hidden = false;
    first.focus();
  });
  const buttons = element("p", { class: "actions" }, yes, no);
  append(sure, [element("p", {}, (t) => t.receipt.revokeHint), buttons]);
  sure.hidden = true;
  return element("div", { class: "revocation" }, first, sure);
}
