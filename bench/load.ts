/**
 * The load generator where there is no C compiler: does the same as load.c, with the same
 * arguments and answer, but costs more, so the servers get less of the machine.
 */

interface Load {
  readonly socket: string;
  readonly keep: boolean;
  readonly lines: readonly Uint8Array<ArrayBuffer>[];
  readonly expected: string;
  readonly from: number;
  readonly until: number;
  readonly latencies: number[];
}

async function exchange(
  connection: Deno.Conn,
  line: Uint8Array<ArrayBuffer>,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<number> {
  for (let sent = 0; sent < line.length;) sent += await connection.write(line.subarray(sent));
  for (let length = 0;;) {
    const read = await connection.read(buffer.subarray(length));
    if (read === null) throw new Error("connection lost");
    length += read;
    if (buffer[length - 1] === 0x0a) return length;
  }
}

async function keepBusy(load: Load, first: number): Promise<void> {
  const open = () => Deno.connect({ transport: "unix", path: load.socket });
  const buffer = new Uint8Array(1 << 20);
  const decoder = new TextDecoder();
  let connection = load.keep ? await open() : undefined;
  for (let at = first; performance.now() < load.until; at++) {
    const sent = performance.now();
    connection ??= await open();
    const line = load.lines[at % load.lines.length]!;
    const length = await exchange(connection, line, buffer);
    const answered = performance.now();
    const answer = decoder.decode(buffer.subarray(0, length));
    if (!answer.includes(load.expected)) throw new Error(`wrong answer: ${answer}`);
    if (sent >= load.from && answered <= load.until) load.latencies.push(answered - sent);
    if (!load.keep) {
      connection.close();
      connection = undefined;
    }
  }
}

function report({ latencies }: Load, seconds: number): void {
  const sorted = Float64Array.from(latencies).sort();
  const part = (share: number) => 1000 * sorted[Math.floor((sorted.length - 1) * share)]!;
  const figures = { p50: part(0.5), p99: part(0.99), max: part(1) };
  console.log(JSON.stringify({ requests: sorted.length, seconds, ...figures }));
}

async function main([socket, connections, seconds, warmup, mode, file, expected]: string[]) {
  const text = await Deno.readTextFile(file!);
  const lines = text.trimEnd().split("\n").map((line) => new TextEncoder().encode(line + "\n"));
  const from = performance.now() + 1000 * Number(warmup);
  const until = from + 1000 * Number(seconds);
  const keep = mode === "keep";
  const load = { socket: socket!, keep, lines, expected: expected!, from, until, latencies: [] };
  const all = Array.from({ length: Number(connections) }, (_, i) => keepBusy(load, i * 7));
  await Promise.all(all);
  report(load, Number(seconds));
  Deno.exit(0);
}

await main(Deno.args);
