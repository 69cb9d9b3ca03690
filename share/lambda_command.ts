/** The command line of `crypto share-lambda`. What it needs is loaded when it runs. */
import { buildCommand, type Command, type CommandContext } from "../core/command.ts";
import type { LambdaContext, LambdaFlags } from "./lambda/write.ts";

/** `crypto share-lambda` */
export const lambdaCommand: Command<LambdaContext & CommandContext> = buildCommand({
  async loader() {
    const { writeLambda } = await import("./lambda/write.ts");
    return function (this: LambdaContext & CommandContext, flags: LambdaFlags) {
      return writeLambda(this, flags);
    };
  },
  parameters: {
    flags: {
      output: {
        kind: "parsed",
        parse: String,
        placeholder: "directory",
        brief: "Where to: a directory that is not there, or empty",
      },
      origin: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "origin",
        brief: "Where the page is to find the API, if it is hosted elsewhere",
      },
    },
    aliases: { o: "output" },
  },
  docs: {
    brief: "Write a share server for AWS Lambda, ready to deploy",
    fullDescription: [
      "Write what deploys a share server on AWS: the function as a zip, a CloudFormation template,",
      "the same for Terraform, an IAM policy, the page, and how to use them. Nothing is asked for or",
      "sent anywhere: all of it is in this program, and comes out the same each time.",
    ].join("\n"),
    customUsage: [
      { input: "--output lambda", brief: "then see lambda/README.md" },
      { input: "--output lambda --origin https://share.example", brief: "for a page elsewhere" },
    ],
  },
});
