/** What is around every view of this page. */
import { Frame } from "../../core/page/frame.ts";
import { dom } from "./dom.ts";
import { LANGUAGES } from "./language.ts";

export const { announce, build, leave, show, untilLeft } = new Frame(dom, {
  languages: LANGUAGES,
  places: [
    ["#send", (t) => t.send.nav],
    ["#request", (t) => t.request.nav],
    ["#receipt", (t) => t.receipt.nav],
  ],
  footer: (t) => `${t.footer} ${t.theNetwork}`,
});
