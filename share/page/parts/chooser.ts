/** Where somebody puts what is to be sent. */
import * as page from "../../../core/page/chooser.ts";
import { dom } from "../dom.ts";
import { announce, untilLeft } from "../frame.ts";
import type { Texts } from "../language.ts";

/** A text or files. */
export class Chooser extends page.Chooser<Texts> {
  constructor() {
    super({ dom, frame: { announce, untilLeft }, words: (t) => t.send });
  }
}
