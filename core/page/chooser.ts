/** Where somebody puts what is to be worked on: a text, or files by button, drop and paste. */
import { safeName } from "../share/names.ts";
import { type Dom, newId, type Wording } from "./dom.ts";
import { Choice, Complaint, Forms } from "./form.ts";
import type { Frame, FrameTexts } from "./frame.ts";
import { formatSize } from "./language.ts";

/** What is said of choosing. */
export interface ChooserTexts {
  readonly what: string;
  readonly text: string;
  readonly files: string;
  readonly textLabel: string;
  readonly drop: string;
  readonly choose: string;
  readonly chosen: string;
  readonly remove: (name: string) => string;
  readonly added: (count: string) => string;
  readonly noFolders: string;
  readonly nothing: string;
  readonly badText: string;
}

/** A text or files. */
export interface Chosen {
  readonly text?: string | undefined;
  readonly files: readonly File[];
}

/** The page that a chooser is on. */
export interface ChooserPage<T extends FrameTexts> {
  readonly dom: Dom<T>;
  readonly frame: Pick<Frame<T>, "announce" | "untilLeft">;
  readonly words: (texts: T) => ChooserTexts;
}

/** A text or files. */
export class Chooser<T extends FrameTexts> {
  readonly element: HTMLElement;
  readonly #complaint: Complaint<T>;
  readonly #kind: Choice<"text" | "files", T>;
  readonly #text: HTMLTextAreaElement;
  readonly #input: HTMLInputElement;
  readonly #list: HTMLElement;
  readonly #textPanel: HTMLElement;
  readonly #filesPanel: HTMLElement;
  #files: readonly File[] = [];

  constructor(private readonly page: ChooserPage<T>) {
    const { dom, words } = page;
    const { element } = dom;
    this.#complaint = new Complaint(dom);
    this.#text = element("textarea", { rows: "7", spellcheck: "false" });
    const attributes = { type: "file", multiple: true, class: "unseen", id: newId() };
    this.#input = element("input", attributes);
    this.#list = element("ul", { class: "files", "aria-label": (t) => words(t).chosen });
    this.#textPanel = new Forms(dom).field((t) => words(t).textLabel, this.#text);
    this.#filesPanel = this.#dropZone();
    this.#kind = new Choice(dom, {
      legend: (t) => words(t).what,
      options: [
        { value: "text", label: (t) => words(t).text },
        { value: "files", label: (t) => words(t).files },
      ],
      onChange: () => this.#showPanel(),
      className: "segments",
    });
    const panels = [this.#kind.element, this.#textPanel, this.#filesPanel, this.#complaint.element];
    this.element = element("div", { class: "chooser" }, ...panels);
    this.#listen();
    this.#showPanel();
  }

  /** What was put in; undefined, after a word about it, if there is nothing that can be used. */
  get chosen(): Chosen | undefined {
    const text = this.#text.value;
    const isText = this.#kind.value === "text";
    const isEmpty = isText ? text === "" : this.#files.length === 0;
    if (isEmpty || (isText && !text.isWellFormed())) {
      const { words } = this.page;
      const wording: Wording<T> = (t) => isEmpty ? words(t).nothing : words(t).badText;
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
    const { dom: { element }, words } = this.page;
    const { id } = this.#input;
    const choose = element("label", { for: id, class: "secondary" }, (t) => words(t).choose);
    const said = element("p", {}, (t) => words(t).drop);
    const zone = element("div", { class: "drop" }, said, this.#input, choose);
    return element("div", { class: "field" }, zone, this.#list);
  }

  #showPanel(): void {
    this.#textPanel.hidden = this.#kind.value !== "text";
    this.#filesPanel.hidden = this.#kind.value !== "files";
    this.#complaint.clear();
  }

  #listen(): void {
    const options = { signal: this.page.frame.untilLeft() };
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
    const { words } = this.page;
    if (isFolder.includes(true)) this.#complaint.say((t) => words(t).noFolders);
  }

  #add(files: readonly File[]): void {
    if (files.length === 0) return;
    this.#kind.value = "files";
    this.#show([...this.#files, ...files]);
  }

  #show(files: readonly File[]): void {
    const { frame, words } = this.page;
    this.#files = files;
    this.#list.replaceChildren(...files.map((file) => this.#item(file)));
    frame.announce((t) => words(t).added(String(files.length)));
  }

  #item(file: File): HTMLElement {
    const { dom: { button, element }, words } = this.page;
    const name = safeName(file.name);
    const remove = button("×", () => {
      this.#show(this.#files.filter((other) => other !== file));
      this.#input.focus();
    }, { class: "quiet", "aria-label": (t) => words(t).remove(name) });
    const size = element("span", { class: "hint" }, (t) => formatSize(t, file.size));
    return element("li", {}, element("bdi", { class: "name" }, name), size, remove);
  }
}
