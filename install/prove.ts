/** The proof that a service that was installed does what it is for, and only for its group. */
import { equalSecret, randomBytes, utf8 } from "../core/bytes.ts";
import { CryptoError, ERRORS } from "../core/errors.ts";
import { type Ended, runProgram } from "../platform/programs.ts";
import { type Account, isKnownId } from "./account.ts";

/** Ids that systemd gives to users who exist only while a service runs: nobody's, or in use. */
const FIRST_ID = 61_184;
const LAST_ID = 65_519;
const SECRET_BYTES = 1_024;

/** The files that say which ids are taken. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/**
 * Encrypts and decrypts as somebody in the service's group, and tries the same as somebody who is
 * not; neither has an account.
 * @throws {CryptoError} `not_proven`
 */
export async function prove(program: string, { gid }: Account, taken: Accounts): Promise<void> {
  const [member, stranger] = [as(unusedId(taken), gid), as(unusedId(taken))];
  const secret = utf8(randomBytes(SECRET_BYTES).toHex());
  const sealed = await succeed(runProgram("setpriv", [...member, program, "encrypt"], {
    input: secret,
  }));
  const decrypt = [program, "decrypt"];
  const opened = await succeed(runProgram("setpriv", [...member, ...decrypt], { input: sealed }));
  if (!equalSecret(opened, secret)) throw failure("what it decrypts is not what it encrypted");
  const refused = await runProgram("setpriv", [...stranger, ...decrypt], { input: sealed });
  if (!isRefusal(refused)) throw failure("somebody outside its group was not refused");
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

async function succeed(running: Promise<Ended>) {
  const { status, stdout, stderr } = await running;
  if (status === 0) return stdout;
  const said = new TextDecoder().decode(stderr).split("\n")[0]!.slice(0, 300);
  throw failure(`a member of its group was refused: ${said}`);
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
