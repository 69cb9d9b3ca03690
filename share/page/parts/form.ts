/** Forms of this page. */
import * as page from "../../../core/page/form.ts";
import { dom } from "../dom.ts";
import type { Texts } from "../language.ts";

export { guardLeaving } from "../../../core/page/form.ts";
export const { field, form, secondary, select, submit, whileBusy } = new page.Forms(dom);

/** Radio buttons. */
export class Choice<V extends string> extends page.Choice<V, Texts> {
  constructor(asked: page.ChoiceOptions<V, Texts>) {
    super(dom, asked);
  }
}

/** Says what is wrong in a form. */
export class Complaint extends page.Complaint<Texts> {
  constructor() {
    super(dom);
  }
}
