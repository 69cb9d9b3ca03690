/** What the command lines of this folder share. */
import type { CommandContext } from "../core/command.ts";
import type { Print } from "./manage.ts";

/** What the program hands to these subcommands. */
export interface ClientContext extends CommandContext {
  /** Prints data on standard output. */
  readonly print: Print;
  /** URL of the program's script. */
  readonly script: string;
  /** Tells a person something. */
  readonly say: (line: string) => void;
  /** The terminal that a person types at, if there is one. */
  readonly openTerminal: () => Asker | undefined;
}

/** Somebody who can be asked. */
export interface Asker {
  ask(question: string): Promise<string>;
}

/** Which daemon, and as whom. */
export const daemon = {
  socket: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "path",
    brief: "The daemon's socket [default: $CRYPTO_SOCKET, the system's, the user's]",
  },
  server: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "address",
    brief: "A daemon on another machine: tls://HOST:PORT [default: $CRYPTO_SERVER]",
  },
  identity: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "directory",
    brief: "The certificate to show there: cert.pem, key.pem, ca.pem [default: $CRYPTO_IDENTITY]",
  },
} as const;

/** The hidden subcommand that the scripts call, with the words of the line so far. */
export const COMPLETE = "__complete";

/** What stands for standard input or output. */
export const STANDARD = "-";

/** `--json` */
export const json = { kind: "boolean", default: false, brief: "Print JSON" } as const;

/** A key's name as an argument. */
export const keyName = {
  brief: "The key's name: a-z 0-9 . _ -",
  parse: String,
  placeholder: "name",
} as const;
