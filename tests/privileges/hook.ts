/**
 * Stands before the program in a build of its own, and tries from inside what no subcommand may do:
 * when the main thread reads its input or writes its output for the first time and when it ends,
 * and in a worker whenever it tells something. Prints what came of it, a line of JSON each time.
 */

/** What came of each attempt: `done`, or the name of the error. */
export type Attempts = Readonly<Record<string, string>>;

/** One time at which all was tried. */
export interface Trial {
  /** `main`, or the name of the worker. */
  readonly where: string;
  readonly when: string;
  readonly attempts: Attempts;
}

/** What a line of the hook's begins with. */
export const MARK = "TRIED ";

const LIBM = Deno.build.arch === "aarch64"
  ? "/lib/aarch64-linux-gnu/libm.so.6"
  : "/lib/x86_64-linux-gnu/libm.so.6";

/** What is there afterwards if it could be done. */
export const LEFT = ["/var/tmp/crypto-privileges-probe", "/var/tmp/crypto-privileges-probe.d"];

/** None of these belongs to any subcommand, so that one list does for all. */
const FORBIDDEN: Readonly<Record<string, () => unknown>> = {
  "read a secret of root's": () => Deno.readFileSync("/etc/shadow"),
  "read a file": () => Deno.readFileSync("/etc/hostname"),
  "read its own memory": () => Deno.readFileSync("/proc/self/maps"),
  "look at a file": () => Deno.statSync("/etc/hostname"),
  "list a directory": () => [...Deno.readDirSync("/")],
  "write a file": () => Deno.writeTextFileSync(LEFT[0]!, "x"),
  "make a directory": () => Deno.mkdirSync(LEFT[1]!),
  "make a temporary file": () => Deno.removeSync(Deno.makeTempFileSync()),
  "listen on a network": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "run a shell": () => new Deno.Command("/bin/sh", { args: ["-c", "true"] }).outputSync(),
  "read a variable": () => Deno.env.get("SHELL"),
  "read all variables": () => Deno.env.toObject(),
  "learn the machine's name": () => Deno.hostname(),
  "load a library": () => Deno.dlopen(LIBM, { sin: { parameters: ["f64"], result: "f64" } }),
  "make a pointer": () => Deno.UnsafePointer.of(new Uint8Array(8)),
};

/** The same, for what is asked and answered later. */
const FORBIDDEN_LATER: Readonly<Record<string, () => Promise<unknown>>> = {
  "connect to a network": () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  "connect to a socket": () => Deno.connect({ transport: "unix", path: "/run/other.sock" }),
  "look a name up": () => Deno.resolveDns("localhost", "A"),
  "get its permissions back": async () => {
    const { state } = await Deno.permissions.request({ name: "read" });
    if (state !== "granted") throw new Deno.errors.NotCapable();
  },
};

const where = globalThis.name || "main";
const exit = Deno.exit;

function report(when: string, attempts: Attempts): void {
  console.error(MARK + JSON.stringify({ where, when, attempts } satisfies Trial));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

function tryAll(when: string): void {
  const attempts: Record<string, string> = {};
  for (const [what, attempt] of Object.entries(FORBIDDEN)) {
    try {
      attempt();
      attempts[what] = "done";
    } catch (error) {
      attempts[what] = nameOf(error);
    }
  }
  report(when, attempts);
}

async function tryLater(when: string): Promise<void> {
  const attempts: Record<string, string> = {};
  for (const [what, attempt] of Object.entries(FORBIDDEN_LATER)) {
    attempts[what] = await attempt().then(() => "done", nameOf);
  }
  report(when, attempts);
}

// deno-lint-ignore no-explicit-any
type Method = (this: any, ...args: any[]) => any;

/** Tries everything before the first call of a method, which then goes on as it would. */
function before(owner: object, name: string): void {
  const methods = owner as Record<string, Method>;
  const original = methods[name];
  if (!original) return;
  methods[name] = function (...args) {
    methods[name] = original;
    tryAll(`first ${name}`);
    return original.apply(this, args);
  };
}

if (where === "main") {
  for (const method of ["read", "readSync"]) before(Deno.stdin, method);
  for (const method of ["write", "writeSync"]) before(Deno.stdout, method);
  Deno.exit = ((status?: number) => {
    tryAll("exit");
    return tryLater("exit").then(() => exit(status));
  }) as typeof Deno.exit;
} else {
  const scope = globalThis as unknown as { postMessage(message: { type?: string }): void };
  const post = scope.postMessage;
  scope.postMessage = (message) => {
    tryAll(`tells ${message.type}`);
    void tryLater(`tells ${message.type}`).then(() => post(message));
  };
}
