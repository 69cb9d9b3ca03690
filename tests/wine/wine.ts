/**
 * Windows as Wine has it: Debian 13's, with Deno for Windows out of npm and OpenSSL's libraries out
 * of a wheel. Each program runs in a throw-away copy of all that, in namespaces of its own, so that
 * nothing of it is left; the daemon's directory is the only thing that stays.
 */
import { join } from "node:path";
import { bundle } from "../../tools/compile.ts";
import { packagedFile } from "../../tools/package.ts";
import { PROJECT } from "../../tools/process.ts";
import { installed, NOT_ROOT } from "../cli/support.ts";
import { cached, type Skip } from "../support/cache.ts";
import { must } from "../support/process.ts";

const MAKING = 600_000;
const DEBIAN = "trixie";

/** The same release of Deno as the tests run under. */
const PACKAGE = {
  package: "@deno/win32-x64",
  release: "2.9.4",
  file: "deno.exe",
  integrity:
    "sha512-u69MJjnr/4ttQ1a/lMVch57LJJgzplEIDiHepZX+yHOw9Q4FdWinr9Gj0oZ/hpEnTvVtih/CZc3IvYagBqQBag==",
  os: "win32",
  cpu: "x64",
} as const;

/** A wheel that brings OpenSSL 3 for Windows. */
const WHEEL = "psycopg2-binary==2.9.13 " +
  "--hash=sha256:376ebf7d8aee4b7386b2bac31fdc27911e7e57cd0a88f1e038b8b149398ac008";
/** The wheel has the two under names with a hash, by which the one looks for the other. */
const HASHED = /-[0-9a-f]{32}\.dll$/;

/** The program that runs there, as its command begins. */
export const DENO = "/opt/deno.exe";
/** Where things are in the root directory. */
const PREFIX = "root/.wine";
const OPENSSL = `${PREFIX}/drive_c/Program Files/OpenSSL-Win64/bin`;
const PROFILE = `${PREFIX}/drive_c/users/wine/AppData/Local`;

/** A root directory that is not to be written to, or why there is none. */
async function wineRoot(): Promise<string | Skip> {
  const missing = NOT_ROOT ?? await installed("mmdebstrap") ?? await installed("python3");
  if (missing !== undefined) return { skip: missing };
  const made = await cached(`wine-${DEBIAN}-${PACKAGE.release}`, async (path) => {
    try {
      await fill(`${path}/root`, `${path}/wheel`);
      return undefined;
    } catch (error) {
      return { skip: (error as Error).message };
    }
  });
  return typeof made === "string" ? `${made}/root` : made;
}

async function fill(root: string, wheel: string): Promise<void> {
  // Where packages come from, and what is trusted there, the environment says.
  const options = { env: Deno.env.toObject(), patience: MAKING };
  const debian = ["mmdebstrap", "--quiet", "--variant=extract", "--include=wine64,libwine"];
  await must([...debian, DEBIAN, root], options);
  await complete(root);
  await Deno.writeFile(`${root}${DENO}`, await packagedFile(PACKAGE));
  await must(inside(root, { empty: wheel }, ["wineboot.exe", "--init"], false), options);
  await Deno.mkdir(`${root}/${PROFILE}/crypto`, { recursive: true });
  await Deno.writeTextFile(`${wheel}/wanted.txt`, WHEEL);
  const windows = ["--platform=win_amd64", "--python-version=3.12", "--only-binary=:all:"];
  const pip = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"];
  await must([...pip, ...windows, "-d", wheel, "-r", `${wheel}/wanted.txt`], options);
  await takeOpenSsl(wheel, `${root}/${OPENSSL}`);
}

/** What installing would have done besides unpacking. */
async function complete(root: string): Promise<void> {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, `${root}/${name}`).catch(() => {});
  }
  for (const name of ["proc", "root", "opt", "opt/program"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
  }
  await Deno.writeTextFile(`${root}/etc/hosts`, "127.0.0.1 localhost\n");
  // As libwine's postinst marks it for one of Wine's own.
  const zlib = await Deno.readFile(`${root}/usr/x86_64-w64-mingw32/lib/zlib1.dll`);
  zlib.fill(0, 64, 96);
  zlib.set(new TextEncoder().encode("Wine builtin DLL"), 64);
  const own = "usr/lib/x86_64-linux-gnu/wine/x86_64-windows";
  await Deno.writeFile(`${root}/${own}/zlib1.dll`, zlib);
}

