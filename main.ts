/**
 * The program: the table of subcommands, and the one place that exits. It runs as itself or, in a
 * worker, as a role of its own.
 */
import { type ClientContext, COMPLETE } from "./client/flags.ts";
import type { GuiContext } from "./client/gui/run.ts";
import {
  describeError,
  exitStatus,
  Progress,
  say,
  Terminal,
  writeError,
} from "./client/terminal.ts";
import {
  type Call,
  type CommandContext,
  readPlainLine,
  type RouteMap,
  type Target as AnyTarget,
} from "./core/command.ts";
import type { Program } from "./core/command_line.ts";
import { asCryptoError, CryptoError } from "./core/errors.ts";
import {
  ADMIN_WORKER,
  AUDIT_WORKER,
  BROWSER_WORKER,
  DAEMON_WORKER,
  GUI_WORKER,
  INSTALL_WORKER,
  LANE_WORKER,
  LINK_WORKER,
  PKI_WORKER,
  REWRAP_WORKER,
  SHARE_ATTACK_WORKER,
  SHARE_CLIENT_WORKER,
  SHARE_DOCTOR_WORKER,
  SHARE_WORKER,
} from "./core/roles.ts";
import { dropAllPermissions } from "./platform/permissions.ts";
import type { InstallContext } from "./install/run.ts";
import type { NginxContext } from "./nginx/run.ts";
import type { AdminContext } from "./server/administer.ts";
import type { AuditContext } from "./server/audit/run.ts";
import type { ServeContext } from "./server/serve.ts";
import type { ShareContext } from "./share/client/session.ts";

type Context =
  & ClientContext
  & GuiContext
  & ServeContext
  & AdminContext
  & AuditContext
  & InstallContext
  & ShareContext
  & NginxContext
  & { readonly process: { exitCode?: number | string | null } }
  & CommandContext;

type Target = AnyTarget<Context>;

/** The subcommands. Each is loaded when it is used: one is not to pay for the others. */
const SUBCOMMANDS = {
  serve: async () => (await import("./server/command.ts")).serveCommand,
  encrypt: async () => (await import("./client/crypt_command.ts")).encryptCommand,
  decrypt: async () => (await import("./client/crypt_command.ts")).decryptCommand,
  mac: async () => (await import("./client/mac_command.ts")).macCommand,
  "verify-mac": async () => (await import("./client/mac_command.ts")).verifyMacCommand,
  random: async () => (await import("./client/random_command.ts")).randomCommand,
  key: async () => (await import("./client/command.ts")).keyRoutes,
  status: async () => (await import("./client/command.ts")).statusCommand,
  unseal: async () => (await import("./client/command.ts")).unsealCommand,
  rewrap: async () => (await import("./client/rewrap/command.ts")).rewrapCommand,
  gui: async () => (await import("./client/gui/command.ts")).guiCommand,
  reseal: async () => (await import("./server/command.ts")).resealCommand,
  backup: async () => (await import("./server/command.ts")).backupCommand,
  restore: async () => (await import("./server/command.ts")).restoreCommand,
  pki: async () => (await import("./server/pki/command.ts")).pkiRoutes,
  audit: async () => (await import("./server/audit/command.ts")).auditRoutes,
  policy: async () => (await import("./server/policy_command.ts")).policyRoutes,
  install: async () => (await import("./install/command.ts")).installCommand,
  uninstall: async () => (await import("./install/command.ts")).uninstallCommand,
  network: async () => (await import("./nginx/command.ts")).networkRoutes,
  share: loadShare,
  "share-lambda": async () => (await import("./share/lambda_command.ts")).lambdaCommand,
  completion: async () => (await import("./client/completion.ts")).completionCommand,
} satisfies Record<string, () => Promise<Target>>;

/** The configuration of nginx is a folder of its own, which sharing must not know. */
async function loadShare(): Promise<Target> {
  const { shareRoutes } = await import("./share/command.ts");
  const { nginxCommand } = await import("./nginx/command.ts");
  return shareRoutes<Context>({ nginx: nginxCommand });
}

