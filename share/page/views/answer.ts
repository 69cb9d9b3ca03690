/** Answering a request: what is put in is encrypted to whoever made the link. */
import { element } from "../dom.ts";
import { leave, show } from "../frame.ts";
import { formatSize, formatWhen } from "../language.ts";
import { Chooser } from "../parts/chooser.ts";
import { exposure } from "../parts/exposure.ts";
import { Complaint, form, submit, whileBusy } from "../parts/form.ts";
import { ask } from "../work/ask.ts";
import type { Kept, Results } from "../work/deeds.ts";
import { failureOf, inOneLine, showProblem } from "./problem.ts";
import { receiptField } from "./sent.ts";

/**
 * Looks at a request, which changes nothing.
 * @returns what shows a form for its answer
 * @throws {Failed}
 */
export async function lookAtRequest(link: string, exposed: boolean): Promise<() => void> {
  const request = await ask("asked", { link });
  return () => showRequest(link, exposed, request);
}

function showRequest(link: string, exposed: boolean, request: Results["asked"]): void {
  leave();
  const chooser = new Chooser();
  const complaint = new Complaint();
  const made: HTMLFormElement = form(
    async () => {
      complaint.clear();
      const sendable = chooser.chosen;
      if (!sendable) return;
      if (chooser.size > request.room) {
        return complaint.say((t) => t.answer.tooLarge(formatSize(t, request.room)));
      }
      try {
        showAnswered(
          await whileBusy(made, (t) => t.send.working, async (onMoved) => {
            return await ask("answer", { ...sendable, link }, onMoved);
          }),
        );
      } catch (error) {
        const failure = failureOf(error);
        // Where it has been answered, or taken back, nothing in this form helps.
        if (failure.since !== undefined) showProblem(failure);
        else complaint.say(inOneLine(failure));
      }
    },
    chooser.element,
    element("p", { class: "hint" }, (t) => t.answer.limit(formatSize(t, request.room))),
    complaint.element,
    element("p", { class: "actions" }, submit((t) => t.answer.submit)),
  );
  show(...answerText(request, exposed), made);
}

function answerText({ expires }: Results["asked"], exposed: boolean) {
  return [
    (t) => t.answer.title,
    exposed ? exposure() : undefined,
    element("p", { class: "lead" }, (t) => t.answer.lead(formatWhen(t, expires))),
    element("p", { class: "note" }, (t) => t.answer.warning),
  ] satisfies Parameters<typeof show>;
}

function showAnswered(kept: Kept): void {
  leave();
  show(
    (t) => t.answer.doneTitle,
    element("p", { class: "lead" }, (t) => t.answer.done(formatWhen(t, kept.expires))),
    receiptField(kept),
  );
}
