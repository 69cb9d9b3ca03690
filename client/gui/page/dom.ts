/** Elements that say what this page says, and the frame around them. */
import { Copies } from "../../../core/page/copy.ts";
import * as page from "../../../core/page/dom.ts";
import { Forms } from "../../../core/page/form.ts";
import { Frame } from "../../../core/page/frame.ts";
import { preferred } from "../../../core/page/language.ts";
import { LANGUAGES, type Texts } from "./language.ts";

export type Wording = page.Wording<Texts>;
export type Child = page.Child<Texts>;

export const dom: page.Dom<Texts> = new page.Dom<Texts>(preferred(LANGUAGES, navigator.languages));
export const { currentTexts, element } = dom;
export const { field, form, secondary, select, submit, whileBusy } = new Forms(dom);

export const frame: Frame<Texts> = new Frame<Texts>(dom, {
  languages: LANGUAGES,
  places: [
    ["#encrypt", (t) => t.encrypt.nav],
    ["#decrypt", (t) => t.decrypt.nav],
    ["#send", (t) => t.send.nav],
    ["#keys", (t) => t.keys.nav],
    ["#history", (t) => t.history.nav],
  ],
  footer: (t) => t.footer,
});
export const { leave, show } = frame;
export const { copyButton, copyField } = new Copies(dom, frame.announce);
