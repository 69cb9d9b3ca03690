/**
 * The same on Windows as `trust.ts` asks elsewhere: by access lists, which name whoever may do
 * something. Run under Wine, which makes them of modes, never on Windows: see docs/systems.md.
 */
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { type AccessList, type AccessLists, loadAccessLists } from "./access_list.ts";

/** Whoever may do all in any case, or is meant: [MS-DTYP] 2.4.2.4. */
const TRUSTED: readonly string[] = [
  // SYSTEM and Administrators.
  "S-1-5-18",
  "S-1-5-32-544",
  // TrustedInstaller, whose the root of a drive may be.
  "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
  // Whoever owns it.
  "S-1-3-4",
];

const [ADD_FILE, ADD_DIRECTORY, WRITE_EA, DELETE_CHILD, WRITE_ATTRIBUTES] = [2, 4, 16, 64, 256];
const [DELETE, WRITE_DAC, WRITE_OWNER] = [0x10000, 0x40000, 0x80000];
/** GENERIC_ALL and GENERIC_WRITE. */
const [ALL, WRITE] = [0x10000000, 0x40000000];

/** By which of its rights somebody could harm what is at a path, and what that is called. */
const HARM = {
  /** Of a directory somewhere above: to put another thing in the place of what is in it. */
  replaced: DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | ALL | WRITE,
  written: ADD_FILE | ADD_DIRECTORY | WRITE_EA | DELETE_CHILD | WRITE_ATTRIBUTES | DELETE |
    WRITE_DAC | WRITE_OWNER | ALL | WRITE,
  /** Any right at all. */
  read: 0xffffffff,
} as const;

/** What nobody else may do. */
export type Harm = keyof typeof HARM;

let loaded: AccessLists | undefined;

/** Prepares to ask, for who gives up `ffi` before asking. */
export function prepareToAsk(): void {
  loaded ??= loadAccessLists();
}

function accessLists(path: string): AccessLists {
  try {
    prepareToAsk();
  } catch {
    // Said below.
  }
  if (loaded) return loaded;
  throw unsafe(path, "may be anybody's: this subcommand may not ask Windows", "name no such file");
}

/** @throws {CryptoError} `unsafe_path` */
export function requireNobodyElse(path: string, harm: Harm): void {
  const lists = accessLists(path);
  const problem = problemOf(accessOf(lists, path), lists.me, harm);
  if (problem) throw unsafe(path, problem, "icacls shows who may, and mends it");
}

function accessOf(lists: AccessLists, path: string): AccessList | undefined {
  try {
    return lists.of(path);
  } catch {
    return undefined;
  }
}

/** What is wrong with an access list, if anything is. Undefined for one that cannot be read. */
export function problemOf(
  access: AccessList | undefined,
  me: string,
  harm: Harm,
): string | undefined {
  if (!access) return "has no access list that says who may do what with it";
  const isTrusted = (who: string) => who === me || TRUSTED.includes(who);
  if (!isTrusted(access.owner)) return `belongs to ${access.owner}`;
  const other = access.grants.find(({ who, rights }) => {
    return !isTrusted(who) && (rights & HARM[harm]) !== 0;
  });
  return other && `can be ${harm} by others (${other.who})`;
}

/**
 * Checks a directory and those above it, up to the root of its drive.
 * @param real without links
 * @returns the same, written with `/`
 * @throws {CryptoError} `unsafe_path`
 */
export function requireOwnDirectory(real: string): string {
  const path = real.replaceAll("\\", "/");
  if (!/^[A-Za-z]:\//.test(path)) throw unsafe(path, "is on no drive of this machine", "move it");
  requireNobodyElse(path, "written");
  for (let above = path; !isRoot(above);) {
    above = parentOf(above);
    requireNobodyElse(above, "replaced");
  }
  return path;
}

function isRoot(path: string): boolean {
  return path.length === 3;
}

/** That of `C:/x` is `C:/`, for `C:` is wherever one happens to be on that drive. */
function parentOf(path: string): string {
  const above = parent(path);
  return above.endsWith(":") ? `${above}/` : above;
}

function unsafe(path: string, problem: string, remedy: string): CryptoError {
  return new CryptoError("unsafe_path", { subject: path, hint: `it ${problem}; ${remedy}` });
}
