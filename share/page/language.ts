/** The languages of this page. */
import { de } from "./texts/de.ts";
import { en, type Texts } from "./texts/en.ts";

export type { Texts };
export { formatDuration, formatSize, formatWhen } from "../../core/page/language.ts";

/** All of them; the first is for whoever reads none. */
export const LANGUAGES: readonly [Texts, ...Texts[]] = [en, de];
