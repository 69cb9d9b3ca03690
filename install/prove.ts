/** The proof that a service that was installed does what it is for, and only for its group. */
import { type Bytes, equalSecret, fromUtf8, randomBytes, utf8 } from "../core/bytes.ts";
import { CryptoError, ERRORS } from "../core/errors.ts";
import { type Ended, runProgram } from "../platform/programs.ts";
import { type Account, isKnownId } from "./account.ts";

/** Ids that systemd gives to users who exist only while a service runs: nobody's, or in use. */
const FIRST_ID = 61_184;
const LAST_ID = 65_519;
const ROOT = 0;
const SECRET_BYTES = 1_024;

/** The files that say which ids are taken. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/** What a service is proven with. */
export interface Proof {
  readonly account: Account;
  readonly taken: Accounts;
  /** Whether an administrator's policy says who may do what: then members may nothing by that. */
  readonly policy: boolean;
}

/**
 * Encrypts and decrypts as somebody in the service's group, and tries the same as somebody who is
 * not; neither has an account.
 * @returns what could not be tried, if the service waits for a passphrase, or there is a policy
 * @throws {CryptoError} `not_proven`
 */
export async function prove(
  program: string,
  { account: { gid }, taken, policy }: Proof,
): Promise<string | undefined> {
  const stranger = as(unusedId(taken));
  if (policy) {
    await isSealed([...as(ROOT), program]);
    await requireRefusal([...stranger, program]);
    return POLICY;
  }
  const member = as(unusedId(taken), gid);
  const sealed = await isSealed([...member, program]);
  const tried = sealed === false && await requireRoundTrip([...member, program]);
  await requireRefusal([...stranger, program]);
  return sealed ? SEALED : tried ? undefined : BUSY;
}

async function requireRefusal(crypto: readonly string[]): Promise<void> {
  const refused = await runProgram("setpriv", [...crypto, "status"]);
  if (!isRefusal(refused)) throw failure("somebody outside its group was not refused");
}

const POLICY =
  "the policy says who may use the keys: the service answers root, a stranger is refused, and that " +
  "somebody can decrypt was not tried";

const BUSY =
  "the service has no connection free: a stranger is refused, and that a member can decrypt was " +
  "not tried";

/** How long it is waited for a service that has no connection free, and how long in between. */
const BUSY_PATIENCE = 8_000;
const BUSY_PAUSE = 250;

const SEALED =
  "the service waits for `crypto unseal`: a stranger is refused, and that a member can " +
  "decrypt was not tried";

/**
 * Whether the service has its keys under a passphrase that nobody has typed yet.
 * @returns undefined if it is busy
 */
async function isSealed(crypto: readonly string[]): Promise<boolean | undefined> {
  const status = await succeed(() => runProgram("setpriv", [...crypto, "status", "--json"]));
  return status && JSON.parse(fromUtf8(status)).sealed === true;
}

/** Encrypts and decrypts. @returns false if the service is busy */
async function requireRoundTrip(crypto: readonly string[]): Promise<boolean> {
  const secret = utf8(randomBytes(SECRET_BYTES).toHex());
  const run = (verb: string, input: Bytes) => {
    return succeed(() => runProgram("setpriv", [...crypto, verb], { input }));
  };
  const sealed = await run("encrypt", secret);
  const opened = sealed && await run("decrypt", sealed);
  if (!opened) return false;
  if (!equalSecret(opened, secret)) throw failure("what it decrypts is not what it encrypted");
  return true;
}

/** Arguments of setpriv(1): a user of that number only, in its own group and one more. */
function as(id: number, group?: number): string[] {
  const groups = group === undefined ? ["--clear-groups"] : [`--groups=${group}`];
  return [`--reuid=${id}`, `--regid=${id}`, ...groups, "--no-new-privs", "--"];
}

function unusedId({ passwd, group }: Accounts): number {
  for (;;) {
    const [random] = crypto.getRandomValues(new Uint16Array(1));
    const id = FIRST_ID + random! % (LAST_ID - FIRST_ID + 1);
    if (!isKnownId(id, passwd, group)) return id;
  }
}

/** What a program prints that must succeed, or undefined if the service stays busy. */
async function succeed(start: () => Promise<Ended>): Promise<Bytes | undefined> {
  const ended = await patiently(start);
  const { status, stdout, stderr } = ended;
  if (status === 0) return stdout;
  if (isBusy(ended)) return undefined;
  const said = new TextDecoder().decode(stderr).split("\n")[0]!.slice(0, 300);
  throw failure(`somebody who may use it was refused: ${said}`);
}

async function patiently(start: () => Promise<Ended>): Promise<Ended> {
  const end = performance.now() + BUSY_PATIENCE;
  for (;;) {
    const ended = await start();
    if (!isBusy(ended) || performance.now() >= end) return ended;
    await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE));
  }
}

/** The status alone would not do: it is also that of a service that cannot write its log. */
function isBusy({ status, stderr }: Ended): boolean {
  const { exit, message } = ERRORS.too_many_connections;
  return status === exit && new TextDecoder().decode(stderr).includes(message);
}

/** The kernel refuses the connection, or the daemon the request. */
function isRefusal({ status, stdout }: Ended): boolean {
  const statuses: readonly number[] = [ERRORS.unavailable.exit, ERRORS.denied.exit];
  return statuses.includes(status) && stdout.length === 0;
}

function failure(what: string): CryptoError {
  const hint = `${what}; see \`journalctl --unit crypto.service\``;
  return new CryptoError("not_proven", { subject: "crypto.service", hint });
}
