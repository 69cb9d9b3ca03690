/** The command line of install and uninstall. What it needs is loaded when it runs. */
import { buildCommand, type Command, type CommandContext } from "../core/command.ts";
import type { InstallContext, InstallFlags, UninstallFlags } from "./run.ts";

type InstallCommandContext = InstallContext & CommandContext;

const flags = {
  root: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "directory",
    brief: "Prepare the image in this directory; the running system is not touched",
  },
  dryRun: { kind: "boolean", default: false, brief: "Only show what would be done" },
  json: { kind: "boolean", default: false, brief: "Print JSON" },
} as const;

/** `crypto install` */
export const installCommand: Command<InstallCommandContext> = buildCommand({
  async loader() {
    const { install } = await import("./run.ts");
    return function (this: InstallCommandContext, given: InstallFlags) {
      return install(this, given);
    };
  },
  parameters: { flags },
  docs: {
    brief: "Install this program as a system service, or upgrade it",
    fullDescription: [
      "Install this program as a system service, as root: the program in /usr/local/bin, a user and",
      "group crypto-service, configuration, the first key, a service and a socket unit. Then prove",
      "that a member of the group can encrypt and decrypt and that nobody else can.",
      "",
      "Again, it changes nothing; over another version it upgrades, and no request is lost. A step",
      "that fails undoes those before it. Keys that are there are never touched.",
    ].join("\n"),
    customUsage: [
      "",
      { input: "--dry-run", brief: "show the steps" },
      { input: "--root /mnt/image", brief: "prepare an image" },
    ],
  },
});

/** `crypto uninstall` */
export const uninstallCommand: Command<InstallCommandContext> = buildCommand({
  async loader() {
    const { uninstall } = await import("./run.ts");
    return function (this: InstallCommandContext, given: UninstallFlags) {
      return uninstall(this, given);
    };
  },
  parameters: {
    flags: {
      ...flags,
      purge: {
        kind: "boolean",
        default: false,
        brief: "Remove keys, log, configuration, user and group too, after asking",
      },
      yes: { kind: "boolean", default: false, brief: "Do not ask: for scripts" },
    },
  },
  docs: {
    brief: "Remove the system service; its keys stay unless --purge",
    fullDescription: [
      "Remove what install made, and what an interrupted one left. Keys, audit log and an edited",
      "configuration stay, with the user they belong to, and it says where.",
      "",
      "--purge removes them too. It asks first, and offers a backup.",
    ].join("\n"),
    customUsage: ["", "--dry-run", { input: "--purge", brief: "and the keys" }],
  },
});
