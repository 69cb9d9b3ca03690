/** The commands, the library under Deno and under Node, asking a daemon over TLS. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type ClientIdentity, connect, CryptoError } from "../../client/mod.ts";
import { type Certified, SERVER, serving } from "../support/certificates.ts";
import {
  CLIENT,
  type NetworkDaemon,
  NetworkPlace,
  networkTest,
  NO_NETWORK,
} from "../support/network.ts";
import { compiledProgram, type Ended, exec, run } from "../support/process.ts";
import { linuxTest } from "../support/linux.ts";
import { eventually } from "../support/wait.ts";
import { installed, pipedIn } from "./support.ts";

let identities = 0;

/** A directory as `--identity` takes it. */
function identityOf({ network }: NetworkDaemon, { certificate, key }: Certified, ca?: string) {
  const directory = `${network.place.directory}/identity-${++identities}`;
  Deno.mkdirSync(directory, { mode: 0o700 });
  Deno.copyFileSync(certificate, `${directory}/cert.pem`);
  Deno.copyFileSync(key, `${directory}/key.pem`);
  Deno.copyFileSync(ca ?? network.authority.certificate, `${directory}/ca.pem`);
  return directory;
}

/** The environment of a user of another machine. */
function remote({ network: { place } }: NetworkDaemon, more: Record<string, string> = {}) {
  const { PATH = "", HOME = "" } = place.env;
  return { PATH, HOME, NO_COLOR: "1", ...more };
}

function crypto(daemon: NetworkDaemon, args: readonly string[]): Promise<Ended> {
  return run([compiledProgram(), ...args], { env: remote(daemon) });
}

networkTest(
  "a file is encrypted and decrypted by a daemon elsewhere, which sees none of it",
  async (daemon) => {
    const { directory } = daemon.network.place;
    const identity = identityOf(daemon, await daemon.network.authority.issue(CLIENT));
    const server = `tls://localhost:${daemon.port}`;
    const plain = new Uint8Array(5_000_000).map((_, i) => i * 7 + (i >> 8));
    Deno.writeFileSync(`${directory}/plain`, plain);
    const by = ["--server", server, "--identity", identity, "--context", "c"];
    const encrypted = await crypto(daemon, ["encrypt", ...by, `${directory}/plain`]);
    assert.deepEqual([encrypted.code, encrypted.stderr], [0, ""]);
    const env = remote(daemon, { CRYPTO_SERVER: server, CRYPTO_IDENTITY: identity });
    const sealed = `${directory}/plain.crypto`;
    const command = [compiledProgram(), "decrypt", "--output", "-", "--context", "c", sealed];
    const { code, stdout, stderr } = await exec(command, { env });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.length === plain.length && stdout.every((byte, i) => byte === plain[i]));
    Deno.writeTextFileSync(`${directory}/short`, "a secret");
    const piped = pipedIn(`${directory}/short`, compiledProgram(), "encrypt");
    assert.equal((await exec(piped, { env })).code, 0);
    const lines = daemon.process.log().map((
      { op, declaredBytes, bytes },
    ) => [op, declaredBytes, bytes]);
    const sealedBytes = Deno.statSync(sealed).size;
    assert.deepEqual(lines, [
      ["envelope.create", plain.length, undefined],
      ["envelope.open", sealedBytes, undefined],
      ["envelope.create", undefined, undefined],
    ]);
  },
);

networkTest(
  "values and keys are asked for over the network, and keys are not made",
  async (daemon) => {
    const identity = identityOf(daemon, await daemon.network.authority.issue(CLIENT));
    const by = ["--server", `tls://127.0.0.1:${daemon.port}`, "--identity", identity];
    const { stdout } = await crypto(daemon, ["encrypt", ...by, "--quiet", "--text", "hello"]);
    const back = await crypto(daemon, ["decrypt", ...by, "--text", stdout.trim()]);
    assert.deepEqual([back.code, back.stdout], [0, "hello"]);
    const keys = await crypto(daemon, ["key", "list", "--json", ...by]);
    assert.equal(JSON.parse(keys.stdout)[0].name, "default");
    assert.equal((await crypto(daemon, ["key", "create", ...by, "x"])).code, 77);
  },
);

