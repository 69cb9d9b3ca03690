/** The command line of the window. What it needs is loaded later. */
import { buildCommand, type Command, type CommandContext } from "../../core/command.ts";
import { daemon } from "../flags.ts";
import type { GuiContext, GuiFlags } from "./run.ts";

type Context = GuiContext & CommandContext;

/** Seconds: at least one, at most a day. */
function parseIdle(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new SyntaxError("a number of seconds from 1 to 86400");
}

/** `crypto gui` */
export const guiCommand: Command<Context> = buildCommand({
  async loader() {
    const { gui } = await import("./run.ts");
    return function (this: Context, flags: GuiFlags) {
      return gui(this, flags);
    };
  },
  parameters: {
    flags: {
      ...daemon,
      shareServer: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "origin",
        brief: "The share server for links [default: $CRYPTO_SHARE_SERVER, or one on this machine]",
      },
      idle: {
        kind: "parsed",
        parse: parseIdle,
        default: "60",
        placeholder: "seconds",
        brief: "End when no page has been open for so long",
      },
      open: {
        kind: "boolean",
        default: true,
        brief: "Open the browser; else say which file it is to open",
      },
    },
  },
  docs: {
    brief: "Open a window in the browser: encrypt, decrypt and send by drop and paste",
    fullDescription: [
      "Open a window in the browser: encrypt, decrypt and send texts and files by drop and paste.",
      "",
      "The page is served on this machine alone, to the one browser that it was opened in. It ends by",
      "itself when the page is closed.",
    ].join("\n"),
    customUsage: ["", "--share-server https://share.example.org"],
  },
});
