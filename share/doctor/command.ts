/** The command line of the doctor. */
import { buildCommand, type Command, type CommandContext } from "../../core/command.ts";
import { parseTtl } from "../flags.ts";
import type { DoctorContext, DoctorFlags } from "./run.ts";

type Context = DoctorContext & CommandContext;

/** `crypto share doctor` */
export const doctorCommand: Command<Context> = buildCommand({
  async loader() {
    const { doctor } = await import("./run.ts");
    return function (this: Context, flags: DoctorFlags, store: string) {
      return doctor(this, flags, store);
    };
  },
  parameters: {
    flags: {
      origin: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "origin",
        brief: "Where the page is: whether it can reach the bucket",
      },
      maxTtl: {
        kind: "parsed",
        parse: parseTtl,
        optional: true,
        placeholder: "time",
        brief: "The server's longest lifetime: whether the bucket removes nothing before",
      },
      principal: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "arn",
        brief: "The server's role or user: whom the bucket's policy may let in",
      },
      json: { kind: "boolean", default: false, brief: "Print JSON" },
    },
    positional: {
      kind: "tuple",
      parameters: [{
        brief: "The store, as `share serve --store` takes it",
        parse: String,
        placeholder: "store",
      }],
    },
  },
  docs: {
    brief: "Examine the table and the bucket of a share server on AWS",
    fullDescription: [
      "Examine the table and the bucket of a share server on AWS, with the credentials of the",
      "environment: their settings, the rights of these credentials, this machine's clock. Each",
      "finding has its remedy. Rights are tried on an item and an object of random names, which are",
      "removed again; nothing else is changed. A bucket that keeps versions keeps those too, unless",
      "these credentials may remove versions.",
      "",
      "Somebody who may look at settings has more rights than a server should: run it twice, with",
      "an administrator's credentials, and with the server's.",
    ].join("\n"),
    customUsage: [
      { input: "'dynamodb://TABLE?bucket=BUCKET'", brief: "in AWS_REGION" },
      {
        input: "--origin https://share.example.org --max-ttl 7d 'dynamodb://TABLE?bucket=BUCKET'",
        brief: "thoroughly",
      },
    ],
  },
});
