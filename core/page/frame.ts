/** What is around every view: heading, navigation, languages, and where things are announced. */
import { type Child, type Dom, newId, type Wording } from "./dom.ts";
import type { Language } from "./language.ts";

/** What is said around every view. */
export interface FrameTexts extends Language {
  readonly title: string;
  readonly skip: string;
  readonly pages: string;
  readonly chooseLanguage: string;
}

/** What a frame has. */
export interface FrameOptions<T> {
  readonly languages: readonly T[];
  /** Fragments of addresses, and what they lead to; the first is where somebody begins. */
  readonly places: readonly (readonly [place: `#${string}`, label: Wording<T>])[];
  readonly footer: Wording<T>;
}

/** The frame of one page. Its functions may be taken out of it. */
export class Frame<T extends FrameTexts> {
  readonly #main: HTMLElement;
  readonly #live: HTMLElement;
  readonly #links: readonly HTMLAnchorElement[];
  #start = 0;
  #ending = new AbortController();

  constructor(private readonly dom: Dom<T>, private readonly options: FrameOptions<T>) {
    const { element } = dom;
    this.#main = element("main", { id: "main" });
    this.#live = element("p", { role: "status", class: "unseen" });
    this.#links = options.places.map(([place, label]) => {
      return element("a", { href: `/${place}` }, label);
    });
  }

  /** Puts the frame into the page. @param again what to do when somebody asks for where they are */
  readonly build = (again: () => void): void => {
    const { element, inLanguage } = this.dom;
    for (const link of this.#links) {
      link.addEventListener("click", () => {
        if (link.href === location.href) again();
      });
    }
    const home = `/${this.options.places[0]![0]}`;
    const brand = element("a", { href: home, class: "brand" }, (t) => t.title);
    const navigation = element("nav", { "aria-label": (t) => t.pages }, ...this.#links);
    const footer = element("footer", {}, element("p", {}, this.options.footer));
    const header = element("header", {}, brand, navigation, this.#languages());
    document.body.replaceChildren(this.#skip(), header, this.#main, footer, this.#live);
    inLanguage(({ locale }) => document.documentElement.lang = locale);
    this.#start = this.dom.mark();
  };

  #skip(): HTMLElement {
    const skip = this.dom.element("a", { href: "#main", class: "skip" }, (t) => t.skip);
    // Going there is not to change the address, which may be a link.
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      this.#main.querySelector("h1")?.focus();
    });
    return skip;
  }

  #languages(): HTMLElement {
    const { element, currentTexts, chooseLanguage } = this.dom;
    const id = newId();
    const options = this.options.languages.map(({ locale, language }) => {
      return element("option", { value: locale, lang: locale }, language);
    });
    const select = element("select", { id }, ...options);
    select.value = currentTexts().locale;
    select.addEventListener("change", () => {
      chooseLanguage(this.options.languages[select.selectedIndex]!);
    });
    const label = element("label", { for: id, class: "unseen" }, (t) => t.chooseLanguage);
    return element("div", { class: "language" }, label, select);
  }

  /** Shows a view instead of the one before. Its heading gets the focus, unless it is the first. */
  readonly show = (title: Wording<T>, ...content: readonly Child<T>[]): void => {
    const isFirst = !this.#main.hasChildNodes();
    const heading = this.dom.element("h1", { tabindex: "-1" }, title);
    this.#main.replaceChildren(heading);
    this.dom.append(this.#main, content);
    this.dom.inLanguage((texts) => document.title = `${title(texts)} · ${texts.title}`);
    scrollTo(0, 0);
    if (!isFirst) heading.focus();
  };

  /** Ends the view that is shown: what it listened to and what it is called. Comes before the next. */
  readonly leave = (): void => {
    this.dom.forget(this.#start);
    this.#live.replaceChildren();
    this.#ending.abort();
    this.#ending = new AbortController();
    const { places } = this.options;
    for (const [i, [place]] of places.entries()) {
      const isHere = location.pathname === "/" && (location.hash || places[0]![0]) === place;
      if (isHere) this.#links[i]!.setAttribute("aria-current", "page");
      else this.#links[i]!.removeAttribute("aria-current");
    }
  };

  /** Aborted when the view that is shown now ends. */
  readonly untilLeft = (): AbortSignal => this.#ending.signal;

  /** Tells somebody who does not see it. */
  readonly announce = (wording: Wording<T>): void => {
    this.#live.replaceChildren(new Text(wording(this.dom.currentTexts())));
  };
}
