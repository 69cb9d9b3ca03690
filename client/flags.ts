/** What the command lines of this folder share. */
import type { CommandContext } from "@stricli/core";
import type { Print } from "./manage.ts";

/** What the program hands to these subcommands. */
export interface ClientContext extends CommandContext {
  /** Prints data on standard output. */
  readonly print: Print;
}

/** `--socket` */
export const socket = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "path",
  brief: "The daemon's socket [default: $CRYPTO_SOCKET, the system's, the user's]",
} as const;

/** The hidden subcommand that the scripts call, with the words of the line so far. */
export const COMPLETE = "__complete";
