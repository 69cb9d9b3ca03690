/** The network mode against the Unix socket of the same daemon. */
import { QUICK_SIZE, SIZE, writeRandom } from "./files.ts";
import { type Figures, Generator } from "./generator.ts";
import { type Case, kept, prepareLoad } from "./requests.ts";
import { interleave } from "./rounds.ts";
import { Runner } from "./runner.ts";
import { daemonHome, type Server, startDaemon } from "./servers.ts";
import { portOf } from "./share_server.ts";
import type { Row } from "./table.ts";
import { output, type Workspace } from "./workspace.ts";

const AGAINST = "Unix socket";
const KEPT = kept("encrypt", 100, 16, 0.5);
const NEW: Case = { ...KEPT, mode: "new" };

/** A daemon that is reached both ways, and an identity for one of them. */
interface Reached {
  readonly local: Server;
  readonly port: number;
  readonly identity: string;
}

/** Measures requests, handshakes and a large file. */
export async function benchNetwork(space: Workspace): Promise<Row[]> {
  const reached = await startBoth(space);
  const generator = await Generator.prepareTls(space, reached.identity);
  const rows = "skip" in generator
    ? [
      {
        part: "network",
        what: `requests (skipped: ${generator.skip})`,
        unit: "rate",
        ours: [],
      } as const,
    ]
    : await requestRows(space, generator, reached);
  return [...rows, ...await fileRows(space, reached)];
}

/** A daemon with certificates of its own authority. */
async function startBoth(space: Workspace): Promise<Reached> {
  const env = await daemonHome(space);
  const passphrase = space.path("passphrase");
  await Deno.writeTextFile(passphrase, "for a benchmark\n");
  const pki = async (...args: string[]) => {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const from = ["--passphrase-file", passphrase];
    await output("env", [...variables, space.crypto, "pki", ...args, ...from]);
  };
  await pki("init");
  await pki("issue", "--server", "keys", "localhost");
  await pki("issue", "client");
  const config = `${env.XDG_CONFIG_HOME}/crypto`;
  const server = ["cert", "key"].map((name) => `"pki/issued/keys/${name}.pem"`);
  const settings = [
    "[network]",
    'listen = "tls://127.0.0.1:0"',
    `certificate = ${server[0]}\nkey = ${server[1]}`,
    'ca = "pki/ca.pem"\nrevoked = "pki/revoked.pem"',
    'clients = ["DNS:client"]',
  ];
  await Deno.writeTextFile(`${config}/crypto.toml`, settings.join("\n"));
  const local = await startDaemon(space, { prepared: env });
  return { local, port: await portOf(local.pid), identity: `${config}/pki/issued/client` };
}

async function requestRows(
  space: Workspace,
  tls: Generator,
  { local, port }: Reached,
): Promise<Row[]> {
  const plain = await Generator.prepare(space);
  const remote: Server = { ...local, socket: `${port}` };
  const rows: Row[] = [];
  for (const one of [KEPT, NEW]) {
    console.error(`  ${one.mode === "keep" ? "requests" : "handshakes"}, 16 clients`);
    // A handshake takes as long as a hundred requests: in a short round few would end.
    const load = { ...await prepareLoad(space, local, one), seconds: 1, warmup: 1 };
    const figures = await interleave(space, space.quick ? 3 : 11, {
      ours: () => tls.run(remote, load),
      peer: () => plain.run(local, load),
    });
    rows.push(...rowsOf(one, figures.ours, figures.peer));
  }
  return rows;
}

function rowsOf({ mode }: Case, ours: Figures[], peer: Figures[]): Row[] {
  const row = (what: string, unit: Row["unit"], pick: (figures: Figures) => number): Row => {
    const both = { ours: ours.map(pick), peer: peer.map(pick) };
    return { part: "network", what, unit, ...both, against: AGAINST };
  };
  const isKept = mode === "keep";
  const what = isKept
    ? "encrypt 100 B over TLS, 16 kept"
    : "handshakes, one request each, 16 clients";
  return [
    {
      ...row(what, "rate", ({ rate }) => rate),
      target: isKept ? { ratio: KEPT.target } : undefined,
    },
    row("  p50", "micros", ({ p50 }) => p50),
    row("  p99", "micros", ({ p99 }) => p99),
    row("  processor, each", "micros", ({ cpu }) => cpu),
  ];
}

/** The whole command, start and handshake included. */
async function fileRows(space: Workspace, { local, port, identity }: Reached): Promise<Row[]> {
  const size = space.quick ? QUICK_SIZE : SIZE;
  const plain = space.path("plain");
  await writeRandom(plain, size);
  const runner = await Runner.start(space);
  const measure = (...by: string[]) => async () => {
    const command = [space.crypto, "encrypt", ...by, "--output", "-", plain];
    return (await runner.run({ pipeline: [command] })).seconds;
  };
  const { ours, peer } = await interleave(space, space.quick ? 3 : 7, {
    ours: measure("--server", `tls://localhost:${port}`, "--identity", identity),
    peer: measure("--socket", local.socket),
  });
  await runner.stop();
  const what = `encrypt ${size / (1 << 20)} MiB by a daemon elsewhere, file to /dev/null`;
  const target = { ratio: 0.9 };
  return [{ part: "network", what, unit: "seconds", ours, peer, against: AGAINST, target }];
}
