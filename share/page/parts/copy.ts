/** Things to be copied. */
import { button, element, inLanguage, type Wording } from "../dom.ts";
import { announce } from "../frame.ts";
import { field } from "./form.ts";

/**
 * A line of which is shown what there is room for, with a button that copies it.
 * @param isMain whether that is what a view is for
 */
export function copyField(
  label: Wording,
  value: string,
  { hint, isMain = false }: { readonly hint?: Wording; readonly isMain?: boolean } = {},
): HTMLElement {
  const input = element("input", { readonly: true, spellcheck: "false", class: "copied" });
  input.value = value;
  input.addEventListener("focus", () => input.select());
  const made = field(label, input, hint);
  const row = element("div", { class: "row" });
  input.replaceWith(row);
  row.append(input, copyButton(label, value, isMain));
  return made;
}

/** A button that copies a text, as it is to the last byte. */
export function copyButton(label: Wording, value: string, isMain: boolean): HTMLElement {
  let done = false;
  const made = button(undefined, async () => {
    done = await copy(value);
    if (done) announce((t) => t.copied);
    else failure.replaceChildren(element("span", {}, (t) => t.copyFailed));
    tell();
  }, { class: isMain ? "primary" : "secondary", "aria-label": (t) => t.copy(label(t)) });
  const failure = element("span", { role: "alert", class: "hint" });
  const tell = inLanguage((t) => made.textContent = done ? t.copied : t.copyShort);
  return element("span", { class: "copying" }, made, failure);
}

async function copy(text: string): Promise<boolean> {
  return await navigator.clipboard.writeText(text).then(() => true, () => false);
}