networkTest(
  "what is not to be trusted, on either side, ends with its own error",
  async (daemon) => {
    const { authority, place } = daemon.network;
    const good = await authority.issue(CLIENT);
    const { port } = daemon;
    const identity = identityOf(daemon, good);
    const readable = identityOf(daemon, good);
    Deno.chmodSync(`${readable}/key.pem`, 0o644);
    const mixed = identityOf(daemon, { ...good, key: daemon.network.server.key });
    const expired = identityOf(daemon, await authority.issue({ ...CLIENT, days: -1 }));
    const usage = identityOf(daemon, await authority.issue({ ...CLIENT, usage: "serverAuth" }));
    const purpose = identityOf(daemon, await authority.issue({ ...CLIENT, usage: "" }));
    const short = identityOf(
      daemon,
      await authority.issue({ ...CLIENT, newKey: ["-newkey", "rsa:1024"] }),
    );
    const stranger = identityOf(daemon, await authority.issue({ ...CLIENT, names: "DNS:no.test" }));
    const otherCa = identityOf(daemon, good, good.certificate);
    const cases: readonly (readonly [code: number, server: string, identity: string])[] = [
      [0, `tls://localhost:${port}`, identity],
      [77, `tls://localhost:${port}`, expired],
      [77, `tls://localhost:${port}`, usage],
      [77, `tls://localhost:${port}`, purpose],
      [77, `tls://localhost:${port}`, stranger],
      [76, `tls://localhost:${port}`, otherCa],
      [69, "tls://localhost:1", identity],
      [78, `tls://localhost:${port}`, readable],
      [78, `tls://localhost:${port}`, mixed],
      [78, `tls://localhost:${port}`, short],
      [78, `tls://localhost:${port}`, `${place.directory}/nowhere`],
      [64, `localhost:${port}`, identity],
    ];
    const ended = await Promise.all(cases.map(([, server, identity]) => {
      return crypto(daemon, ["status", "--server", server, "--identity", identity]);
    }));
    for (const [i, { code, stderr }] of ended.entries()) assert.equal(code, cases[i]![0], stderr);
    // Each is told at once: there is a line for each of those that were refused over the network.
    const refused = () => daemon.process.log().filter(({ error }) => error === "tls_refused");
    await eventually("they are noted", () => refused().length >= 4);
    assert.deepEqual(refused().map(({ reason }) => reason).sort(), [
      "expired",
      "handshake",
      "wrong_purpose",
      "wrong_purpose",
    ]);
    const both = ["--socket", "/x", "--server", `tls://localhost:${port}`];
    assert.equal((await crypto(daemon, ["status", ...both])).code, 64);
  },
);

await linuxTest(
  "of a name's addresses the one that answers is taken, whatever becomes of the others",
  ["mounts", "openssl"],
  async () => {
    using network = await NetworkPlace.make();
    const { authority, place } = network;
    network.configure(await authority.issue({ ...SERVER, names: "DNS:many.test" }));
    await using daemon = await network.start();
    // Nobody listens at the first; the second is nowhere (RFC 5737), and answers late or never.
    const hosts = ["127.0.0.2", "192.0.2.1", "127.0.0.1"].map((address) =>
      `${address} many.test\n`
    );
    Deno.writeTextFileSync(`${place.directory}/hosts`, hosts.join(""));
    const identity = identityOf(daemon, await authority.issue(CLIENT));
    const by = ["--server", `tls://many.test:${daemon.port}`, "--identity", identity];
    const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
    const inside = ["unshare", "--mount", "sh", "-c", script, "sh", `${place.directory}/hosts`];
    const command = [...inside, compiledProgram(), "status", ...by];
    const { code, stderr } = await run(command, { env: remote(daemon) });
    assert.deepEqual([code, stderr], [0, ""]);
  },
);

networkTest("files are rewrapped by a daemon elsewhere", async (daemon) => {
  const { place } = daemon.network;
  const identity = identityOf(daemon, await daemon.network.authority.issue(CLIENT));
  const path = `${place.directory}/file`;
  Deno.writeTextFileSync(path, "hello");
  const env = remote(daemon, {
    CRYPTO_SERVER: `tls://localhost:${daemon.port}`,
    CRYPTO_IDENTITY: identity,
  });
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await run([compiledProgram(), ...args], { env });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await must("encrypt", "--quiet", path);
  const rotated = await run([compiledProgram(), "key", "rotate", "default"], { env: place.env });
  assert.equal(rotated.code, 0, rotated.stderr);
  const { rewrapped } = JSON.parse(await must("rewrap", "--json", `${path}.crypto`));
  assert.equal(rewrapped, 1);
  assert.equal(await must("decrypt", "--output", "-", `${path}.crypto`), "hello");
  const ops = daemon.process.log().filter(({ op }) => op === "envelope.rewrap");
  assert.deepEqual(ops.map(({ certificate }) => certificate), ["URI:spiffe://test/worker"]);
  // The window asks the same daemon: of a server that is not there it says so.
  const gone = { ...env, CRYPTO_SERVER: "tls://localhost:1", XDG_RUNTIME_DIR: place.runtime };
  const window = await run([compiledProgram(), "gui", "--no-open"], { env: gone });
  assert.equal(window.code, 69, window.stderr);
});

/** What the library takes. */
function texts(network: NetworkPlace, { certificate, key }: Certified): ClientIdentity {
  const [cert = "", own = "", ca = ""] = [certificate, key, network.authority.certificate].map(
    (path) => Deno.readTextFileSync(path),
  );
  return { certificate: cert, key: own, ca };
}

