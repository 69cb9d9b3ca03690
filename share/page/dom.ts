/** Making elements. What comes from elsewhere becomes text and nothing else. */
import { preferred, type Texts } from "./language.ts";

/** A text in whichever language is chosen. */
export type Wording = (texts: Texts) => string;
/** A string is data and stays as it is. */
export type Child = Node | string | Wording | undefined;
type Attributes = Readonly<Record<string, string | boolean | Wording | undefined>>;

let texts = preferred(navigator.languages);
const bound: ((texts: Texts) => void)[] = [];

/**
 * Does something now, and again whenever another language is chosen.
 * @returns what does it once more
 */
export function inLanguage(tell: (texts: Texts) => void): () => void {
  bound.push(tell);
  tell(texts);
  return () => tell(texts);
}

/** The language that is chosen. */
export function currentTexts(): Texts {
  return texts;
}

/** Tells all that is shown in another language. Nothing is made anew: what was typed stays. */
export function chooseLanguage(chosen: Texts): void {
  texts = chosen;
  for (const tell of bound) tell(texts);
}

/** A mark: what is told from here on is forgotten by {@link forget}. */
export function mark(): number {
  return bound.length;
}

/** Forgets what was bound after a mark, because it is shown no more. */
export function forget(from: number): void {
  bound.length = from;
}

/** An element. Attributes that are functions, and children, are told in the language chosen. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  append(made, children);
  return made;
}

function setAttribute(to: Element, name: string, value: Attributes[string]): void {
  if (typeof value === "function") inLanguage((texts) => to.setAttribute(name, value(texts)));
  else if (typeof value === "string") to.setAttribute(name, value);
  else to.toggleAttribute(name, value ?? false);
}

/** Adds children to an element. */
export function append(to: Element, children: readonly Child[]): void {
  for (const child of children) if (child !== undefined) to.append(nodeOf(child));
}

function nodeOf(child: Exclude<Child, undefined>): Node {
  if (typeof child !== "function") return typeof child === "string" ? new Text(child) : child;
  const text = new Text();
  inLanguage((texts) => text.data = child(texts));
  return text;
}

let ids = 0;

/** An id that nothing else has. */
export function newId(): string {
  return `id${++ids}`;
}

/** A button that does something. */
export function button(label: Child, act: () => unknown, attributes: Attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", () => void act());
  return made;
}
