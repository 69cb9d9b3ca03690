/** Choosing a key, among those that the daemon's policy allows. */
import type { Complaint } from "../../../../core/page/form.ts";
import { ask } from "../ask.ts";
import { element, field, select } from "../dom.ts";
import type { Texts } from "../language.ts";
import type { Way } from "../../wire.ts";
import { inOneLine } from "./problem.ts";

/** A choice of keys, which come when the daemon has told them. */
export class KeyChoice {
  readonly element: HTMLElement;
  readonly #select: HTMLSelectElement;

  constructor(way: Way, complaint: Complaint<Texts>) {
    this.#select = select([""], "", () => (t) => t[way].anyKey);
    this.element = field((t) => t.key, this.#select, (t) => t[way].keyHint);
    ask("about", {}).then(({ keys }) => {
      for (const { name, versions } of keys) {
        const label = (t: Texts) => t.keyVersion(name, versions.length);
        this.#select.append(element("option", { value: name }, label));
      }
    }).catch((error) => complaint.say(inOneLine(error)));
  }

  /** Its name, if one was chosen. */
  get value(): string | undefined {
    return this.#select.value || undefined;
  }
}
