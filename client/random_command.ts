/** The command line of `crypto random`. What it needs is loaded when it runs. */
import { buildCommand, type Command } from "../core/command.ts";
import { CryptoError } from "../core/errors.ts";
import { DEFAULT_RANDOM, MAX_RANDOM } from "../core/rpc.ts";
import type { ClientContext } from "./flags.ts";
import type { RandomFlags } from "./random.ts";

/** `crypto random` */
export const randomCommand: Command<ClientContext> = buildCommand({
  async loader() {
    const { random } = await import("./random.ts");
    return function (this: ClientContext, flags: RandomFlags) {
      return random(flags, this.print);
    };
  },
  parameters: {
    flags: {
      bytes: {
        kind: "parsed",
        parse: readLength,
        default: `${DEFAULT_RANDOM}`,
        placeholder: "number",
        brief: `How many bytes: 1 to ${MAX_RANDOM}`,
      },
      encoding: {
        kind: "enum",
        values: ["base64url", "hex", "raw"] satisfies RandomFlags["encoding"][],
        default: "base64url",
        brief: "How they are written",
      },
    },
    aliases: { n: "bytes" },
  },
  docs: {
    brief: "Print random bytes of the kernel's; needs no daemon",
    customUsage: ["", "--bytes 16 --encoding hex", "--bytes 65536 --encoding raw > noise"],
  },
});

function readLength(text: string): number {
  const length = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (length >= 1 && length <= MAX_RANDOM) return length;
  throw new CryptoError("usage", { subject: "--bytes", hint: `give 1 to ${MAX_RANDOM}` });
}