type Subcommand = keyof typeof SUBCOMMANDS;

/** What is of use, and works, on other systems than Linux, with servers elsewhere. */
const ELSEWHERE: readonly Subcommand[] = [
  "encrypt",
  "decrypt",
  "mac",
  "verify-mac",
  "random",
  "key",
  "status",
  "share",
  "share-lambda",
  "completion",
];

/** What there is by system. What is not named there has the daemon's clients alone. */
const THERE: Readonly<Record<string, readonly Subcommand[]>> = {
  linux: Object.keys(SUBCOMMANDS) as Subcommand[],
  darwin: [
    ...ELSEWHERE,
    "serve",
    "unseal",
    "reseal",
    "backup",
    "restore",
    "pki",
    "audit",
    "policy",
  ],
  windows: [...ELSEWHERE, "serve", "reseal", "backup", "restore"],
};

function isThere(name: Subcommand): boolean {
  return (THERE[Deno.build.os] ?? ELSEWHERE).includes(name);
}

const PROGRAM = "crypto";
const FULL_PIPE_WAIT = 5;
const ROOT = 0;

const describe = (thrown: unknown) => describeError(asCryptoError(thrown));

const voice = { describe, exitStatus: (thrown: unknown) => exitStatus(asCryptoError(thrown)) };

/** All of the program: for its help, and for a line that begins with no subcommand. */
async function wholeProgram(): Promise<Program<Context>> {
  const loads: [string, () => Promise<Target>][] = Object.entries(SUBCOMMANDS);
  const loaded = loads.map(async ([name, load]) => [name, await load()] as const);
  const target: RouteMap<Context> = {
    routes: Object.fromEntries(await Promise.all(loaded)),
    docs: {
      brief:
        "Keep keys out of reach: encrypt and decrypt through a daemon that alone can read them",
      fullDescription: [
        "Keep keys out of reach: encrypt and decrypt through a daemon that alone can read them.",
        "",
        "  $ crypto serve &",
        "  $ crypto encrypt report.pdf",
        "  $ crypto decrypt report.pdf.crypto",
      ].join("\n"),
    },
  };
  return { name: PROGRAM, target, version: await findVersion(), voice };
}

async function findVersion(): Promise<string> {
  const { default: settings } = await import("./deno.json", { with: { type: "json" } });
  return settings.version;
}

function notThere(name: Subcommand): CryptoError {
  const hint = "this subcommand is not for this system; docs/systems.md says which there are";
  return new CryptoError("config", { subject: `${PROGRAM} ${name}`, hint });
}

function isSubcommand(word: string | undefined): word is Subcommand {
  return word !== undefined && Object.hasOwn(SUBCOMMANDS, word);
}

/** Why standard output could not be written, if it could not. */
let unprinted: CryptoError | undefined;

/**
 * Writes on standard output. A failure is for {@link main} to report: the library would not.
 * @returns whether all of it was written
 */
function print(data: string | Uint8Array): boolean {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  try {
    for (let done = 0; done < bytes.length;) done += writeSome(bytes.subarray(done));
    return true;
  } catch (cause) {
    unprinted ??= new CryptoError("io", { subject: "standard output", cause });
    return false;
  }
}

/** Waits where others made standard output non-blocking and nobody takes what is there. */
function writeSome(bytes: Uint8Array): number {
  try {
    return Deno.stdout.writeSync(bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT);
    return 0;
  }
}

const context: Context = {
  process: { stdout: { write: (text) => void print(text) }, stderr: { write: writeError } },
  print,
  say,
  script: import.meta.url,
  openPassphrase,
  findVersion,
  openTerminal: () => Terminal.open(),
  requireConfig,
  findShareServer,
  progress: (name, total) => new Progress(name, total, Deno.stderr.isTerminal()),
};

/** Whether the service would start with a configuration and a policy of root's. */
async function requireConfig({ layout, root }: Parameters<InstallContext["requireConfig"]>[0]) {
  const { readConfig } = await import("./server/config.ts");
  const { readPolicy } = await import("./server/policy_file.ts");
  readConfig(layout.config, ROOT);
  readPolicy(layout.policy, ROOT, root);
}

