/** The command line of the daemon. What it needs is loaded when it runs. */
import { buildCommand, type Command, type CommandContext } from "@stricli/core";
import type { ServeFlags } from "./prepare.ts";
import type { ServeContext } from "./serve.ts";

type ServeCommandContext = ServeContext & CommandContext;

/** `crypto serve` */
export const serveCommand: Command<ServeCommandContext> = buildCommand({
  async loader() {
    const { serve } = await import("./serve.ts");
    return function (this: ServeCommandContext, flags: ServeFlags) {
      return serve(this, flags);
    };
  },
  parameters: {
    flags: {
      system: {
        kind: "boolean",
        default: false,
        brief: "Run as the system's service: /etc/crypto, /var/lib/crypto, /run/crypto",
      },
      socket: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "path",
        brief: "Listen here instead; an absolute path",
      },
    },
  },
  docs: {
    brief: "Run the key daemon",
    fullDescription: [
      "Run the key daemon, which alone can read the keys, until SIGTERM or SIGINT.",
      "",
      "Without --system it serves the user who starts it, from the XDG directories, and makes its",
      "first key when there is none. It then guards the keys against other users, not against the",
      "user's own programs.",
      "",
      "Every decision is a line in access.log in the state directory.",
    ].join("\n"),
    customUsage: [
      { input: "", brief: "for yourself" },
      { input: "--system", brief: "as the system's service" },
      { input: "--socket /run/user/1000/other.sock", brief: "elsewhere" },
    ],
  },
});
