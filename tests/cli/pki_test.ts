/** The certificate authority: what OpenSSL says of its certificates, and a daemon that takes them. */
import assert from "node:assert/strict";
import type { Entry } from "../../server/pki/register.ts";
import { Authority, openssl } from "../support/certificates.ts";
import { type DaemonProcess, Place, startDaemon } from "../support/daemon.ts";
import { compiledProgram, type Ended, run } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { installed } from "./support.ts";

const why = await installed("openssl");
if (why !== undefined) console.log(`SKIP: the certificate authority: ${why}`);

/** An authority of a user's own. */
class Pki implements Disposable {
  readonly place = new Place();
  readonly #passphrase = `${this.place.directory}/passphrase`;
  readonly directory = `${this.place.config}/pki`;

  constructor() {
    this.place.makeOwn();
    Deno.writeTextFileSync(this.#passphrase, "correct horse battery staple\n");
  }

  run(args: readonly string[], passphraseFile = this.#passphrase): Promise<Ended> {
    const asked = args[0] === "list" ? [] : ["--passphrase-file", passphraseFile];
    return run([compiledProgram(), "pki", ...args, ...asked], { env: this.place.env });
  }

  async must(...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await this.run(args);
    assert.deepEqual([code, stdout], [0, ""], stderr);
  }

  async list(): Promise<Entry[]> {
    return JSON.parse((await this.run(["list", "--json"])).stdout);
  }

  at(path: string): string {
    return `${this.directory}/${path}`;
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

function pkiTest(name: string, fn: (pki: Pki) => Promise<void>): void {
  Deno.test({
    name,
    ignore: why !== undefined,
    async fn() {
      using pki = new Pki();
      await fn(pki);
    },
  });
}

async function verify(pki: Pki, label: string, purpose: string): Promise<string> {
  const lists = ["-CRLfile", pki.at("revoked.pem"), "-crl_check", "-x509_strict"];
  const trust = ["-CAfile", pki.at("ca.pem"), ...lists, "-purpose", purpose];
  const { stdout, stderr } = await run([
    "openssl",
    "verify",
    ...trust,
    pki.at(`issued/${label}/cert.pem`),
  ]);
  return stdout + stderr;
}

function modes(directory: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (isFile) found[name] = (Deno.statSync(`${directory}/${name}`).mode ?? 0) & 0o777;
  }
  return found;
}

pkiTest(
  "OpenSSL takes its certificates for their purpose and names, until they are revoked",
  async (pki) => {
    await pki.must("init");
    const names = ["keys.example.org", "IP:192.0.2.1", "IP:2001:db8::1"];
    await pki.must("issue", "--server", "keys", ...names);
    await pki.must("issue", "build", "URI:spiffe://ci.example.org/build");
    assert.match(await verify(pki, "keys", "sslserver"), /: OK\n/);
    assert.match(await verify(pki, "build", "sslclient"), /: OK\n/);
    assert.match(await verify(pki, "build", "sslserver"), /unsuitable certificate purpose/);
    const server = await openssl("x509", "-in", pki.at("issued/keys/cert.pem"), "-noout", "-text");
    assert.match(
      server,
      /DNS:keys\.example\.org, IP Address:192\.0\.2\.1, IP Address:2001:DB8:0:0:0:0:0:1/,
    );
    const ca = await openssl("x509", "-in", pki.at("ca.pem"), "-noout", "-text");
    assert.match(ca, /CA:TRUE, pathlen:0/);
    assert.match(ca, /Public-Key: \(256 bit\)/);
    for (
      const [name, mode] of Object.entries({
        ...modes(pki.directory),
        ...modes(pki.at("issued/keys")),
      })
    ) {
      assert.equal(mode, 0o600, name);
    }
    assert.doesNotMatch(Deno.readTextFileSync(pki.at("ca.key.crypto")), /PRIVATE KEY/);
    await pki.must("revoke", "build");
    assert.match(await verify(pki, "build", "sslclient"), /certificate revoked/);
    assert.match(await verify(pki, "keys", "sslserver"), /: OK\n/);
    const [keys, build] = await pki.list();
    assert.deepEqual([keys?.label, keys?.purpose, keys?.revoked], ["keys", "server", undefined]);
    assert.ok(build?.revoked !== undefined && build.serial.length === 32);
  },
);

pkiTest("a domain limits what is issued, and OpenSSL goes by that, too", async (pki) => {
  await pki.must("init", "--domain", "example.org");
  const ca = await openssl("x509", "-in", pki.at("ca.pem"), "-noout", "-text");
  assert.match(ca, /Name Constraints: critical\s+Permitted:\s+DNS:example\.org/);
  await pki.must("issue", "--server", "keys", "keys.example.org");
  assert.match(await verify(pki, "keys", "sslserver"), /: OK\n/);
  for (const name of ["keys.example.com", "IP:10.0.0.1"]) {
    assert.equal((await pki.run(["issue", "other", name])).code, 64, name);
  }
});

pkiTest("an authority that has expired issues nothing", async (pki) => {
  await pki.must("init");
  await pki.must("issue", "build");
  const other = await Authority.make(`${pki.place.directory}/other`, "crypto");
  const { certificate } = await other.issue({ names: "DNS:x.test", usage: "", days: -1 });
  Deno.copyFileSync(certificate, pki.at("ca.pem"));
  for (const args of [["issue", "other"], ["renew", "build"]]) {
    assert.equal((await pki.run(args)).code, 78, args.join(" "));
  }
  assert.equal((await pki.list()).length, 1);
});

pkiTest("another passphrase, label or place changes nothing and says so", async (pki) => {
  assert.equal((await pki.run(["issue", "build"])).code, 78);
  await pki.must("init");
  const before = Deno.readTextFileSync(pki.at("register.json"));
  const other = `${pki.place.directory}/other`;
  Deno.writeTextFileSync(other, "another\n");
  assert.equal((await pki.run(["issue", "build"], other)).code, 65);
  for (
    const args of [
      ["issue", "../build"],
      ["issue", "b", "IP:1.2.3"],
      ["issue", "b", "IP:01.2.3.4"],
      ["issue", "b", "URI:x"],
      ["renew", "b"],
      ["init", "--directory", pki.at("second"), "--name", ""],
      ["init", "--directory", pki.at("third"), "--name", "x".repeat(65)],
    ]
  ) {
    assert.equal((await pki.run(args)).code, 64, args.join(" "));
  }
  const again = await pki.run(["init"]);
  assert.equal(again.code, 73);
  assert.doesNotMatch(again.stderr, /--force|--output/);
  assert.equal(Deno.readTextFileSync(pki.at("register.json")), before);
});

pkiTest(
  "a daemon and its clients live on one authority, through renewal and revocation",
  async (pki) => {
    await pki.must("init");
    await pki.must("issue", "--server", "keys", "localhost");
    await pki.must("issue", "build", "URI:spiffe://test/build");
    const files = { certificate: "issued/keys/cert.pem", key: "issued/keys/key.pem", ca: "ca.pem" };
    const lines = Object.entries({ ...files, revoked: "revoked.pem" }).map(([name, path]) => {
      return `${name} = "pki/${path}"`;
    });
    const clients = 'clients = ["URI:spiffe://test/build"]';
    Deno.writeTextFileSync(
      `${pki.place.config}/crypto.toml`,
      ["[network]", 'listen = "tls://127.0.0.1:0"', ...lines, clients].join("\n"),
    );
    await using daemon = await startDaemon({ place: pki.place });
    assert.equal(await ask(daemon, pki), 0);
    const old = pki.at("old");
    Deno.mkdirSync(old, { mode: 0o700 });
    for (const { name } of Deno.readDirSync(pki.at("issued/build"))) {
      Deno.copyFileSync(pki.at(`issued/build/${name}`), `${old}/${name}`);
    }
    await pki.must("renew", "build", "--days", "7");
    assert.equal(await ask(daemon, pki), 0);
    assert.equal(await ask(daemon, pki, old), 0);
    assert.equal(new Set((await pki.list()).map(({ serial }) => serial)).size, 3);
    await pki.must("revoke", "build");
    daemon.signal("SIGHUP");
    await eventually("it has reloaded", () => daemon.stderr.includes("crypto: reloaded"));
    assert.equal(await ask(daemon, pki), 77);
    assert.equal(await ask(daemon, pki, old), 77);
    assert.equal((await pki.run(["renew", "build"])).code, 64);
    await pki.must("issue", "build", "URI:spiffe://test/build");
    assert.equal(await ask(daemon, pki), 0);
  },
);

/** The exit status of a client. */
async function ask(daemon: DaemonProcess, pki: Pki, identity = pki.at("issued/build")) {
  const [, port] = / and tls:\/\/127\.0\.0\.1:(\d+)$/m.exec(daemon.stderr) ?? [];
  const by = ["--server", `tls://localhost:${port}`, "--identity", identity];
  return (await run([compiledProgram(), "status", ...by], { env: pki.place.env })).code;
}
