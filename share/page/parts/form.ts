/** Parts of forms: every control has a label, every complaint says to which it belongs. */
import { button, type Child, element, newId, type Wording } from "../dom.ts";
import type { Moved } from "../work/deeds.ts";

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** A control with its label, and a hint. */
export function field(label: Wording, control: Control, hint?: Wording): HTMLElement {
  control.id = newId();
  const labelled = element("label", { for: control.id }, label);
  if (!hint) return element("div", { class: "field" }, labelled, control);
  const hinted = element("p", { id: newId(), class: "hint" }, hint);
  control.setAttribute("aria-describedby", hinted.id);
  return element("div", { class: "field" }, labelled, hinted, control);
}

/** One of some values. */
export function select<T extends number>(
  values: readonly T[],
  chosen: T,
  name: (value: T) => Wording,
): HTMLSelectElement {
  const options = values.map((value) => {
    return element("option", { value: String(value), selected: value === chosen }, name(value));
  });
  return element("select", {}, ...options);
}

/** A way among some. */
export interface Option<T extends string> {
  readonly value: T;
  readonly label: Wording;
  readonly hint?: Wording;
}

/** Radio buttons. The first is chosen. */
export class Choice<T extends string> {
  readonly element: HTMLFieldSetElement;
  readonly #inputs: readonly HTMLInputElement[];

  constructor(
    legend: Wording,
    private readonly options: readonly Option<T>[],
    private readonly onChange: (value: T) => void,
    className: string,
  ) {
    const name = newId();
    this.#inputs = options.map(({ value }, i) => {
      return element("input", { type: "radio", name, value, id: newId(), checked: i === 0 });
    });
    const rows = options.map((option, i) => this.#row(option, this.#inputs[i]!));
    this.element = element(
      "fieldset",
      { class: className },
      element("legend", {}, legend),
      ...rows,
    );
    this.element.addEventListener("change", () => onChange(this.value));
  }

  #row({ label, hint }: Option<T>, input: HTMLInputElement): HTMLElement {
    const labelled = element("label", { for: input.id }, label);
    if (!hint) return element("div", { class: "option" }, input, labelled);
    const hinted = element("p", { id: newId(), class: "hint" }, hint);
    input.setAttribute("aria-describedby", hinted.id);
    return element("div", { class: "option" }, input, labelled, hinted);
  }

  get value(): T {
    return this.options[this.#inputs.findIndex(({ checked }) => checked)]!.value;
  }

  set value(value: T) {
    this.#inputs[this.options.findIndex((option) => option.value === value)]!.checked = true;
    this.onChange(value);
  }
}

/** Says what is wrong in a form. */
export class Complaint {
  readonly element: HTMLParagraphElement = element("p", { class: "complaint", role: "alert" });
  #field: HTMLElement | undefined;

  constructor() {
    this.element.id = newId();
  }

  /** Says it, of a field if it is one's, which then has the focus. */
  say(wording: Wording, field?: HTMLElement): void {
    this.clear();
    this.element.replaceChildren(element("span", {}, wording));
    this.#field = field;
    field?.setAttribute("aria-invalid", "true");
    field?.setAttribute("aria-errormessage", this.element.id);
    field?.focus();
  }

  clear(): void {
    this.element.replaceChildren();
    this.#field?.removeAttribute("aria-invalid");
    this.#field?.removeAttribute("aria-errormessage");
  }
}

/** A form that does something of its own. */
export function form(act: () => unknown, ...children: readonly Child[]): HTMLFormElement {
  const made = element("form", { novalidate: true, autocomplete: "off" }, ...children);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    void act();
  });
  return made;
}

/** The button that a form is for. */
export function submit(label: Wording): HTMLButtonElement {
  return element("button", { type: "submit", class: "primary" }, label);
}

/** A button that is not what a view is for. */
export function secondary(label: Wording, act: () => unknown): HTMLButtonElement {
  return button(label, act, { class: "secondary" });
}

/** Does what takes a while in a form's place, tells how far it is, and asks before it is left. */
export async function whileBusy<T>(
  form: HTMLElement,
  label: Wording,
  work: (onMoved: (moved: Moved) => void) => Promise<T>,
): Promise<T> {
  const bar = element("progress", { "aria-label": label });
  const busy = element("div", { class: "busy", tabindex: "-1" }, element("p", {}, label), bar);
  const stay = guardLeaving();
  form.after(busy);
  form.hidden = true;
  busy.focus();
  try {
    return await work(({ done, total }) => {
      bar.max = total;
      bar.value = done;
    });
  } finally {
    stay.abort();
    form.hidden = false;
    busy.remove();
  }
}

/** Has the browser ask before this page is left, until it is aborted. */
export function guardLeaving(): AbortController {
  const guard = new AbortController();
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener("beforeunload", ask, { signal: guard.signal });
  return guard;
}
