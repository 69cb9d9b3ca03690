/** A share server of the tests' own: the compiled program, on a port that nobody else has. */
import { compiledProgram, plainEnvironment } from "./process.ts";

/** A running share server. */
export interface ShareServer {
  readonly origin: string;
  /** An environment whose commands find it. */
  readonly env: Readonly<Record<string, string>>;
  [Symbol.asyncDispose](): Promise<void>;
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
  const found = Promise.withResolvers<string>();
  const drained = watch(child.stderr, found);
  const origin = await found.promise;
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

/** Reads to the end what it says, and finds where it is. */
async function watch(
  stderr: ReadableStream<Uint8Array<ArrayBuffer>>,
  found: PromiseWithResolvers<string>,
): Promise<void> {
  let said = "";
  for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
    const [, origin] = ANNOUNCED.exec(said += text) ?? [];
    if (origin) found.resolve(origin);
  }
  found.reject(new Error(`no share server: ${said}`));
}
