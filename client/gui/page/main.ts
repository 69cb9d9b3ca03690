/** The page: shows what its address asks for, as long as its server is there. */
import { isOpened } from "./session.ts";
import { stayOpen } from "./ask.ts";
import { frame } from "./dom.ts";
import { showClosed } from "./views/closed.ts";
import { showCrypt } from "./views/crypt.ts";
import { showHistory } from "./views/history.ts";
import { showKeys } from "./views/keys.ts";
import { showSend } from "./views/send.ts";

let isClosed = !isOpened();

function showHere(): void {
  if (isClosed) return showClosed();
  switch (location.hash) {
    case "#decrypt":
      return showCrypt("decrypt");
    case "#send":
      return showSend();
    case "#keys":
      return showKeys();
    case "#history":
      return showHistory();
    default:
      return showCrypt("encrypt");
  }
}

function close(): void {
  isClosed = true;
  showClosed();
}

frame.build(showHere);
addEventListener("hashchange", showHere);
showHere();
if (!isClosed) stayOpen().then(close, close);
