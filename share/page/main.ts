/** The page: shows what its address asks for. */
import { build } from "./frame.ts";
import { linkHere } from "./place.ts";
import { showProblem } from "./views/problem.ts";
import { showReceipt } from "./views/receipt.ts";
import { showRequest } from "./views/request.ts";
import { showLink } from "./views/reveal.ts";
import { showSend } from "./views/send.ts";

function showHere(): void {
  const link = linkHere();
  if (!isSecureContext) return showProblem({ code: "insecure" });
  if (link !== undefined) return void showLink(link);
  if (location.hash === "#request") return showRequest();
  if (location.hash === "#receipt") return showReceipt();
  showSend();
}

/**
 * A browser may keep a page that was left as it was, for "Back": with a secret that is open in it, and
 * whatever the host of the page says with its headers. It is emptied as it goes, and begins anew.
 */
function keepNothing(): void {
  addEventListener("pagehide", ({ persisted }) => {
    if (persisted) document.body.replaceChildren();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload();
  });
}

keepNothing();
build(showHere);
addEventListener("hashchange", showHere);
showHere();
