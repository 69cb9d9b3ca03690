/** The command line of the daemon. What it needs is loaded when it runs. */
import { buildCommand, type Command, type CommandContext } from "../core/command.ts";
import { CryptoError } from "../core/errors.ts";
import { type Rung, RUNGS } from "../core/rungs.ts";
import type { AdminContext, AdminFlags } from "./administer.ts";
import type { ServeFlags } from "./prepare.ts";
import type { ServeContext } from "./serve.ts";

type ServeCommandContext = ServeContext & CommandContext;
type AdminCommandContext = AdminContext & CommandContext;

const passphraseFile = {
  kind: "parsed",
  parse: String,
  optional: true,
  placeholder: "file",
  brief: "Take the passphrase from a file's first line",
} as const;

const presentPassphraseFile = {
  ...passphraseFile,
  brief: "Take the passphrase that the key ring is sealed under now from a file's first line",
} as const;

const file = {
  brief: "The backup",
  // The worker stands elsewhere. Not by `node:path`: importing that doubles the time of a start.
  parse: (path: string) => path.startsWith("/") ? path : `${Deno.cwd()}/${path}`,
  placeholder: "file",
} as const;

/** `crypto reseal` */
export const resealCommand: Command<AdminCommandContext> = buildCommand({
  async loader() {
    const { administer } = await import("./administer.ts");
    return function (this: AdminCommandContext, flags: AdminFlags, to: Rung) {
      refuseUselessPassphrase(flags, to);
      return administer(this, { type: "reseal", to }, flags);
    };
  },
  parameters: {
    flags: { passphraseFile, presentPassphraseFile },
    positional: {
      kind: "tuple",
      parameters: [{ brief: RUNGS.join(", "), parse: readRung, placeholder: "rung" }],
    },
  },
  docs: {
    brief: "Change where the key that seals the key ring comes from",
    fullDescription: [
      "Seal the key ring under a new key from another place: a file in another directory, a",
      "systemd credential (host key, TPM2 where there is one), or a passphrase that somebody types",
      "after each start (`crypto unseal`). Killed half-way, it is completed by running it again.",
    ].join("\n"),
    customUsage: ["credential", "passphrase", "file"],
  },
});

/** The user would believe that the ring is under it. */
function refuseUselessPassphrase({ passphraseFile }: AdminFlags, to: Rung): void {
  if (passphraseFile === undefined || to === "passphrase") return;
  const hint = "only the rung `passphrase` takes a new one; what the ring is sealed under now " +
    "comes from --present-passphrase-file";
  throw new CryptoError("usage", { subject: "--passphrase-file", hint });
}

function readRung(text: string): Rung {
  const rung = RUNGS.find((name) => name === text);
  if (rung) return rung;
  throw new CryptoError("usage", { subject: text, hint: `choose one of ${RUNGS.join(", ")}` });
}

/** `crypto backup` */
export const backupCommand: Command<AdminCommandContext> = buildCommand({
  async loader() {
    const { administer } = await import("./administer.ts");
    return function (this: AdminCommandContext, flags: BackupFlags, path: string) {
      return administer(this, { type: "backup", file: path, force: flags.force }, flags);
    };
  },
  parameters: {
    flags: {
      passphraseFile,
      presentPassphraseFile,
      force: { kind: "boolean", default: false, brief: "Replace a file that exists" },
    },
    positional: { kind: "tuple", parameters: [file] },
  },
  docs: {
    brief: "Write all keys to one file under a passphrase",
    customUsage: ["keys.backup"],
  },
});

/** `crypto restore` */
export const restoreCommand: Command<AdminCommandContext> = buildCommand({
  async loader() {
    const { administer } = await import("./administer.ts");
    return function (this: AdminCommandContext, flags: RestoreFlags, path: string) {
      return administer(this, { type: "restore", file: path, replace: flags.replace }, flags);
    };
  },
  parameters: {
    flags: {
      passphraseFile,
      replace: {
        kind: "boolean",
        default: false,
        brief: "Replace the key ring that is there, which is kept under another name",
      },
    },
    positional: { kind: "tuple", parameters: [file] },
  },
  docs: {
    brief: "Take all keys from a backup, on this machine or another",
    customUsage: ["keys.backup", "--replace keys.backup"],
  },
});

interface BackupFlags extends AdminFlags {
  readonly force: boolean;
}

interface RestoreFlags extends Pick<AdminFlags, "passphraseFile"> {
  readonly replace: boolean;
}

/** `crypto serve` */
export const serveCommand: Command<ServeCommandContext> = buildCommand({
  async loader() {
    const { serve } = await import("./serve.ts");
    return function (this: ServeCommandContext, flags: ServeFlags) {
      return serve(this, flags);
    };
  },
  parameters: {
    flags: {
      system: {
        kind: "boolean",
        default: false,
        brief: "Run as the system's service: /etc/crypto, /var/lib/crypto, /run/crypto",
      },
      socket: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "path",
        brief: "Listen here instead; an absolute path",
      },
      listen: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "address",
        brief: "Listen on the network, too: tls://ADDRESS:PORT (see docs/network.md)",
      },
    },
  },
  docs: {
    brief: "Run the key daemon",
    fullDescription: [
      "Run the key daemon, which alone can read the keys, until SIGTERM or SIGINT.",
      "",
      "Without --system it serves the user who starts it, from the XDG directories, and makes its",
      "first key when there is none. It then guards the keys against other users, not against the",
      "user's own programs.",
      "",
      "Every decision is a line in audit.log in the state directory; see `crypto audit`.",
    ].join("\n"),
    customUsage: [
      { input: "", brief: "for yourself" },
      { input: "--system", brief: "as the system's service" },
      { input: "--socket /run/user/1000/other.sock", brief: "elsewhere" },
      { input: "--listen tls://192.0.2.1:7400", brief: "for other machines, too" },
    ],
  },
});
