/**
 * The load of the share bench: by the generator in C where it can be compiled, else in this
 * process, which costs more, so that the server gets less of the machine.
 */
import { createHash, randomBytes } from "node:crypto";
import { compileC, has, output, type Workspace } from "./workspace.ts";

/** Secrets that are made for each second of a round, before it: more than are needed. */
const MADE_RATE = 4_000;

/** A server, and with how much at once it is loaded. */
export interface ShareTarget {
  readonly port: number;
  readonly connections: number;
  /** Of each secret. */
  readonly bytes: number;
}

/** One round: pairs a second, and the 99th percentile of a pair in microseconds. */
export interface ShareFigures {
  readonly rate: number;
  readonly p99: number;
}

/** A load generator that is ready to run. */
export class ShareLoad {
  private constructor(
    private readonly target: ShareTarget,
    /** The one in C, if it could be compiled. */
    private readonly program: string | undefined,
  ) {}

  /** Compiles it if there is a compiler. */
  static async prepare(space: Workspace, target: ShareTarget): Promise<ShareLoad> {
    if (!await has("cc")) return new ShareLoad(target, undefined);
    return new ShareLoad(target, await compileC(space, "share_load.c", { name: "share_load" }));
  }

  /** Loads the server for some seconds. Throws if one answer is not as expected. */
  async run(seconds: number): Promise<ShareFigures> {
    const { bytes } = this.target;
    const secrets = Array.from({ length: seconds * MADE_RATE }, () => makeSecret(bytes));
    if (this.program === undefined) return await runHere(this.target, secrets, seconds);
    const { port, connections } = this.target;
    const args = [port, connections, seconds].map(String);
    const lines = secrets.flatMap(({ calls, body }) => [...calls.map(({ json }) => json), body]);
    const report = await output(this.program, args, seconds + 60, lines.join("\n") + "\n");
    const { pairs, seconds: elapsed, p99 } = JSON.parse(report);
    return { rate: pairs / elapsed, p99 };
  }
}

async function runHere(
  { port, connections }: ShareTarget,
  secrets: Secret[],
  seconds: number,
): Promise<ShareFigures> {
  const started = performance.now();
  const end = started + seconds * 1000;
  const times: number[] = [];
  await Promise.all(Array.from({ length: connections }, () => loop(port, end, secrets, times)));
  const elapsed = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor((times.length - 1) * 0.99)] ?? NaN;
  return { rate: times.length / elapsed, p99: p99 * 1000 };
}

async function loop(port: number, end: number, secrets: Secret[], times: number[]): Promise<void> {
  using connection = new Connection(port);
  while (performance.now() < end) {
    const secret = secrets.pop();
    if (!secret) throw new Error(`more than ${MADE_RATE} a second: this bench makes too few`);
    const started = performance.now();
    const answers: string[] = [];
    for (const call of secret.calls) answers.push(await connection.post(call));
    times.push(performance.now() - started);
    if (!answers[1]!.includes(secret.body)) throw new Error(`another secret came: ${answers[1]}`);
  }
}

/** A call of the API, and the status that it is answered with. */
interface Call {
  readonly name: string;
  readonly json: string;
  readonly status: number;
}

/** The ciphertext of a secret, and the calls of its life. */
interface Secret {
  readonly body: string;
  readonly calls: readonly Call[];
}

function makeSecret(size: number): Secret {
  const [id, proof, token] = [randomBytes(16), randomBytes(32), randomBytes(32)];
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("base64url");
  const [name, body] = [id.toString("base64url"), randomBytes(size).toString("base64url")];
  const terms = { kind: "secret", ttl: 3600, views: 1, size };
  const proofs = { linkProofHash: hash(proof), receiptHash: hash(token) };
  const claimToken = token.toString("base64url");
  const take = { id: name, linkProof: proof.toString("base64url"), claimToken };
  const call = (name: string, asked: unknown, status: number) => {
    return { name, json: JSON.stringify(asked), status };
  };
  return {
    body,
    calls: [
      call("create", { id: name, ...proofs, ...terms, body }, 201),
      call("take", take, 200),
      call("acknowledge", { id: name, claimToken }, 204),
    ],
  };
}

function requestOf({ name, json }: Call): Uint8Array {
  const head = `POST /api/${name} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n`;
  return encoder.encode(`${head}content-length: ${json.length}\r\n\r\n${json}`);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * A connection that speaks as little HTTP as it can. The runtime's server ends it after a request
 * that did not come whole in its first read, of one kilobyte (denoland/deno#36657); then there is
 * a new one.
 */
class Connection implements Disposable {
  readonly #buffer = new Uint8Array(65_536);

  #tcp: Deno.TcpConn | undefined;

  constructor(private readonly port: number) {}

  async post(call: Call): Promise<string> {
    const request = requestOf(call);
    const tcp = this.#tcp ??= await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    for (let sent = 0; sent < request.length;) sent += await tcp.write(request.subarray(sent));
    const answer = await this.#answer(tcp);
    if (/\r\nconnection: close\r\n/i.test(answer)) this[Symbol.dispose]();
    if (answer.startsWith(`HTTP/1.1 ${call.status} `)) return answer;
    throw new Error(`${call.name}: ${answer.slice(0, 500)}`);
  }

  async #answer(tcp: Deno.TcpConn): Promise<string> {
    for (let text = "";;) {
      const length = await tcp.read(this.#buffer);
      if (length === null) throw new Error("the server hung up");
      text += decoder.decode(this.#buffer.subarray(0, length));
      const end = text.indexOf("\r\n\r\n");
      const body = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (end >= 0 && text.length >= end + 4 + body) return text;
    }
  }

  [Symbol.dispose](): void {
    this.#tcp?.close();
    this.#tcp = undefined;
  }
}
