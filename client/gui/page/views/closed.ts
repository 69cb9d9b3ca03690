/** When the server of this window has ended, or never knew this page. */
import { element, leave, show } from "../dom.ts";

/** Shows it. */
export function showClosed(): void {
  leave();
  show((t) => t.closed.title, element("p", { class: "lead" }, (t) => t.closed.lead));
}
