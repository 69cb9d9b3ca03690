/** Sharing a text or files. */
import { element, type Wording } from "../dom.ts";
import { leave, show } from "../frame.ts";
import { formatDuration, formatSize } from "../language.ts";
import { Chooser } from "../parts/chooser.ts";
import { Choice, Complaint, field, form, submit, whileBusy } from "../parts/form.ts";
import { limitedSelect } from "../parts/limited.ts";
import { linkOrigin } from "../place.ts";
import { ask } from "../work/ask.ts";
import { serverLimits } from "../work/limits.ts";
import type { Chosen } from "../../../core/page/chooser.ts";
import { failureOf, inOneLine } from "./problem.ts";
import { showSent } from "./sent.ts";

/** Lifetimes to choose from, in seconds. */
const LIFETIMES = [3_600, 86_400, 259_200, 604_800, 2_592_000] as const;
const DAY = 86_400;
const MOST_VIEWS = 100;
const LONGEST_PASSPHRASE = 4_096;

/** Where one of the lifetimes is chosen that the server takes. @param usual seconds */
export function lifetimeSelect(usual: number): HTMLSelectElement {
  return limitedSelect({
    values: LIFETIMES,
    usual,
    name: (seconds) => (t) => formatDuration(t, seconds),
    most: ({ ttl }) => ttl,
  });
}

/** A form. */
export function showSend(): void {
  leave();
  const chooser = new Chooser();
  const terms = new Terms();
  const complaint = new Complaint();
  const made: HTMLFormElement = form(
    async () => {
      complaint.clear();
      const sendable = chooser.chosen;
      if (!sendable || !terms.areFine) return;
      try {
        await send(made, sendable, terms, chooser.size);
      } catch (error) {
        complaint.say(wordsFor(error));
      }
    },
    chooser.element,
    terms.element,
    complaint.element,
    element("p", { class: "actions" }, submit((t) => t.send.submit)),
  );
  show((t) => t.send.title, element("p", { class: "lead" }, (t) => t.send.lead), made);
}

function wordsFor(error: unknown): Wording {
  if (!(error instanceof TooLarge)) return inOneLine(failureOf(error));
  return (t) => t.send.tooLarge(formatSize(t, error.most));
}

/** More than the server takes, even without what encryption adds. */
class TooLarge extends Error {
  /** @param most bytes */
  constructor(readonly most: number) {
    super();
  }
}

async function send(
  form: HTMLFormElement,
  sendable: Chosen,
  terms: Terms,
  size: number,
): Promise<void> {
  const { views, protection } = terms;
  const sent = await whileBusy(form, (t) => t.send.working, async (onMoved) => {
    const limits = await serverLimits();
    if (limits && size > limits.size) throw new TooLarge(limits.size);
    // Not before: what was preselected may be more than the server takes.
    const { ttl } = terms;
    const code = protection === "code" ? await ask("code", {}) : undefined;
    const passphrase = code ?? (protection === "passphrase" ? terms.passphrase : undefined);
    const asked = { ...sendable, origin: linkOrigin(), ttl, views, passphrase };
    return { ...await ask("send", asked, onMoved), code };
  });
  showSent({ ...sent, views, protection }, showSend);
}

/** What opens a secret. */
export type Protection = "link" | "code" | "passphrase";

/** How long, how often and with what it can be opened. */
class Terms {
  readonly element: HTMLElement;
  readonly #ttl = lifetimeSelect(DAY);
  readonly #views = element("input", {
    type: "number",
    min: "1",
    max: String(MOST_VIEWS),
    value: "1",
    inputmode: "numeric",
  });
  readonly #passphrase = element("input", { type: "password", autocomplete: "new-password" });
  readonly #passphraseField = field((t) => t.send.passphraseLabel, this.#passphrase);
  readonly #complaint = new Complaint();
  readonly #protection = new Choice<Protection>({
    legend: (t) => t.send.protect,
    options: [
      { value: "link", label: (t) => t.send.link, hint: (t) => t.send.linkHint },
      { value: "code", label: (t) => t.send.code, hint: (t) => t.send.codeHint },
      { value: "passphrase", label: (t) => t.send.passphrase, hint: (t) => t.send.passphraseHint },
    ],
    onChange: (value) => this.#passphraseField.hidden = value !== "passphrase",
    className: "choices",
  });

  #mostViews = MOST_VIEWS;

  constructor() {
    void serverLimits().then((limits) => {
      if (limits) this.#views.max = String(this.#mostViews = limits.views);
    });
    this.#passphraseField.hidden = true;
    this.element = element(
      "div",
      { class: "terms" },
      this.#protection.element,
      this.#passphraseField,
      element(
        "div",
        { class: "columns" },
        field((t) => t.send.ttl, this.#ttl),
        field((t) => t.send.views, this.#views),
      ),
      this.#complaint.element,
    );
  }

  get ttl(): number {
    return Number(this.#ttl.value);
  }

  get views(): number {
    return this.#views.valueAsNumber;
  }

  get protection(): Protection {
    return this.#protection.value;
  }

  get passphrase(): string {
    return this.#passphrase.value;
  }

  /** Whether they can be asked for; says what is wrong otherwise. */
  get areFine(): boolean {
    this.#complaint.clear();
    const { views, passphrase } = this;
    if (!Number.isInteger(views) || views < 1 || views > this.#mostViews) {
      this.#complaint.say((t) => t.send.badViews(this.#mostViews), this.#views);
      return false;
    }
    const isUsable = passphrase.length > 0 && passphrase.length <= LONGEST_PASSPHRASE &&
      passphrase.isWellFormed();
    if (this.protection !== "passphrase" || isUsable) return true;
    this.#complaint.say((t) => t.send.noPassphrase, this.#passphrase);
    return false;
  }
}
