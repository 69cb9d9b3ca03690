/** A share server of the tests' own: the compiled program, on a port that nobody else has. */
import { compiledProgram, plainEnvironment } from "./process.ts";

/** A running share server. */
export interface ShareServer extends AsyncDisposable {
  readonly origin: string;
  /** An environment whose commands find it. */
  readonly env: Readonly<Record<string, string>>;
}

const ANNOUNCED = /sharing at (\S+),/;

/** Starts `crypto share serve` and waits until it says where it is. */
export async function startShareServer(): Promise<ShareServer> {
  const data = await Deno.makeTempDir({ prefix: "csh-" });
  const env = { ...plainEnvironment(), HOME: data };
  const args = ["share", "serve", "--listen", "127.0.0.1:0", "--data", `${data}/share`];
  const child = new Deno.Command(compiledProgram(), {
    args,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [lines, rest] = child.stderr.pipeThrough(new TextDecoderStream()).tee();
  const drained = rest.pipeTo(new WritableStream());
  let said = "";
  for await (const text of lines) if (ANNOUNCED.test(said += text)) break;
  const origin = ANNOUNCED.exec(said)?.[1];
  if (origin === undefined) throw new Error(`no share server: ${said}`);
  return {
    origin,
    env: { ...env, CRYPTO_SHARE_SERVER: origin },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await Promise.all([child.status, drained]);
      await Deno.remove(data, { recursive: true });
    },
  };
}
