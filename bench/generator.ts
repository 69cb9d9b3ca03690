/** Starting the load generator: the one in C where it can be compiled, else the one in Deno. */
import { fileURLToPath } from "node:url";
import { processSeconds } from "./processors.ts";
import type { Server } from "./servers.ts";
import { compileC, has, output, type Workspace } from "./workspace.ts";

/** What a server is to be given. */
export interface Load {
  readonly connections: number;
  /** Requests over kept connections, or each over a new one. */
  readonly mode: "keep" | "new";
  /** A file of requests, and what each answer must contain. */
  readonly lines: string;
  readonly expected: string;
  readonly seconds: number;
  readonly warmup: number;
}

/** What came of it. Times in microseconds. */
export interface Figures {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the server for each request. */
  readonly cpu: number;
}

interface Report {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** A load generator that is ready to run. */
export class Generator {
  private constructor(private readonly command: readonly string[], readonly language: string) {}

  /** Compiles it if there is a compiler. */
  static async prepare(space: Workspace): Promise<Generator> {
    if (!await has("cc")) {
      const script = fileURLToPath(new URL("load.ts", import.meta.url));
      return new Generator([Deno.execPath(), "run", "--allow-all", script], "Deno");
    }
    return new Generator([await compileC(space, "load.c", { name: "load" })], "C");
  }

  /** The one that speaks TLS with an identity, or why there is none. */
  static async prepareTls(
    space: Workspace,
    identity: string,
  ): Promise<Generator | { readonly skip: string }> {
    const options = ["-DTLS", "-lssl", "-lcrypto"];
    try {
      const program = await compileC(space, "load.c", { name: "load-tls", options });
      return new Generator(["env", `LOAD_IDENTITY=${identity}`, program], "C");
    } catch {
      return { skip: "it takes a C compiler and OpenSSL's headers (libssl-dev)" };
    }
  }

  /** Loads a server. Throws if one answer is not as expected. */
  async run(server: Server, load: Load): Promise<Figures> {
    const { connections, seconds, warmup, mode, lines, expected } = load;
    const numbers = [connections, seconds, warmup].map(String);
    const [program = "", ...args] = this.command;
    const before = await processSeconds(server.pid);
    const all = [...args, server.socket, ...numbers, mode, lines, expected];
    const report = JSON.parse(await output(program, all, seconds + warmup + 20)) as Report;
    const used = await processSeconds(server.pid) - before;
    const rate = report.requests / report.seconds;
    // The warm-up counts too; in it there are about as many requests a second.
    const cpu = 1e6 * used / (rate * (seconds + warmup));
    return { rate, p50: report.p50, p99: report.p99, cpu };
  }
}
