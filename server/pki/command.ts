/** The command line of the certificate authority. What it needs is loaded when it runs. */
import {
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  type RouteMap,
} from "../../core/command.ts";
import { CryptoError } from "../../core/errors.ts";
import type { AdminContext } from "../administer.ts";
import type { ListFlags, PkiFlags } from "./role.ts";

/** What the program hands to these subcommands. */
export type PkiContext = AdminContext & CommandContext & {
  /** Prints data on standard output. */
  readonly print: (text: string) => void;
};
type PkiCommand = Command<PkiContext>;

const MOST_DAYS = 3_650;

const common = {
  directory: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "directory",
    brief: "The authority's directory [default: pki in the configuration directory]",
  },
} as const;

const passphraseFile = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "file",
  brief: "Take the passphrase of the authority's key from a file's first line",
} as const;

const days = {
  kind: "parsed",
  parse: readDays,
  optional: true,
  placeholder: "days",
  brief: "How long it is good for [default: 30, a server's 90]",
} as const;

const label = { brief: "Its label", parse: String, placeholder: "label" } as const;

function readDays(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= MOST_DAYS) return number;
  throw new CryptoError("usage", { subject: text, hint: `give 1 to ${MOST_DAYS} days` });
}

const initCommand: PkiCommand = buildCommand({
  async loader() {
    const { runPki } = await import("./role.ts");
    return function (this: PkiContext, flags: InitFlags) {
      const { name, days, domain = [] } = flags;
      return runPki(this, { type: "init", name, days, domains: domain }, flags);
    };
  },
  parameters: {
    flags: {
      ...common,
      passphraseFile,
      name: { kind: "parsed", parse: String, default: "crypto", brief: "The authority's name" },
      domain: {
        kind: "parsed",
        parse: readDomain,
        optional: true,
        variadic: true,
        placeholder: "domain",
        brief: "Certificates are for this domain and below alone; can be repeated",
      },
      days: { ...days, brief: "How long it is good for [default: 1825]" },
    },
  },
  docs: { brief: "Make a certificate authority", customUsage: ["", "--domain example.org"] },
});

function readDomain(text: string): string {
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text)) return text;
  throw new CryptoError("usage", { subject: text, hint: "name a domain like example.org" });
}

interface InitFlags extends PkiFlags {
  readonly name: string;
  readonly domain?: readonly string[] | undefined;
  readonly days?: number | undefined;
}

const issueCommand: PkiCommand = buildCommand({
  async loader() {
    const { runPki } = await import("./role.ts");
    return function (this: PkiContext, flags: IssueFlags, label: string, ...names: string[]) {
      const purpose = flags.server ? "server" as const : "client" as const;
      return runPki(this, { type: "issue", label, names, purpose, days: flags.days }, flags);
    };
  },
  parameters: {
    flags: {
      ...common,
      passphraseFile,
      server: { kind: "boolean", default: false, brief: "For a daemon, not for who asks it" },
      days,
    },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: {
        brief: "A label, then names: DNS:…, URI:…, IP:… [default: the label as a DNS name]",
        parse: String,
        placeholder: "label",
      },
    },
  },
  docs: {
    brief: "Issue a certificate with a new key, in a directory that --identity takes",
    customUsage: [
      "--server keys keys.example.org IP:192.0.2.1",
      "build URI:spiffe://example.org/build",
    ],
  },
});

interface IssueFlags extends PkiFlags {
  readonly server: boolean;
  readonly days?: number | undefined;
}

const renewCommand: PkiCommand = buildCommand({
  async loader() {
    const { runPki } = await import("./role.ts");
    return function (this: PkiContext, flags: RenewFlags, label: string) {
      return runPki(this, { type: "renew", label, days: flags.days }, flags);
    };
  },
  parameters: {
    flags: { ...common, passphraseFile, days },
    positional: { kind: "tuple", parameters: [label] },
  },
  docs: {
    brief: "Issue a label's certificate anew; the old one is good until it expires",
    customUsage: ["build"],
  },
});

interface RenewFlags extends PkiFlags {
  readonly days?: number | undefined;
}

const revokeCommand: PkiCommand = buildCommand({
  async loader() {
    const { runPki } = await import("./role.ts");
    return function (this: PkiContext, flags: PkiFlags, label: string) {
      return runPki(this, { type: "revoke", label }, flags);
    };
  },
  parameters: {
    flags: { ...common, passphraseFile },
    positional: { kind: "tuple", parameters: [label] },
  },
  docs: {
    brief: "Put a label's certificates on the list of revoked ones, which daemons read",
    customUsage: ["build"],
  },
});

const listCommand: PkiCommand = buildCommand({
  async loader() {
    const { listPki } = await import("./role.ts");
    return function (this: PkiContext, flags: ListFlags) {
      return listPki(flags, this.print);
    };
  },
  parameters: {
    flags: { ...common, json: { kind: "boolean", default: false, brief: "Print JSON" } },
  },
  docs: { brief: "List what was issued, and until when it is good", customUsage: ["", "--json"] },
});

/** `crypto pki …` */
export const pkiRoutes: RouteMap<PkiContext> = buildRouteMap({
  routes: {
    init: initCommand,
    issue: issueCommand,
    renew: renewCommand,
    revoke: revokeCommand,
    list: listCommand,
  },
  docs: {
    brief: "Run a small certificate authority for daemons and clients on other machines",
    fullDescription: [
      "Run a small certificate authority for daemons and clients on other machines.",
      "",
      "  $ crypto pki init",
      "  $ crypto pki issue --server keys keys.example.org",
      "  $ crypto pki issue build URI:spiffe://example.org/build",
    ].join("\n"),
  },
});
