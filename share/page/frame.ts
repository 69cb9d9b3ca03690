/** What is around every view: heading, navigation, languages, and where things are announced. */
import {
  append,
  type Child,
  chooseLanguage,
  currentTexts,
  element,
  forget,
  inLanguage,
  mark,
  newId,
  type Wording,
} from "./dom.ts";
import { LANGUAGES } from "./language.ts";

const main = element("main", { id: "main" });
const live = element("p", { role: "status", class: "unseen" });
const places = [
  ["#send", (t) => t.send.nav],
  ["#request", (t) => t.request.nav],
  ["#receipt", (t) => t.receipt.nav],
] as const satisfies readonly (readonly [string, Wording])[];
const links = places.map(([place, label]) => element("a", { href: `/${place}` }, label));
let start = 0;
let ending = new AbortController();

/** Puts the frame into the page. @param again what to do when somebody asks for where they are */
export function buildFrame(again: () => void): void {
  for (const link of links) {
    link.addEventListener("click", () => {
      if (link.href === location.href) again();
    });
  }
  const skip = element("a", { href: "#main", class: "skip" }, (t) => t.skip);
  // Going there is not to change the address, which may be a link.
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.querySelector("h1")?.focus();
  });
  const brand = element("a", { href: "/#send", class: "brand" }, (t) => t.title);
  const navigation = element("nav", { "aria-label": (t) => t.pages }, ...links);
  const footer = element("footer", {}, element("p", {}, (t) => `${t.footer} ${t.theNetwork}`));
  const header = element("header", {}, brand, navigation, languages());
  document.body.replaceChildren(skip, header, main, footer, live);
  inLanguage(({ locale }) => document.documentElement.lang = locale);
  start = mark();
}

function languages(): HTMLElement {
  const id = newId();
  const options = LANGUAGES.map(({ locale, language }) => {
    return element("option", { value: locale, lang: locale }, language);
  });
  const select = element("select", { id }, ...options);
  select.value = currentTexts().locale;
  select.addEventListener("change", () => chooseLanguage(LANGUAGES[select.selectedIndex]!));
  const label = element("label", { for: id, class: "unseen" }, (t) => t.chooseLanguage);
  return element("div", { class: "language" }, label, select);
}

/** Shows a view instead of the one before. Its heading gets the focus, unless it is the first. */
export function show(title: Wording, ...content: readonly Child[]): void {
  const isFirst = !main.hasChildNodes();
  const heading = element("h1", { tabindex: "-1" }, title);
  main.replaceChildren(heading);
  append(main, content);
  inLanguage((texts) => document.title = `${title(texts)} · ${texts.title}`);
  scrollTo(0, 0);
  if (!isFirst) heading.focus();
}

/** Ends the view that is shown: what it listened to and what it is called. Comes before the next. */
export function leave(): void {
  forget(start);
  live.replaceChildren();
  ending.abort();
  ending = new AbortController();
  for (const [i, [place]] of places.entries()) {
    const isHere = location.pathname === "/" && (location.hash || "#send") === place;
    if (isHere) links[i]!.setAttribute("aria-current", "page");
    else links[i]!.removeAttribute("aria-current");
  }
}

/** Aborted when the view that is shown now ends. */
export function untilLeft(): AbortSignal {
  return ending.signal;
}

/** Tells somebody who does not see it. */
export function announce(wording: Wording): void {
  live.replaceChildren(new Text(wording(currentTexts())));
}
