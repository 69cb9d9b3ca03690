/** Things to be copied. */
import type { Dom, Wording } from "./dom.ts";
import { Forms } from "./form.ts";

/** What is said of copying. */
export interface CopyTexts {
  readonly copy: (what: string) => string;
  readonly copyShort: string;
  readonly copied: string;
  readonly copyFailed: string;
}

/** Fields and buttons of one page that copy. Its functions may be taken out of it. */
export class Copies<T extends CopyTexts> {
  readonly #forms: Forms<T>;

  /** @param announce tells somebody who does not see it */
  constructor(private readonly dom: Dom<T>, private readonly announce: (w: Wording<T>) => void) {
    this.#forms = new Forms(dom);
  }

  /**
   * A line of which is shown what there is room for, with a button that copies it.
   * @param isMain whether that is what a view is for
   */
  readonly copyField = (
    label: Wording<T>,
    value: string,
    { hint, isMain = false }: { readonly hint?: Wording<T>; readonly isMain?: boolean } = {},
  ): HTMLElement => {
    const { element } = this.dom;
    const input = element("input", { readonly: true, spellcheck: "false", class: "copied" });
    input.value = value;
    input.addEventListener("focus", () => input.select());
    const made = this.#forms.field(label, input, hint);
    const row = element("div", { class: "row" });
    input.replaceWith(row);
    row.append(input, this.copyButton(label, value, isMain));
    return made;
  };

  /** A button that copies a text, as it is to the last byte. */
  readonly copyButton = (label: Wording<T>, value: string, isMain: boolean): HTMLElement => {
    const { button, element, inLanguage } = this.dom;
    let done = false;
    const made = button(undefined, async () => {
      done = await copy(value);
      if (done) this.announce((t) => t.copied);
      else failure.replaceChildren(element("span", {}, (t) => t.copyFailed));
      tell();
    }, { class: isMain ? "primary" : "secondary", "aria-label": (t) => t.copy(label(t)) });
    const failure = element("span", { role: "alert", class: "hint" });
    const tell = inLanguage((t) => made.textContent = done ? t.copied : t.copyShort);
    return element("span", { class: "copying" }, made, failure);
  };
}

async function copy(text: string): Promise<boolean> {
  return await navigator.clipboard.writeText(text).then(() => true, () => false);
}
