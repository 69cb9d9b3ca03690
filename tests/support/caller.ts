/** Calling a daemon as somebody else, from a process of its own. */
import { asUser, type User, type WireAnswer } from "./daemon.ts";
import { plainEnvironment, publicProgram, run } from "./process.ts";

/** What the caller got to hear. */
export interface Heard {
  readonly pid: number;
  /** The name of the error, if it could not even connect. */
  readonly refused?: string;
  readonly answers: readonly WireAnswer[];
}

const SCRIPT = `
const [path, ...lines] = Deno.args;
const heard = { pid: Deno.pid, answers: [] };
try {
  const connection = await Deno.connect({ transport: "unix", path });
  const bytes = new TextEncoder().encode(lines.join("\\n"));
  // Who is refused may be hung up on before all is sent; the reason can be read all the same.
  await connection.write(bytes).then(() => connection.closeWrite()).catch(() => {});
  const buffer = new Uint8Array(65536);
  const decoder = new TextDecoder();
  let text = "";
  for (let n; (n = await connection.read(buffer).catch(() => null)) !== null;) {
    text += decoder.decode(buffer.subarray(0, n), { stream: true });
  }
  heard.answers = text.split("\\n").filter(Boolean).map((line) => JSON.parse(line));
} catch (error) {
  heard.refused = error.name;
}
console.log(JSON.stringify(heard));
`;

/** How a caller runs. */
export interface CallerOptions {
  readonly user?: User | undefined;
  /** A command that it runs under. */
  readonly wrapper?: readonly string[] | undefined;
  /** Whether it runs this Deno, or one that every user may run. */
  readonly program?: "own" | "public" | undefined;
}

/** Connects, sends lines, and gives all that the daemon answers. */
export async function callAs(
  { user, wrapper = [], program = user ? "public" : "own" }: CallerOptions,
  socket: string,
  ...lines: readonly string[]
): Promise<Heard> {
  const deno = program === "own" ? Deno.execPath() : publicProgram(Deno.execPath());
  const script = ["run", "--allow-all", "--no-config", "--no-lock", "--quiet", "-"];
  const command = [...wrapper, ...asUser(user), deno, ...script, socket, ...lines];
  // It has nothing to cache, and a user of a number only has no place for it.
  const env = { ...plainEnvironment(), DENO_DIR: "/proc/nowhere" };
  const ended = await run(command, { env, cwd: "/", stdin: SCRIPT });
  if (ended.code !== 0) throw new Error(`the caller failed: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as Heard;
}
