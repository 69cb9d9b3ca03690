/** Opening what is behind a link: nothing is taken before somebody says so. */
import { append, element, type Wording } from "../dom.ts";
import { leave, show, untilLeft } from "../frame.ts";
import { formatSize, formatWhen } from "../language.ts";
import { exposure } from "../parts/exposure.ts";
import { Complaint, field, form, secondary, submit, whileBusy } from "../parts/form.ts";
import { repairAddress } from "../place.ts";
import { ask } from "../work/ask.ts";
import type { Results } from "../work/deeds.ts";
import { lookAtRequest } from "./answer.ts";
import { showOpened } from "./opened.ts";
import { failureOf, inOneLine, showProblem } from "./problem.ts";

type Seen = Results["look"];
/** Attempts that there are at first. */
const ATTEMPTS = 10;
/** From this many bytes on a folder is offered: what is smaller came with one answer. */
const LARGE = 262_144;
/** What somebody may try once more, with the same claim. */
const AGAIN: readonly string[] = [
  "share_unreachable",
  "share_failed",
  "share_storage",
  "too_many_requests",
  "io",
];

/** Says what is behind a link, or why nothing is. */
export async function showLink(link: string): Promise<void> {
  leave();
  const left = untilLeft();
  show((t) => t.reveal.title, element("p", { class: "lead" }, (t) => t.reveal.looking));
  try {
    const { kind, exposed } = await ask("read", { link });
    if (exposed) repairAddress();
    const showIt = kind === "request"
      ? await lookAtRequest(link, exposed)
      : await lookAt({ link, exposed, isOwn: kind === "own" });
    if (!left.aborted) showIt();
  } catch (error) {
    if (!left.aborted) showProblem(failureOf(error), () => showLink(link));
  }
}

interface Found {
  readonly link: string;
  readonly exposed: boolean;
  /** Whether it is the answer to a request of one's own. */
  readonly isOwn: boolean;
}

async function lookAt(found: Found): Promise<() => void> {
  const seen = await ask("look", { link: found.link });
  return () => showSeen(found, seen);
}

function showSeen({ link, exposed, isOwn }: Found, seen: Seen): void {
  leave();
  const secret = seen.passphrase ? new SecretField(seen.attemptsLeft) : undefined;
  const complaint = new Complaint();
  const open = async (folder?: FileSystemDirectoryHandle) => {
    complaint.clear();
    const passphrase = secret?.input.value;
    if (passphrase === "") return complaint.say((t) => t.reveal.empty, secret?.input);
    try {
      showOpened(
        await whileBusy(made, (t) => t.reveal.working, async (onMoved) => {
          return await ask("open", { link, passphrase, folder }, onMoved);
        }),
      );
    } catch (error) {
      await complain(error, { link, complaint, secret });
    }
  };
  const made = form(
    () => open(),
    secret?.element,
    complaint.element,
    element("p", { class: "actions" }, submit((t) => t.reveal.open)),
    seen.size > LARGE ? intoFolder(open) : undefined,
  );
  show(
    (t) => isOwn ? t.own.title : t.reveal.title,
    exposed ? exposure() : undefined,
    element("p", { class: "lead" }, onceOrMore(isOwn, seen.views)),
    element("p", {}, (t) => t.reveal.seen(formatSize(t, seen.size), formatWhen(t, seen.expires))),
    made,
  );
}

function onceOrMore(isOwn: boolean, views: number): Wording {
  if (isOwn) return (t) => t.own.once;
  return (t) => views === 1 ? t.reveal.once : t.reveal.many(t.times(views));
}

/** Where a code or passphrase is typed. */
class SecretField {
  readonly input: HTMLInputElement = element("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
  });
  readonly #left = element("p", { class: "hint" });
  readonly element: HTMLElement = field(
    (t) => t.reveal.codeLabel,
    this.input,
    (t) => t.reveal.codeHint,
  );

  constructor(attempts: number) {
    this.element.append(this.#left);
    this.left = attempts;
  }

  set left(attempts: number) {
    this.#left.replaceChildren();
    if (attempts < ATTEMPTS) append(this.#left, [(t) => t.reveal.attempts(String(attempts))]);
  }
}

interface Opening {
  readonly link: string;
  readonly complaint: Complaint;
  readonly secret: SecretField | undefined;
}

/** Says why it was not opened: in the form, where somebody may go on there. */
async function complain(thrown: unknown, { link, complaint, secret }: Opening): Promise<void> {
  const failure = failureOf(thrown);
  if (failure.code !== "wrong_passphrase" || !secret) {
    if (AGAIN.includes(failure.code)) return complaint.say(inOneLine(failure));
    return showProblem(failure, () => showLink(link));
  }
  try {
    const { attemptsLeft } = await ask("look", { link });
    secret.left = attemptsLeft;
    complaint.say((t) => t.reveal.wrong, secret.input);
    secret.input.select();
  } catch (error) {
    showProblem(failureOf(error), () => showLink(link));
  }
}

/** A way to write straight onto the disk, where the browser has one. */
function intoFolder(open: (folder: FileSystemDirectoryHandle) => Promise<void>) {
  const { showDirectoryPicker } = globalThis;
  if (!showDirectoryPicker) return element("p", { class: "hint" }, (t) => t.reveal.browserHint);
  const choose = secondary((t) => t.reveal.folder, async () => {
    const folder = await showDirectoryPicker({ mode: "readwrite" }).catch(() => undefined);
    if (folder) await open(folder);
  });
  return element(
    "div",
    { class: "folder" },
    choose,
    element("p", { class: "hint" }, (t) => {
      return t.reveal.folderHint;
    }),
  );
}
