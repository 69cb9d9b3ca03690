import { element } from "../dom.ts";

/** That a link arrived damaged, and what that means. */
export function exposure(): HTMLElement {
  return element("p", { class: "warning" }, (t) => t.reveal.exposed);
}
