/** Parts of forms: every control has a label, every complaint says to which it belongs. */
import { type Child, type Dom, newId, type Wording } from "./dom.ts";

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Bytes that have gone or come. */
export interface Moved {
  readonly done: number;
  readonly total: number;
}

/** Forms of one page. Its functions may be taken out of it. */
export class Forms<T> {
  constructor(private readonly dom: Dom<T>) {}

  /** A control with its label, and a hint. */
  readonly field = (label: Wording<T>, control: Control, hint?: Wording<T>): HTMLElement => {
    const { element } = this.dom;
    control.id = newId();
    const labelled = element("label", { for: control.id }, label);
    if (!hint) return element("div", { class: "field" }, labelled, control);
    const hinted = element("p", { id: newId(), class: "hint" }, hint);
    control.setAttribute("aria-describedby", hinted.id);
    return element("div", { class: "field" }, labelled, hinted, control);
  };

  /** One of some values. */
  readonly select = <V extends string | number>(
    values: readonly V[],
    chosen: V,
    name: (value: V) => Child<T>,
  ): HTMLSelectElement => {
    const options = values.map((value) => {
      const attributes = { value: String(value), selected: value === chosen };
      return this.dom.element("option", attributes, name(value));
    });
    return this.dom.element("select", {}, ...options);
  };

  /** A form that does something of its own. */
  readonly form = (act: () => unknown, ...children: readonly Child<T>[]): HTMLFormElement => {
    const made = this.dom.element("form", { novalidate: true, autocomplete: "off" }, ...children);
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      void act();
    });
    return made;
  };

  /** The button that a form is for. */
  readonly submit = (label: Wording<T>): HTMLButtonElement => {
    return this.dom.element("button", { type: "submit", class: "primary" }, label);
  };

  /** A button that is not what a view is for. */
  readonly secondary = (label: Wording<T>, act: () => unknown): HTMLButtonElement => {
    return this.dom.button(label, act, { class: "secondary" });
  };

  /** Does what takes a while in a form's place, tells how far it is, and asks before it is left. */
  readonly whileBusy = async <R>(
    form: HTMLElement,
    label: Wording<T>,
    work: (onMoved: (moved: Moved) => void) => Promise<R>,
  ): Promise<R> => {
    const { element } = this.dom;
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
  };
}

/** A way among some. */
export interface Option<V extends string, T> {
  readonly value: V;
  readonly label: Wording<T>;
  readonly hint?: Wording<T>;
}

/** What a choice is about, and what becomes of it. */
export interface ChoiceOptions<V extends string, T> {
  readonly legend: Wording<T>;
  readonly options: readonly Option<V, T>[];
  readonly onChange: (value: V) => void;
  readonly className: string;
}

/** Radio buttons. The first is chosen. */
export class Choice<V extends string, T> {
  readonly element: HTMLFieldSetElement;
  readonly #inputs: readonly HTMLInputElement[];

  constructor(private readonly dom: Dom<T>, private readonly asked: ChoiceOptions<V, T>) {
    const name = newId();
    const { legend, options, onChange, className } = asked;
    this.#inputs = options.map(({ value }, i) => {
      return dom.element("input", { type: "radio", name, value, id: newId(), checked: i === 0 });
    });
    const rows = options.map((option, i) => this.#row(option, this.#inputs[i]!));
    const title = dom.element("legend", {}, legend);
    this.element = dom.element("fieldset", { class: className }, title, ...rows);
    this.element.addEventListener("change", () => onChange(this.value));
  }

  #row({ label, hint }: Option<V, T>, input: HTMLInputElement): HTMLElement {
    const { element } = this.dom;
    const labelled = element("label", { for: input.id }, label);
    if (!hint) return element("div", { class: "option" }, input, labelled);
    const hinted = element("p", { id: newId(), class: "hint" }, hint);
    input.setAttribute("aria-describedby", hinted.id);
    return element("div", { class: "option" }, input, labelled, hinted);
  }

  get value(): V {
    return this.asked.options[this.#inputs.findIndex(({ checked }) => checked)]!.value;
  }

  set value(value: V) {
    const { options, onChange } = this.asked;
    this.#inputs[options.findIndex((option) => option.value === value)]!.checked = true;
    onChange(value);
  }
}

/** Says what is wrong in a form. */
export class Complaint<T> {
  readonly element: HTMLParagraphElement;
  #field: HTMLElement | undefined;

  constructor(private readonly dom: Dom<T>) {
    this.element = dom.element("p", { class: "complaint", role: "alert", id: newId() });
  }

  /** Says it, of a field if it is one's, which then has the focus. */
  say(wording: Wording<T>, field?: HTMLElement): void {
    this.clear();
    this.element.replaceChildren(this.dom.element("span", {}, wording));
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

/** Has the browser ask before this page is left, until it is aborted. */
export function guardLeaving(): AbortController {
  const guard = new AbortController();
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener("beforeunload", ask, { signal: guard.signal });
  return guard;
}
