/** The keys that somebody may use, with their versions. */
import { Complaint } from "../../../../core/page/form.ts";
import { formatWhen } from "../../../../core/page/language.ts";
import type { KeyInfo } from "../../../../core/rpc.ts";
import { ask } from "../ask.ts";
import { dom, element, leave, secondary, show } from "../dom.ts";
import { inOneLine } from "../parts/problem.ts";

/** Shows them. */
export function showKeys(): void {
  leave();
  const complaint = new Complaint(dom);
  const place = element("div", { "aria-live": "polite" });
  ask("about", {}).then(({ keys }) => place.replaceChildren(...keys.map(tableOf)))
    .catch((error) => complaint.say(inOneLine(error)));
  show(
    (t) => t.keys.title,
    element("p", { class: "lead" }, (t) => t.keys.lead),
    complaint.element,
    place,
    element("p", { class: "actions" }, secondary((t) => t.keys.refresh, showKeys)),
  );
}

function tableOf({ name, purpose, encrypts, versions }: KeyInfo): HTMLElement {
  const heads = [
    element("th", { scope: "col" }, (t) => t.keys.version),
    element("th", { scope: "col" }, (t) => t.keys.state),
    element("th", { scope: "col" }, (t) => t.keys.id),
    element("th", { scope: "col" }, (t) => t.keys.created),
  ];
  const rows = versions.map((one) => {
    const state = one.state === "active" && one.version === encrypts ? "encrypts" : one.state;
    return element(
      "tr",
      {},
      element("td", {}, String(one.version)),
      element("td", {}, (t) => t.keys.states[state]),
      element("td", {}, element("code", {}, one.id)),
      element("td", {}, (t) => formatWhen(t, Date.parse(one.created))),
    );
  });
  return element(
    "section",
    {},
    element("h2", {}, element("bdi", {}, name)),
    element("p", { class: "hint" }, (t) => t.keys.purposes[purpose] ?? purpose),
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows.reverse()),
    ),
  );
}