/** Takes the two libraries, under the names that OpenSSL's installer gives them. */
async function takeOpenSsl(wheel: string, into: string): Promise<void> {
  await Deno.mkdir(into, { recursive: true });
  const [file] = [...Deno.readDirSync(wheel)].filter(({ name }) => name.endsWith(".whl"));
  await must(["python3", "-m", "zipfile", "-e", `${wheel}/${file!.name}`, wheel]);
  const libraries = `${wheel}/psycopg2_binary.libs`;
  const names = [...Deno.readDirSync(libraries)].map(({ name }) => name);
  const hashed = names.filter((name) => /^lib(ssl|crypto)-3-x64-/.test(name));
  for (const name of hashed) {
    let text = latin1(await Deno.readFile(`${libraries}/${name}`));
    for (const one of hashed) text = text.replace(one, plainName(one).padEnd(one.length, "\0"));
    await Deno.writeFile(
      `${into}/${plainName(name)}`,
      Uint8Array.from(text, (c) => c.charCodeAt(0)),
    );
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8_192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  }
  return text;
}

function plainName(hashed: string): string {
  return hashed.replace(HASHED, ".dll");
}

/** What of this machine is to be had inside. */
interface Shared {
  /** A directory that need not be there yet, to mount things at. */
  readonly empty: string;
  /** Scripts: `Z:\opt\program`. */
  readonly program?: string | undefined;
  /** What becomes the daemon's directory in the user's profile. */
  readonly place?: string | undefined;
}

const SCRIPT = `
umask 077
root=$1 empty=$2 program=$3 place=$4 profile=$5; shift 5
mkdir -p "$empty"
if [ -n "$place" ]; then
  mount -t tmpfs tmpfs "$empty"
  mkdir "$empty/upper" "$empty/working" "$empty/root"
  layers="lowerdir=$root,upperdir=$empty/upper,workdir=$empty/working"
  mount -t overlay overlay -o "$layers" "$empty/root"
  root=$empty/root
  mount --bind "$program" "$root/opt/program"
  mount --bind "$place" "$root/$profile/crypto"
fi
mount -t proc proc "$root/proc"
mkdir -p "$root/dev"
mount --rbind /dev "$root/dev"
inside() {
  env -i PATH=/usr/sbin:/usr/bin HOME=/root WINEPREFIX=/${PREFIX} WINEDEBUG=-all NO_COLOR=1 \\
    WINELOADER=$wine/wine64 WINESERVER=$wine/wineserver64 DENO_NO_UPDATE_CHECK=1 chroot "$root" "$@"
}
wine=/usr/lib/wine
inside $wine/wine64 "$@" || exit
# The registry is on the disk when the last program has ended.
if [ -z "$place" ]; then inside $wine/wineserver64 --wait; fi
`;

/** A command that runs a program of Windows'. When it is killed, nothing of it is left. */
function inside(
  root: string,
  { empty, program = "", place = "" }: Shared,
  command: readonly string[],
  throwAway = true,
): string[] {
  const own = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-euc", SCRIPT];
  const directories = throwAway ? [root, empty, program, place] : [root, empty, "", ""];
  return [...own, "sh", ...directories, PROFILE, ...command];
}

/** Wine with the program, and some of its tests. */
export class Wine {
  private constructor(
    private readonly root: string,
    private readonly program: string,
    private readonly empty: string,
  ) {}

  /** Bundles the program, and tests by their paths. Or says why there is no Wine. */
  static async make(tests: readonly string[]): Promise<Wine | Skip> {
    const root = await wineRoot();
    if (typeof root !== "string") return root;
    const directory = await Deno.makeTempDir({ prefix: "ctw-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
    const [program, empty] = [`${directory}/program`, `${directory}/empty`];
    await Deno.mkdir(program);
    await bundle(PROJECT, program);
    await Deno.copyFile(join(PROJECT, "deno.json"), `${program}/deno.json`);
    for (const path of tests) {
      const to = `${program}/${path.split("/").at(-1)!.replace(/ts$/, "js")}`;
      const arguments_ = ["bundle", "--quiet", "--platform", "deno", "-o", to, path];
      await must([Deno.execPath(), ...arguments_], { env: Deno.env.toObject(), cwd: PROJECT });
    }
    return new Wine(root, program, empty);
  }

  /** A command that runs a subcommand, with its own permissions. */
  running(place: string, subcommand: string, ...args: readonly string[]): string[] {
    const options = ["--quiet", "--no-prompt", "--no-lock", `--permission-set=${subcommand}`];
    const config = ["--config", "Z:\\opt\\program\\deno.json"];
    const main = ["Z:\\opt\\program\\main.js", subcommand, ...args];
    return this.#inside(place, [DENO, "run", ...options, ...config, ...main]);
  }

  /** A command that runs the bundled tests. */
  testing(place: string): string[] {
    const options = ["--allow-all", "--no-lock", "--no-config", "--no-check"];
    return this.#inside(place, [DENO, "test", ...options, "Z:\\opt\\program"]);
  }

  #inside(place: string, command: readonly string[]): string[] {
    const { root, program, empty } = this;
    return inside(root, { empty, program, place }, command);
  }
}
