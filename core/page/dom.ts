/** Making elements in a browser. What comes from elsewhere becomes text and nothing else. */

/** A text in whichever language is chosen; `T` is what a page says in each of its languages. */
export type Wording<T> = (texts: T) => string;
/** A string is data and stays as it is. */
export type Child<T> = Node | string | Wording<T> | undefined;
/** `true` sets an attribute without a value. */
export type Attributes<T> = Readonly<Record<string, string | boolean | Wording<T> | undefined>>;

let ids = 0;

/** An id that nothing else has. */
export function newId(): string {
  return `id${++ids}`;
}

/** One page's elements, all told in one language. Its functions may be taken out of it. */
export class Dom<T> {
  readonly #bound: ((texts: T) => void)[] = [];

  constructor(private texts: T) {}

  /**
   * Does something now, and again whenever another language is chosen.
   * @returns what does it once more
   */
  readonly inLanguage = (tell: (texts: T) => void): () => void => {
    this.#bound.push(tell);
    tell(this.texts);
    return () => tell(this.texts);
  };

  /** The language that is chosen. */
  readonly currentTexts = (): T => this.texts;

  /** Tells all that is shown in another language. Nothing is made anew: what was typed stays. */
  readonly chooseLanguage = (chosen: T): void => {
    this.texts = chosen;
    for (const tell of this.#bound) tell(chosen);
  };

  /** A mark: what is told from here on is forgotten by {@link forget}. */
  readonly mark = (): number => this.#bound.length;

  /** Forgets what was bound after a mark, because it is shown no more. */
  readonly forget = (from: number): void => {
    this.#bound.length = from;
  };

  /** An element. Attributes that are functions, and children, are told in the language chosen. */
  readonly element = <K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes: Attributes<T> = {},
    ...children: readonly Child<T>[]
  ): HTMLElementTagNameMap[K] => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) this.#set(made, name, value);
    this.append(made, children);
    return made;
  };

  #set(to: Element, name: string, value: Attributes<T>[string]): void {
    if (typeof value === "function") this.inLanguage((t) => to.setAttribute(name, value(t)));
    else if (typeof value === "string") to.setAttribute(name, value);
    else to.toggleAttribute(name, value ?? false);
  }

  /** Adds children to an element. */
  readonly append = (to: Element, children: readonly Child<T>[]): void => {
    for (const child of children) if (child !== undefined) to.append(this.#nodeOf(child));
  };

  #nodeOf(child: Exclude<Child<T>, undefined>): Node {
    if (typeof child !== "function") return typeof child === "string" ? new Text(child) : child;
    const text = new Text();
    this.inLanguage((texts) => text.data = child(texts));
    return text;
  }

  /** A button that does something. */
  readonly button = (
    label: Child<T>,
    act: () => unknown,
    attributes: Attributes<T> = {},
  ): HTMLButtonElement => {
    const made = this.element("button", { type: "button", ...attributes }, label);
    made.addEventListener("click", () => void act());
    return made;
  };
}