/** The server for links, which is another folder's to ask. */
async function findShareServer(told: string | undefined) {
  const { findServer } = await import("./share/client/session.ts");
  return await findServer(import.meta.url, told);
}

/** Loaded when somebody is to be asked. */
async function openPassphrase(...[flags, isNew]: Parameters<AdminContext["openPassphrase"]>) {
  const { openPassphrase } = await import("./client/passphrase.ts");
  const { Pipes } = await import("./platform/files.ts");
  return openPassphrase(flags, new Pipes(), isNew);
}

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  const status = first === COMPLETE
    ? await complete(rest)
    : isSubcommand(first)
    ? await runSubcommand(first, rest)
    : await runByLibrary(await wholeProgram(), first === undefined ? ["--help"] : args);
  return unprinted ? complain(unprinted) : status;
}

async function runSubcommand(name: Subcommand, words: readonly string[]): Promise<number> {
  if (!isThere(name)) return complain(notThere(name));
  const target: Target = await SUBCOMMANDS[name]();
  const call = readPlainLine(target, words);
  if (call) return await perform(call);
  return await runByLibrary({ name: `${PROGRAM} ${name}`, target, voice }, words);
}

async function perform(call: Call<Context>): Promise<number> {
  try {
    await call(context);
    return 0;
  } catch (error) {
    return complain(asCryptoError(error));
  }
}

async function runByLibrary(program: Program<Context>, words: readonly string[]): Promise<number> {
  const { runLine, statusOf } = await import("./core/command_line.ts");
  await runLine(program, words, context);
  return statusOf(context.process.exitCode);
}

async function complete(words: readonly string[]): Promise<number> {
  const { proposeWords } = await import("./core/command_line.ts");
  const program = await wholeProgram();
  dropAllPermissions();
  const proposals = await proposeWords(program, words, context);
  print(proposals.map((proposal) => `${proposal}\n`).join(""));
  return 0;
}

function complain(error: CryptoError): number {
  writeError(`${describe(error)}\n`);
  return exitStatus(error);
}

/** What a worker runs, by its name: a literal import each, so that none loads another's part. */
const ROLES: Readonly<Record<string, () => Promise<unknown>>> = {
  [DAEMON_WORKER]: async () => (await import("./server/worker.ts")).runDaemonRole(),
  [LINK_WORKER]: async () => (await import("./client/link.ts")).runLinkRole(),
  [PKI_WORKER]: async () => await (await import("./server/pki/role.ts")).runPkiRole(),
  [ADMIN_WORKER]: async () => (await import("./server/admin.ts")).runAdminRole(),
  [AUDIT_WORKER]: async () => (await import("./server/audit/worker.ts")).runAuditRole(),
  [GUI_WORKER]: runGui,
  [BROWSER_WORKER]: async () => (await import("./client/gui/browser.ts")).runBrowserRole(),
  [INSTALL_WORKER]: async () => (await import("./install/role.ts")).runInstallRole(),
  [LANE_WORKER]: async () => (await import("./client/lanes.ts")).runLaneRole(),
  [REWRAP_WORKER]: async () => (await import("./client/rewrap/worker.ts")).runRewrapRole(),
  [SHARE_WORKER]: async () => (await import("./share/worker.ts")).runShareRole(),
  [SHARE_CLIENT_WORKER]: async () =>
    (await import("./share/client/worker.ts")).runShareClientRole(),
  [SHARE_ATTACK_WORKER]: async () => (await import("./share/attack/worker.ts")).runAttackRole(),
  [SHARE_DOCTOR_WORKER]: async () => (await import("./share/doctor/worker.ts")).runDoctorRole(),
};

/** The window sends by another folder's code. */
async function runGui(): Promise<void> {
  const { runGuiRole } = await import("./client/gui/worker.ts");
  const { sendStream } = await import("./share/client/stream.ts");
  runGuiRole(sendStream);
}

const role = ROLES[globalThis.name];
if (role) await role();
else Deno.exit(await main(Deno.args));
