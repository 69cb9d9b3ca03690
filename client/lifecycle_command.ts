/** The command line of what becomes of keys and their versions. */
import { buildCommand, type Command } from "../core/command.ts";
import { parseDuration } from "../core/duration.ts";
import { type ClientContext, daemon, json, keyName } from "./flags.ts";
import type { DestroyFlags, SetFlags } from "./lifecycle.ts";
import type { ManageFlags } from "./manage.ts";

type ClientCommand = Command<ClientContext>;

const version = {
  brief: "The version's number, as `crypto key list` shows it",
  parse: parseVersion,
  placeholder: "version",
} as const;

const ofVersion = { kind: "tuple", parameters: [keyName, version] } as const;
const ofKeyOrVersion = {
  kind: "tuple",
  parameters: [keyName, { ...version, optional: true }],
} as const;

function parseVersion(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new SyntaxError("a version is a number, from 1 on");
}

function parseTime(text: string): number {
  const seconds = parseDuration(text);
  if (!Number.isNaN(seconds)) return seconds;
  throw new SyntaxError("a time is such as 12h or 90d");
}

function parseAge(text: string): number {
  return text === "never" ? 0 : parseTime(text);
}

export const keySetCommand: ClientCommand = buildCommand({
  async loader() {
    const { setKey } = await import("./lifecycle.ts");
    return function (this: ClientContext, flags: SetFlags, name: string) {
      return setKey(flags, this.print, name);
    };
  },
  parameters: {
    flags: {
      ...daemon,
      json,
      rotateAfter: {
        kind: "parsed",
        parse: parseAge,
        optional: true,
        placeholder: "age",
        brief: "The daemon makes a new version when the newest is this old: 90d, 12h; or never",
      },
      minVersion: {
        kind: "parsed",
        parse: parseVersion,
        optional: true,
        placeholder: "version",
        brief: "Versions with lower numbers decrypt no more; 1: all do",
      },
    },
    positional: { kind: "tuple", parameters: [keyName] },
  },
  docs: {
    brief: "Set when a key is rotated, and from which version on it decrypts",
    customUsage: ["invoices --rotate-after 90d", "invoices --min-version 3"],
  },
});

export const keyRetireCommand: ClientCommand = changeCommand("retire", {
  brief: "Let a version decrypt only, whatever becomes of newer ones",
  customUsage: ["invoices 1"],
});

export const keyRestoreCommand: ClientCommand = changeCommand("restore", {
  brief: "Keep a version that is to be destroyed",
  customUsage: ["invoices 1"],
});

export const keyDisableCommand: ClientCommand = switchCommand("disable", {
  brief: "Let a version, or a whole key, neither encrypt nor decrypt",
  fullDescription: [
    "Let a version, or without a number the whole key, neither encrypt nor decrypt until it is",
    "enabled. Without its newest version a key encrypts with the one before, unless that is retired.",
  ].join("\n"),
  customUsage: ["invoices", "invoices 2"],
});

export const keyEnableCommand: ClientCommand = switchCommand("enable", {
  brief: "Put a disabled version, or key, into use again",
  customUsage: ["invoices", "invoices 2"],
});

interface Docs {
  readonly brief: string;
  readonly fullDescription?: string;
  readonly customUsage: readonly string[];
}

function changeCommand(change: "retire" | "restore", docs: Docs): ClientCommand {
  return buildCommand({
    async loader() {
      const { changeVersion } = await import("./lifecycle.ts");
      return function (this: ClientContext, flags: ManageFlags, name: string, version: number) {
        return changeVersion(change, flags, this.print, name, version);
      };
    },
    parameters: { flags: { ...daemon, json }, positional: ofVersion },
    docs,
  });
}

function switchCommand(change: "disable" | "enable", docs: Docs): ClientCommand {
  return buildCommand({
    async loader() {
      const { switchKey } = await import("./lifecycle.ts");
      return function (this: ClientContext, flags: ManageFlags, name: string, version?: number) {
        return switchKey(change, flags, this.print, name, version);
      };
    },
    parameters: { flags: { ...daemon, json }, positional: ofKeyOrVersion },
    docs,
  });
}

export const keyDestroyCommand: ClientCommand = buildCommand({
  async loader() {
    const { destroyKey } = await import("./lifecycle.ts");
    return function (this: ClientContext, flags: DestroyFlags, name: string, version: number) {
      return destroyKey(this, flags, name, version);
    };
  },
  parameters: {
    flags: {
      ...daemon,
      json,
      grace: {
        kind: "parsed",
        parse: parseTime,
        optional: true,
        placeholder: "time",
        brief: "How long it can be restored: 0s to 366d [default: 7d]",
      },
      yes: { kind: "boolean", default: false, brief: "Do not ask: for scripts" },
    },
    positional: ofVersion,
  },
  docs: {
    brief: "Have a version destroyed when a time is over in which it can be restored",
    fullDescription: [
      "Have a version destroyed for good. From now on it does nothing; until the time is over",
      "`crypto key restore` brings it back. What is still under it then cannot be read any more:",
      "`crypto rewrap` brings files to the newest version before.",
    ].join("\n"),
    customUsage: ["invoices 1", "invoices 1 --grace 30d"],
  },
});
