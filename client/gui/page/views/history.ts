/** What has been done from this page. */
import { formatSize, formatWhen } from "../../../../core/page/language.ts";
import { element, leave, secondary, show } from "../dom.ts";
import { type Deed, forgetDeeds, noted } from "../done.ts";

/** Shows it. */
export function showHistory(): void {
  leave();
  const deeds = noted();
  const isEmpty = deeds.length === 0;
  show(
    (t) => t.history.title,
    element("p", { class: "lead" }, (t) => isEmpty ? t.history.empty : t.history.lead),
    isEmpty ? undefined : tableOf(deeds),
    isEmpty ? undefined : element(
      "p",
      { class: "actions" },
      secondary((t) => t.history.forget, () => {
        forgetDeeds();
        showHistory();
      }),
    ),
  );
}

function tableOf(deeds: readonly Deed[]): HTMLElement {
  const heads = [
    element("th", { scope: "col" }, (t) => t.history.when),
    element("th", { scope: "col" }, (t) => t.history.what),
    element("th", { scope: "col" }, (t) => t.history.content),
  ];
  const rows = deeds.map(({ when, what, name, size, key }) => {
    const subject = name === undefined
      ? element("span", {}, (t) => t.chooser.text)
      : element("bdi", {}, name);
    return element(
      "tr",
      {},
      element("td", {}, (t) => formatWhen(t, when)),
      element("td", {}, (t) => t.history.deeds[what], key === undefined ? undefined : ` (${key})`),
      element("td", {}, subject, (t) => `, ${formatSize(t, size)}`),
    );
  });
  return element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows),
  );
}
