/** Encrypting and decrypting: a text is shown, files are saved by the browser. */
import type { Chosen } from "../../../../core/page/chooser.ts";
import { Complaint, type Moved } from "../../../../core/page/form.ts";
import { safeName } from "../../../../core/share/names.ts";
import type { Terms, Way } from "../../wire.ts";
import { ask, passFile } from "../ask.ts";
import {
  copyButton,
  dom,
  element,
  field,
  form,
  leave,
  secondary,
  show,
  submit,
  whileBusy,
} from "../dom.ts";
import { note } from "../done.ts";
import { Chooser } from "../parts/chooser.ts";
import { KeyChoice } from "../parts/keys.ts";
import { inOneLine } from "../parts/problem.ts";

const SUFFIX = ".crypto";
/** What is made of a message whose name does not say what it was. */
const DECRYPTED = ".decrypted";

/** Shows the form of one of the two. */
export function showCrypt(way: Way): void {
  leave();
  const chooser = new Chooser((t) => t[way].textLabel);
  const complaint = new Complaint(dom);
  const key = new KeyChoice(way, complaint);
  const context = element("input", { spellcheck: "false" });
  const made: HTMLFormElement = form(
    async () => {
      complaint.clear();
      const { chosen } = chooser;
      if (!chosen) return;
      try {
        await work(way, made, chosen, { key: key.value, context: context.value || undefined });
      } catch (error) {
        complaint.say(inOneLine(error));
      }
    },
    chooser.element,
    key.element,
    element(
      "details",
      {},
      element("summary", {}, (t) => t.context),
      field((t) => t.contextLabel, context, (t) => t.contextHint),
    ),
    complaint.element,
    element("p", { class: "actions" }, submit((t) => t[way].submit)),
  );
  show((t) => t[way].title, element("p", { class: "lead" }, (t) => t[way].lead), made);
}

async function work(way: Way, form: HTMLElement, chosen: Chosen, terms: Terms): Promise<void> {
  const { text, files } = chosen;
  if (text !== undefined) {
    const result = await whileBusy(form, (t) => t[way].working, () => {
      return ask("text", { do: way, text, ...terms });
    });
    note({ what: way, size: new Blob([text]).size, key: terms.key });
    return showText(way, result.text);
  }
  await whileBusy(form, (t) => t[way].working, (onMoved) => passAll(way, files, terms, onMoved));
  showFiles(way, files);
}

async function passAll(
  way: Way,
  files: readonly File[],
  terms: Terms,
  onMoved: (moved: Moved) => void,
): Promise<void> {
  for (const file of files) {
    const job = { ...terms, do: way, name: nameFor(way, file.name), size: file.size };
    await passFile(job, file, onMoved);
    note({ what: way, name: file.name, size: file.size, key: terms.key });
  }
}

function nameFor(way: Way, name: string): string {
  const plain = safeName(name);
  if (way === "encrypt") return plain + SUFFIX;
  const isNamed = plain.endsWith(SUFFIX) && plain.length > SUFFIX.length;
  return isNamed ? plain.slice(0, -SUFFIX.length) : plain + DECRYPTED;
}

function showText(way: Way, text: string): void {
  leave();
  const attributes = { tabindex: "0", role: "region", dir: "auto" };
  show(
    (t) => t[way].textTitle,
    element("pre", { ...attributes, "aria-label": (t) => t[way].textTitle }, text),
    element(
      "p",
      { class: "actions" },
      copyButton((t) => t[way].textTitle, text, true),
      secondary((t) => t.again, () => showCrypt(way)),
    ),
  );
}

function showFiles(way: Way, files: readonly File[]): void {
  leave();
  // Without a size: that of what was made is not known here, and that of what went in is another.
  const items = files.map(({ name }) => {
    return element("li", {}, element("bdi", { class: "name" }, nameFor(way, name)));
  });
  show(
    (t) => t[way].filesTitle,
    element("p", { class: "lead" }, (t) => t.saved),
    element("ul", { class: "files" }, ...items),
    element("p", { class: "actions" }, secondary((t) => t.again, () => showCrypt(way))),
  );
}
