/** The command line of what manages the daemon's keys. What each command needs is loaded later. */
import { buildCommand, buildRouteMap, type Command, type RouteMap } from "../core/command.ts";
import type { Purpose } from "../core/lifecycle.ts";
import { type ClientContext, daemon, json, keyName } from "./flags.ts";
import {
  keyDestroyCommand,
  keyDisableCommand,
  keyEnableCommand,
  keyRestoreCommand,
  keyRetireCommand,
  keySetCommand,
} from "./lifecycle_command.ts";
import type { ManageFlags, PurposeFlags, StatusFlags } from "./manage.ts";
import type { UnsealFlags } from "./unseal.ts";

type ClientCommand = Command<ClientContext>;

const purpose = {
  kind: "enum",
  values: ["seal", "mac", "fernet"] satisfies Purpose[],
  default: "seal",
  brief: "What the key is for: seal, mac, or fernet for an older service's data",
} as const;

/** `crypto status` */
export const statusCommand: ClientCommand = buildCommand({
  async loader() {
    const { status } = await import("./manage.ts");
    return function (this: ClientContext, flags: StatusFlags) {
      return status(flags, this.print);
    };
  },
  parameters: {
    flags: {
      ...daemon,
      json,
      check: {
        kind: "boolean",
        default: false,
        brief: "Fail if the keys are sealed: the exit status is 0 only if it can be worked with",
      },
    },
  },
  docs: {
    brief: "Show how the daemon runs, and whom that does not stop",
    customUsage: ["", "--json", "--json --check"],
  },
});

const keyListCommand: ClientCommand = buildCommand({
  async loader() {
    const { listKeys } = await import("./manage.ts");
    return function (this: ClientContext, flags: ManageFlags) {
      return listKeys(flags, this.print);
    };
  },
  parameters: { flags: { ...daemon, json } },
  docs: { brief: "List the keys and their versions", customUsage: ["", "--json"] },
});

const keyCreateCommand: ClientCommand = buildCommand({
  async loader() {
    const { createKey } = await import("./manage.ts");
    return function (this: ClientContext, flags: PurposeFlags, key: string) {
      return createKey(flags, this.print, key);
    };
  },
  parameters: {
    flags: { ...daemon, json, purpose },
    positional: { kind: "tuple", parameters: [keyName] },
  },
  docs: {
    brief: "Make a key",
    customUsage: ["invoices", "mac --purpose mac"],
  },
});

const keyRotateCommand: ClientCommand = buildCommand({
  async loader() {
    const { rotateKey } = await import("./manage.ts");
    return function (this: ClientContext, flags: ManageFlags, key: string) {
      return rotateKey(flags, this.print, key);
    };
  },
  parameters: { flags: { ...daemon, json }, positional: { kind: "tuple", parameters: [keyName] } },
  docs: {
    brief: "Make a new version of a key, which encrypts from now on; older ones still decrypt",
    customUsage: ["invoices"],
  },
});

const keyImportCommand: ClientCommand = buildCommand({
  async loader() {
    const { importKey } = await import("./manage.ts");
    return function (this: ClientContext, flags: PurposeFlags, key: string, file?: string) {
      return importKey(flags, this.print, key, file);
    };
  },
  parameters: {
    flags: { ...daemon, json, purpose },
    positional: {
      kind: "tuple",
      parameters: [keyName, {
        brief: "The file with the key [default: standard input]",
        parse: String,
        placeholder: "file",
        optional: true,
      }],
    },
  },
  docs: {
    brief: "Import a key that exists elsewhere",
    fullDescription:
      "Import a key: 32 bytes as base64url without padding, or for --purpose fernet as " +
      "Fernet.generate_key() gives it. It is read from a file or standard input, never from an argument.",
    customUsage: ["fernet --purpose fernet /etc/crypto_service/key"],
  },
});

/** `crypto unseal` */
export const unsealCommand: ClientCommand = buildCommand({
  async loader() {
    const { unseal } = await import("./unseal.ts");
    return function (this: ClientContext, flags: UnsealFlags) {
      return unseal(flags, this.print);
    };
  },
  parameters: {
    flags: {
      socket: daemon.socket,
      passphraseFile: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "file",
        brief: "Take the passphrase from a file's first line",
      },
    },
  },
  docs: {
    brief: "Open a daemon whose keys are sealed under a passphrase",
    fullDescription:
      "Open a daemon whose keys are sealed under a passphrase, after each of its starts. For root, " +
      "or the user that the daemon runs as.",
    customUsage: ["", "--passphrase-file /run/secrets/passphrase"],
  },
});

/** `crypto key …` */
export const keyRoutes: RouteMap<ClientContext> = buildRouteMap({
  routes: {
    list: keyListCommand,
    create: keyCreateCommand,
    rotate: keyRotateCommand,
    import: keyImportCommand,
    set: keySetCommand,
    retire: keyRetireCommand,
    disable: keyDisableCommand,
    enable: keyEnableCommand,
    destroy: keyDestroyCommand,
    restore: keyRestoreCommand,
  },
  docs: {
    brief: "List, make and import keys, and rotate, retire and destroy their versions",
    fullDescription: [
      "List, make and import keys, and rotate, retire and destroy their versions.",
      "",
      "  $ crypto key create invoices",
      "  $ crypto encrypt --key invoices invoice.pdf",
      "  $ crypto key rotate invoices",
    ].join("\n"),
  },
});
