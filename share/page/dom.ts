/** Elements that say what this page says. */
import * as page from "../../core/page/dom.ts";
import { preferred } from "../../core/page/language.ts";
import { LANGUAGES, type Texts } from "./language.ts";

export { newId } from "../../core/page/dom.ts";
export type Wording = page.Wording<Texts>;
export type Child = page.Child<Texts>;

export const dom: page.Dom<Texts> = new page.Dom<Texts>(preferred(LANGUAGES, navigator.languages));
export const { append, button, currentTexts, element, inLanguage } = dom;
