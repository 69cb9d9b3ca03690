/**
 * Two machines, as network namespaces with a cable between: on each a daemon, one with certificates
 * of OpenSSL's and one with those of `crypto pki`, and on each who asks the other's.
 */
import assert from "node:assert/strict";
import { installed } from "../cli/support.ts";
import { Authority } from "../support/certificates.ts";
import { type DaemonProcess, Place, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, must, plainEnvironment, run } from "../support/process.ts";

const PORT = 7400;

/** A network namespace with one end of the cable. */
class Machine {
  constructor(readonly name: string, readonly address: string) {}

  command(...command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  /** Bytes that have come to it by the cable. */
  async received(): Promise<number> {
    const path = "/sys/class/net/cable/statistics/rx_bytes";
    return Number(await must(this.command("cat", path), { env: plainEnvironment() }));
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  await must(["ip", ...args], { env: plainEnvironment() });
}

async function withMachines(use: (one: Machine, two: Machine) => Promise<void>): Promise<void> {
  const name = `ct${Deno.pid}`;
  const machines = [
    new Machine(`${name}a`, "10.77.0.1"),
    new Machine(`${name}b`, "10.77.0.2"),
  ] as const;
  try {
    for (const { name } of machines) await ip("netns", "add", name);
    const [one, two] = machines;
    const ends = ["cable", "netns", one.name, "type", "veth", "peer", "cable", "netns", two.name];
    await ip("link", "add", ...ends);
    for (const { name, address } of machines) {
      await ip("-n", name, "address", "add", `${address}/24`, "dev", "cable");
      await ip("-n", name, "link", "set", "cable", "up");
    }
    await use(one, two);
  } finally {
    for (const { name } of machines) await run(["ip", "netns", "del", name]);
  }
}

/** Who listens, with which files, and who may ask. */
interface Setting {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly revoked: string;
  readonly client: string;
}

async function startOn(machine: Machine, place: Place, { client, ...files }: Setting) {
  const lines = Object.entries(files).map(([name, path]) => `${name} = "${path}"\n`);
  const text = `[network]\n${lines.join("")}clients = ["${client}"]\n`;
  Deno.writeTextFileSync(`${place.config}/crypto.toml`, text);
  const args = ["--listen", `tls://${machine.address}:${PORT}`];
  return await startDaemon({ place, args, wrapper: machine.command() });
}

/** The certificates of OpenSSL's, and an identity for `--identity`. */
async function byOpenssl(place: Place, address: string) {
  const authority = await Authority.make(`${place.directory}/ca`, "test");
  const server = await authority.issue({ names: `IP:${address}`, usage: "serverAuth" });
  const client = await authority.issue({ names: "DNS:client.test", usage: "clientAuth" });
  const identity = `${place.directory}/identity`;
  Deno.mkdirSync(identity, { mode: 0o700 });
  Deno.copyFileSync(client.certificate, `${identity}/cert.pem`);
  Deno.copyFileSync(client.key, `${identity}/key.pem`);
  Deno.copyFileSync(authority.certificate, `${identity}/ca.pem`);
  const { certificate: ca, revoked } = authority;
  return { identity, setting: { ...server, ca, revoked, client: "DNS:client.test" } };
}

/** The same of `crypto pki`. */
async function byPki(place: Place, address: string) {
  const passphrase = `${place.directory}/passphrase`;
  Deno.writeTextFileSync(passphrase, "correct horse battery staple\n");
  const pki = (...args: string[]) => {
    const command = [compiledProgram(), "pki", ...args, "--passphrase-file", passphrase];
    return must(command, { env: place.env });
  };
  await pki("init");
  await pki("issue", "--server", "keys", `IP:${address}`);
  await pki("issue", "client", "URI:spiffe://test/client");
  const directory = `${place.config}/pki`;
  const server = `${directory}/issued/keys`;
  const setting = {
    certificate: `${server}/cert.pem`,
    key: `${server}/key.pem`,
    ca: `${directory}/ca.pem`,
    revoked: `${directory}/revoked.pem`,
    client: "URI:spiffe://test/client",
  };
  return { identity: `${directory}/issued/client`, setting };
}

const SIZE = 8_000_000;

/** Encrypts and decrypts a file on one machine by the daemon on the other. */
async function throughOther(here: Machine, there: Machine, identity: string): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctn-" });
  try {
    const plain = new Uint8Array(SIZE).map((_, i) => i * 31 + (i >> 9));
    Deno.writeFileSync(`${directory}/plain`, plain);
    const by = ["--server", `tls://${there.address}:${PORT}`, "--identity", identity];
    const program = here.command(compiledProgram());
    const before = await there.received();
    const env = { ...plainEnvironment(), HOME: directory };
    await must([...program, "encrypt", ...by, `${directory}/plain`], { env });
    const back = ["--output", `${directory}/back`, `${directory}/plain.crypto`];
    await must([...program, "decrypt", ...by, ...back], { env });
    assert.deepEqual(Deno.readFileSync(`${directory}/back`), plain);
    assert.ok(await there.received() - before < SIZE / 100);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const why = await installed("openssl") ?? await installed("ip", "iproute2");

await linuxTest("two daemons on two machines serve each other's clients", ["root"], async () => {
  if (why !== undefined) return console.log(`SKIP: two machines: ${why}`);
  using first = new Place();
  using second = new Place();
  for (const place of [first, second]) place.makeOwn();
  await withMachines(async (one, two) => {
    const [openssl, pki] = await Promise.all([
      byOpenssl(first, one.address),
      byPki(second, two.address),
    ]);
    await using daemon = await startOn(one, first, openssl.setting);
    await using other = await startOn(two, second, pki.setting);
    await throughOther(two, one, openssl.identity);
    await throughOther(one, two, pki.identity);
    names(daemon, "DNS:client.test");
    names(other, "URI:spiffe://test/client");
    // One authority's client means nothing to the other's daemon, nor its daemon to the client.
    assert.equal(await status(two, one, pki.identity), 76);
    await cutCable(one, two, pki.identity);
  });
});

function names(daemon: DaemonProcess, name: string): void {
  const lines = daemon.log().map(({ op, certificate }) => [op, certificate]);
  assert.deepEqual(lines, [["envelope.create", name], ["envelope.open", name]]);
}

async function status(here: Machine, there: Machine, identity: string): Promise<number> {
  const by = ["--server", `tls://${there.address}:${PORT}`, "--identity", identity];
  const env = { ...plainEnvironment(), HOME: "/nowhere" };
  return (await run(here.command(compiledProgram(), "status", ...by), { env })).code;
}

/** Nobody answers then, and nobody says that nobody does. */
async function cutCable(here: Machine, there: Machine, identity: string): Promise<void> {
  assert.equal(await status(here, there, identity), 0);
  await ip("-n", there.name, "address", "del", `${there.address}/24`, "dev", "cable");
  assert.equal(await status(here, there, identity), 69);
}