networkTest(
  "a client goes on when the daemon was restarted, and asks again what it may",
  async (daemon) => {
    const { network, port } = daemon;
    const identity = texts(daemon.network, await network.authority.issue(CLIENT));
    const service = await connect({ server: `tls://localhost:${port}`, identity });
    const message = await service.encrypt("hello");
    await daemon.process.kill();
    const listen = ["--listen", `tls://127.0.0.1:${port}`];
    await using next = await network.start({ args: listen });
    assert.equal(await service.decryptText(message), "hello");
    await eventually("it was asked", () => {
      return next.process.log().filter(({ op }) => op === "decrypt").length === 1;
    });
    service.close();
  },
);

networkTest("the library says what was wrong by its code", async (daemon) => {
  const { authority } = daemon.network;
  const identity = texts(daemon.network, await authority.issue(CLIENT));
  const server = `tls://localhost:${daemon.port}`;
  const fails = async (options: Parameters<typeof connect>[0], code: string) => {
    await assert.rejects(async () => await (await connect(options)).status(), (error) => {
      return error instanceof CryptoError && error.code === code;
    }, code);
  };
  await fails({ server }, "config");
  await fails({ server: "https://localhost", identity }, "usage");
  await fails({ server, identity: { ...identity, ca: identity.certificate } }, "untrusted_server");
  const expired = texts(daemon.network, await authority.issue({ ...CLIENT, days: -1 }));
  await fails({ server, identity: expired }, "tls_refused");
  const short = { ...CLIENT, newKey: ["-newkey", "rsa:1024"] };
  await fails({ server, identity: texts(daemon.network, await authority.issue(short)) }, "config");
  const noPurpose = await authority.issue({ ...CLIENT, usage: "" });
  await fails({ server, identity: texts(daemon.network, noPurpose) }, "tls_refused");
  const wrongName = await authority.issue({ ...SERVER, names: "DNS:elsewhere.test" });
  daemon.network.configure(wrongName);
  daemon.process.signal("SIGHUP");
  await eventually("it has reloaded", () => daemon.process.stderr.includes("crypto: reloaded"));
  await fails({ server, identity }, "untrusted_server");
});

networkTest(
  "a server that speaks no TLS 1.3 is not trusted, and refuses nobody",
  async ({ network }) => {
    const { certificate, key } = network.server;
    const identity = texts(network, await network.authority.issue(CLIENT));
    await serving(["-cert", certificate, "-key", key, "-tls1_2"], async (port) => {
      const connecting = connect({ server: `tls://localhost:${port}`, identity });
      await assert.rejects(connecting, { code: "untrusted_server" });
    });
  },
);

networkTest("a server that never answers is asked once", async ({ network }) => {
  const { authority, server: { certificate, key } } = network;
  const identity = texts(network, await authority.issue(CLIENT));
  await serving(["-cert", certificate, "-key", key], async (port) => {
    const service = await connect({ server: `tls://localhost:${port}`, identity });
    const begun = performance.now();
    await assert.rejects(service.status(), { code: "unavailable" });
    const seconds = (performance.now() - begun) / 1_000;
    assert.ok(seconds > 19 && seconds < 39, `${seconds} s`);
    service.close();
  });
});

Deno.test(
  "a machine that accepts and says nothing is given up",
  { ignore: NO_NETWORK !== undefined },
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    using network = await NetworkPlace.make();
    const identity = texts(network, network.server);
    const server = `tls://127.0.0.1:${listener.addr.port}`;
    await assert.rejects(connect({ server, identity }), { code: "unavailable" });
    (await accepted).close();
  },
);

const NODE = `
import { readFileSync } from "node:fs";
const [bundle, server, certificate, key, ca] = process.argv.slice(2);
const { connect } = await import(bundle);
const [cert, own, authority] = [certificate, key, ca].map((path) => readFileSync(path, "utf8"));
const identity = { certificate: cert, key: own, ca: authority };
const service = await connect({ server, identity });
const value = await service.decryptText(await service.encrypt("under Node"));
service.close();
const other = await connect({ server, identity: { ...identity, ca: cert } }).catch((e) => e.code);
console.log(JSON.stringify([value, other]));
`;

networkTest("a program for Node asks over the network, too", async (daemon) => {
  if (await installed("node", "nodejs")) return;
  const { authority, place } = daemon.network;
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const bundle = `${place.directory}/client.mjs`;
  const args = ["bundle", "--quiet", "--platform", "deno", "--output", bundle, "client/mod.ts"];
  const made = await exec([Deno.execPath(), ...args], { cwd: root, env: Deno.env.toObject() });
  assert.equal(made.code, 0, made.stderr);
  Deno.writeTextFileSync(`${place.directory}/program.mjs`, NODE);
  const { certificate, key } = await authority.issue(CLIENT);
  const files = [certificate, key, authority.certificate];
  const server = `tls://localhost:${daemon.port}`;
  const ended = await run(["node", `${place.directory}/program.mjs`, bundle, server, ...files]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stdout), ["under Node", "untrusted_server"]);
});
