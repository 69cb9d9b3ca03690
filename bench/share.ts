/** The share server on its embedded store: secrets created and read, over kept connections. */
import { createHash, randomBytes } from "node:crypto";
import { interleave } from "./rounds.ts";
import { benchShareFiles } from "./share_files.ts";
import { type ShareServer, startShare } from "./share_server.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

const CONNECTIONS = 8;
const BYTES = 1024;
/** Secrets that are made for each second of a round, before it: more than are needed. */
const MADE_RATE = 4_000;
/** What the project demands. */
const MIN_RATE = 1_000;
const MAX_P99 = 25_000;

/** One round: pairs a second, and the 99th percentile of a pair in microseconds. */
interface Figures {
  readonly rate: number;
  readonly p99: number;
}

/** Measures the server with many small secrets, and the command line with large files. */
export async function benchShare(space: Workspace): Promise<Row[]> {
  const server = await startShare(space);
  return [...await benchPairs(space, server), ...await benchShareFiles(space, server)];
}

/**
 * Measures create, take and acknowledge of 1 KiB, each after the other, on eight connections. What a
 * client would encrypt and hash for it is made before: it is the server that is measured, on a
 * machine that it shares with the clients.
 */
async function benchPairs(space: Workspace, { port }: ShareServer): Promise<Row[]> {
  const seconds = space.quick ? 2 : 5;
  await run(port, 1);
  const { ours } = await interleave(space, space.quick ? 3 : 7, { ours: () => run(port, seconds) });
  const row = { part: "share", against: "embedded store, one process" };
  const what = `create, take, acknowledge ${BYTES / 1024} KiB, ${CONNECTIONS} clients`;
  const seconds1000 = ours.map(({ rate }) => MIN_RATE / rate);
  return [
    { ...row, what, unit: "rate", ours: ours.map(({ rate }) => rate) },
    {
      ...row,
      what: "  seconds for 1,000",
      unit: "seconds",
      ours: seconds1000,
      target: { below: 1 },
    },
    {
      ...row,
      what: "  p99 of all three",
      unit: "micros",
      ours: ours.map(({ p99 }) => p99),
      target: { below: MAX_P99 },
    },
  ];
}

async function run(port: number, seconds: number): Promise<Figures> {
  const secrets = Array.from({ length: seconds * MADE_RATE }, makeSecret);
  const started = performance.now();
  const end = started + seconds * 1000;
  const times: number[] = [];
  await Promise.all(Array.from({ length: CONNECTIONS }, () => loop(port, end, secrets, times)));
  const elapsed = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)] ?? NaN;
  return { rate: times.length / elapsed, p99: p99 * 1000 };
}

async function loop(port: number, end: number, secrets: Secret[], times: number[]): Promise<void> {
  using connection = new Connection(port);
  while (performance.now() < end) {
    const secret = secrets.pop();
    if (!secret) throw new Error(`more than ${MADE_RATE} a second: this bench makes too few`);
    const started = performance.now();
    await connection.post(secret.create, "201");
    const answer = await connection.post(secret.take, "200");
    await connection.post(secret.acknowledge, "204");
    times.push(performance.now() - started);
    if (!answer.includes(secret.body)) throw new Error(`another secret came back: ${answer}`);
  }
}

/** The ciphertext of a secret, and the requests of its life. */
type Secret = ReturnType<typeof makeSecret>;

function makeSecret() {
  const [id, proof, token] = [randomBytes(16), randomBytes(32), randomBytes(32)];
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("base64url");
  const [name, body] = [id.toString("base64url"), randomBytes(BYTES).toString("base64url")];
  const terms = { kind: "secret", ttl: 3600, views: 1, size: BYTES };
  const proofs = { linkProofHash: hash(proof), receiptHash: hash(token) };
  const claimToken = token.toString("base64url");
  return {
    body,
    create: requestOf("create", { id: name, ...proofs, ...terms, body }),
    take: requestOf("take", { id: name, linkProof: proof.toString("base64url"), claimToken }),
    acknowledge: requestOf("acknowledge", { id: name, claimToken }),
  };
}

function requestOf(call: string, asked: unknown): Uint8Array {
  const json = JSON.stringify(asked);
  const head = `POST /api/${call} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n`;
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

  async post(request: Uint8Array, status: string): Promise<string> {
    const tcp = this.#tcp ??= await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    for (let sent = 0; sent < request.length;) sent += await tcp.write(request.subarray(sent));
    const answer = await this.#answer(tcp);
    if (/\r\nconnection: close\r\n/i.test(answer)) this[Symbol.dispose]();
    if (answer.startsWith(`HTTP/1.1 ${status} `)) return answer;
    throw new Error(`${decoder.decode(request.subarray(0, 30))}: ${answer.slice(0, 500)}`);
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
