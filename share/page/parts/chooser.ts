/** Where somebody puts what is to be sent: a text, or files by button, drop and paste. */
import { safeName } from "../../../core/share/names.ts";
import { button, element, newId, type Wording } from "../dom.ts";
import { announce, untilLeft } from "../frame.ts";
import { formatSize } from "../language.ts";
import type { Sendable } from "../work/deeds.ts";
import { Choice, Complaint, field } from "./form.ts";

/** A text or files. */
export class Chooser {
  readonly element: HTMLElement;
  readonly #complaint = new Complaint();
  readonly #kind: Choice<"text" | "files">;
  readonly #text = element("textarea", { rows: "7", spellcheck: "false" });
  readonly #input = element("input", {
    type: "file",
    multiple: true,
    class: "unseen",
    id: newId(),
  });
  readonly #list = element("ul", { class: "files", "aria-label": (t) => t.send.chosen });
  readonly #textPanel = field((t) => t.send.textLabel, this.#text);
  readonly #filesPanel = this.#dropZone();
  #files: readonly File[] = [];

  constructor() {
    this.#kind = new Choice(
      (t) => t.send.what,
      [
        { value: "text", label: (t) => t.send.text },
        { value: "files", label: (t) => t.send.files },
      ],
      () => this.#showPanel(),
      "segments",
    );
    const panels = [this.#kind.element, this.#textPanel, this.#filesPanel, this.#complaint.element];
    this.element = element("div", { class: "chooser" }, ...panels);
    this.#listen();
    this.#showPanel();
  }

  /** What was put in; undefined, after a word about it, if there is nothing that can be sent. */
  get sendable(): Sendable | undefined {
    const text = this.#text.value;
    const isText = this.#kind.value === "text";
    const isEmpty = isText ? text === "" : this.#files.length === 0;
    if (isEmpty || (isText && !text.isWellFormed())) {
      const wording: Wording = (t) => isEmpty ? t.send.nothing : t.send.badText;
      return void this.#complaint.say(wording, isText ? this.#text : this.#input);
    }
    this.#complaint.clear();
    return isText ? { text, files: [] } : { files: this.#files };
  }

  /** Bytes of it all. */
  get size(): number {
    if (this.#kind.value === "files") return this.#files.reduce((sum, { size }) => sum + size, 0);
    return new TextEncoder().encode(this.#text.value).length;
  }

  #dropZone(): HTMLElement {
    const { id } = this.#input;
    const choose = element("label", { for: id, class: "secondary" }, (t) => t.send.choose);
    const words = element("p", {}, (t) => t.send.drop);
    const zone = element("div", { class: "drop" }, words, this.#input, choose);
    return element("div", { class: "field" }, zone, this.#list);
  }

  #showPanel(): void {
    this.#textPanel.hidden = this.#kind.value !== "text";
    this.#filesPanel.hidden = this.#kind.value !== "files";
    this.#complaint.clear();
  }

  #listen(): void {
    const options = { signal: untilLeft() };
    this.#input.addEventListener("change", () => {
      this.#add([...this.#input.files ?? []]);
      this.#input.value = "";
    });
    addEventListener("dragover", (event) => event.preventDefault(), options);
    addEventListener("drop", (event) => {
      event.preventDefault();
      this.#addDropped(event.dataTransfer);
    }, options);
    addEventListener("paste", (event) => {
      const { files, types = [] } = event.clipboardData ?? {};
      // Tables and the like come as a picture, too: in the text they are wanted as text.
      const isForText = event.target === this.#text && types.includes("text/plain");
      if (isForText || !files?.length) return;
      event.preventDefault();
      this.#add([...files]);
    }, options);
  }

  /** A folder looks like a file that cannot be read: it is told from one here. */
  #addDropped(transfer: DataTransfer | null): void {
    const items = [...transfer?.items ?? []].filter(({ kind }) => kind === "file");
    const isFolder = items.map((item) => item.webkitGetAsEntry()?.isDirectory === true);
    const files = items.map((item) => item.getAsFile());
    this.#add(files.filter((file, i): file is File => file !== null && !isFolder[i]));
    if (isFolder.includes(true)) this.#complaint.say((t) => t.send.noFolders);
  }

  #add(files: readonly File[]): void {
    if (files.length === 0) return;
    this.#kind.value = "files";
    this.#show([...this.#files, ...files]);
  }

  #show(files: readonly File[]): void {
    this.#files = files;
    this.#list.replaceChildren(...files.map((file) => this.#item(file)));
    announce((t) => t.send.added(String(files.length)));
  }

  #item(file: File): HTMLElement {
    const name = safeName(file.name);
    const remove = button("×", () => {
      this.#show(this.#files.filter((other) => other !== file));
      this.#input.focus();
    }, { class: "quiet", "aria-label": (t) => t.send.remove(name) });
    const size = element("span", { class: "hint" }, (t) => formatSize(t, file.size));
    return element("li", {}, element("bdi", { class: "name" }, name), size, remove);
  }
}
