/** Choosing a key, among those that the daemon's policy allows. */
import type { Complaint } from "../../../../core/page/form.ts";
import type { KeyInfo } from "../../../../core/rpc.ts";
import { ask } from "../ask.ts";
import { element, field, select } from "../dom.ts";
import type { Texts } from "../language.ts";
import type { Way } from "../../wire.ts";
import { inOneLine } from "./problem.ts";

/** Whether a key is for that: some authenticate only, some have no version left that encrypts. */
function isFitting(way: Way, { purpose, disabled, encrypts }: KeyInfo): boolean {
  return purpose !== "mac" && !disabled && (way === "decrypt" || encrypts !== undefined);
}

/** A choice of keys, which come when the daemon has told them. */
export class KeyChoice {
  readonly element: HTMLElement;
  readonly #select: HTMLSelectElement;

  constructor(way: Way, complaint: Complaint<Texts>) {
    this.#select = select([""], "", () => (t) => t[way].anyKey);
    this.element = field((t) => t.key, this.#select, (t) => t[way].keyHint);
    ask("about", {}).then(({ keys }) => {
      const fitting = keys.filter((key) => isFitting(way, key));
      const options = fitting.map(({ name, encrypts }) => {
        const label = encrypts === undefined
          ? name
          : ({ keyVersion }: Texts) => keyVersion(name, encrypts);
        return element("option", { value: name }, label);
      });
      this.#select.append(...options);
    }).catch((error) => complaint.say(inOneLine(error)));
  }

  /** Its name, if one was chosen. */
  get value(): string | undefined {
    return this.#select.value || undefined;
  }
}
