/** The command line of the attacks. */
import { buildCommand, type Command, type CommandContext } from "../../core/command.ts";
import type { AttackContext, AttackFlags } from "./run.ts";

type Context = AttackContext & CommandContext;

const MOST_ROUNDS = 1_000;
const MOST_ATTEMPTS = 100_000;

/** A whole number from 1 on. */
function upTo(most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    if (value >= 1 && value <= most) return value;
    throw new SyntaxError(`it is to be a number from 1 to ${most}`);
  };
}

/** `crypto share attack` */
export const attackCommand: Command<Context> = buildCommand({
  async loader() {
    const { attack } = await import("./run.ts");
    return function (this: Context, flags: AttackFlags, url: string) {
      return attack(this, flags, url);
    };
  },
  parameters: {
    flags: {
      second: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "origin",
        brief: "Another server over the same store: races run on both",
      },
      rounds: {
        kind: "parsed",
        parse: upTo(MOST_ROUNDS),
        default: "10",
        placeholder: "number",
        brief: "Races of each kind",
      },
      attempts: {
        kind: "parsed",
        parse: upTo(MOST_ATTEMPTS),
        default: "1000",
        placeholder: "number",
        brief: "Attempts by somebody who has the address only",
      },
      slow: {
        kind: "boolean",
        default: false,
        brief: "Wait for a secret to expire, too, which takes a minute",
      },
      limits: {
        kind: "boolean",
        default: false,
        brief: "Try the limits alone, on a server that runs with its usual ones",
      },
      mine: {
        kind: "boolean",
        default: false,
        brief: "Say that a server elsewhere than on this machine is your own",
      },
      json: { kind: "boolean", default: false, brief: "Print JSON" },
    },
    positional: {
      kind: "tuple",
      parameters: [{ brief: "The server", parse: String, placeholder: "origin" }],
    },
  },
  docs: {
    brief: "Attack a share server of your own and see what it withstands",
    fullDescription: [
      "Attack a share server of your own and see what it withstands: races for one view, guessed",
      "proofs, cut connections, floods. It takes about ten seconds, and leaves some hundred small",
      "secrets, which expire in ten minutes. A server with its usual limits stops it early: start it with",
      "a high --requests-per-minute and --creations-per-minute for this.",
    ].join("\n"),
    customUsage: [
      { input: "http://127.0.0.1:8787", brief: "on this machine" },
      { input: "--mine --slow https://share.example.org", brief: "elsewhere, and thoroughly" },
    ],
  },
});
