/** Where somebody puts what is to be worked on. */
import * as page from "../../../../core/page/chooser.ts";
import { dom, frame } from "../dom.ts";
import type { Texts } from "../language.ts";

/** A text or files. @param textLabel what a text is called */
export class Chooser extends page.Chooser<Texts> {
  constructor(textLabel: (texts: Texts) => string) {
    super({ dom, frame, words: (t) => ({ ...t.chooser, textLabel: textLabel(t) }) });
  }
}
