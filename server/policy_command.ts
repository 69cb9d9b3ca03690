/** The command line of `crypto policy`. What it needs is loaded when it runs. */
import {
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  type RouteMap,
} from "../core/command.ts";
import { OPERATIONS } from "./access.ts";
import type { PolicyContext } from "./inspect_policy.ts";

type PolicyCommandContext = PolicyContext & CommandContext;

const checkCommand: Command<PolicyCommandContext> = buildCommand({
  async loader() {
    const { checkPolicy } = await import("./inspect_policy.ts");
    return function (this: PolicyCommandContext, _: Record<never, never>, file?: string) {
      checkPolicy(this, file);
    };
  },
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        brief: "The file [default: the daemon's own]",
        parse: String,
        placeholder: "file",
        optional: true,
      }],
    },
  },
  docs: {
    brief: "Explain every mistake of a policy file, with its line",
    customUsage: ["", "policy.toml.new"],
  },
});

const explainCommand: Command<PolicyCommandContext> = buildCommand({
  async loader() {
    const { explainPolicy, readOperation } = await import("./inspect_policy.ts");
    return function (
      this: PolicyCommandContext,
      _: Record<never, never>,
      caller: string,
      key: string,
      operation: string,
    ) {
      explainPolicy(this, { caller, key, operation: readOperation(operation) });
    };
  },
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        {
          brief: "A user's name or number, or a certificate's name",
          parse: String,
          placeholder: "caller",
        },
        { brief: "A key's name", parse: String, placeholder: "key" },
        { brief: OPERATIONS.join(", "), parse: String, placeholder: "operation" },
      ],
    },
  },
  docs: {
    brief: "Say whether somebody may do something with a key, and by which line of the policy",
    customUsage: ["alice invoices decrypt", "URI:spiffe://example.org/app invoices decrypt"],
  },
});

/** `crypto policy …` */
export const policyRoutes: RouteMap<PolicyCommandContext> = buildRouteMap({
  routes: { check: checkCommand, explain: explainCommand },
  docs: {
    brief: "Check the policy file, and explain what it allows",
    fullDescription: [
      "Check the policy file, which says who may do what with which keys, and explain what it allows.",
      "",
      "  $ sudo crypto policy check",
      "  $ sudo crypto policy explain alice invoices decrypt",
    ].join("\n"),
  },
});
