/** What was inside: a text is shown as text, files can be saved and nothing else. */
import { button, type Child, element, type Wording } from "../dom.ts";
import { announce, leave, show, untilLeft } from "../frame.ts";
import { formatSize } from "../language.ts";
import { copyButton } from "../parts/copy.ts";
import { guardLeaving } from "../parts/form.ts";
import type { Opened, OpenedFile } from "../work/deeds.ts";

/** Controls but for the end of a line and tabs; what is not shown; what turns the direction. */
const INVISIBLE = /(?![\n\r\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Shows it. */
export function showOpened({ text, files, erased }: Opened): void {
  leave();
  const content = text === undefined ? filesOf(files) : textOf(text);
  const end: Wording = (t) => erased ? t.opened.erased : t.opened.notErased;
  show(
    (t) => text === undefined ? t.opened.files : t.opened.text,
    ...content,
    element("p", { class: "hint" }, end),
  );
}

function textOf(text: string): Child[] {
  const shown = element("pre", {
    tabindex: "0",
    role: "region",
    dir: "auto",
    "aria-label": (t) => t.opened.content,
  }, text);
  if (text === "") return [element("p", { class: "lead" }, (t) => t.opened.empty)];
  const isPlain = !INVISIBLE.test(text);
  return [
    element("p", { class: "lead" }, (t) => t.opened.keepText),
    isPlain ? undefined : element("p", { class: "warning" }, (t) => t.opened.invisible),
    shown,
    element("p", { class: "actions" }, copyButton((t) => t.opened.text, text, true)),
  ];
}

function filesOf(files: readonly OpenedFile[]): Child[] {
  const unsaved = new Set(files.filter(({ blob }) => blob));
  const guard = guardLeaving();
  untilLeft().addEventListener("abort", () => guard.abort());
  const onSaved = (file: OpenedFile) => {
    unsaved.delete(file);
    if (unsaved.size === 0) guard.abort();
  };
  const isSaved = unsaved.size === 0;
  if (isSaved) guard.abort();
  const items = files.map((file) => item(file, () => onSaved(file)));
  return [
    element("p", { class: "lead" }, (t) => isSaved ? t.opened.inFolder : t.opened.keepFiles),
    element("ul", { class: "files" }, ...items),
    element("p", { class: "hint" }, (t) => t.opened.nameHint),
  ];
}

function item({ name, size, blob }: OpenedFile, onSaved: () => void): HTMLElement {
  const shown = element("bdi", { class: "name" }, name);
  const amount = element("span", { class: "hint" }, (t) => formatSize(t, size));
  if (!blob) return element("li", {}, shown, amount);
  const save = button((t) => t.opened.save, () => {
    download(name, blob);
    onSaved();
    announce((t) => t.opened.saved);
  }, { class: "secondary", "aria-label": (t) => t.opened.saveFile(name) });
  return element("li", {}, shown, amount, save);
}

/** Has the browser save it: as bytes, under a safe name, never shown. */
function download(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = element("a", { href: url, download: name });
  link.click();
  // The browser takes the bytes over when it has begun; a minute is enough for that.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
