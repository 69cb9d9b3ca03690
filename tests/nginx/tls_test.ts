/** Handshakes with a running nginx, by its release's own OpenSSL, and what the headers promise. */
import assert from "node:assert/strict";
import { HSTS_HEADER, pagePolicy, SECURITY_HEADERS } from "../../core/share/headers.ts";
import { DOMAIN, type Machine } from "./machine.ts";
import { nginxTest } from "./support.ts";

/** What `openssl s_client` says of a handshake; fails where there is none. */
async function handshake(machine: Machine, ...args: string[]): Promise<string | undefined> {
  const connect = ["openssl", "s_client", "-connect", "127.0.0.1:443", "-verify_return_error"];
  const name = args.includes("-servername") || args.includes("-noservername");
  const server = name ? [] : ["-servername", DOMAIN];
  const { code, stdout } = await machine.run([...connect, ...server, ...args], { stdin: "" });
  return code === 0 ? stdout : undefined;
}

await nginxTest("modern is TLS 1.3 alone, and intermediate is 1.2 too", async (machine) => {
  for (const [profile, older] of [["modern", false], ["intermediate", true]] as const) {
    await machine.serve(["--profile", profile]);
    assert.match(await handshake(machine, "-tls1_3") ?? "", /TLSv1\.3, Cipher is TLS_AES_256/);
    const second = await handshake(machine, "-tls1_2");
    assert.equal(second !== undefined, older, profile);
    const seclevel0 = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    assert.equal(await handshake(machine, ...seclevel0), undefined);
    const weak = await handshake(machine, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256");
    assert.equal(weak, undefined);
    for (const suite of ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]) {
      assert.ok(await handshake(machine, "-ciphersuites", suite), "the client chooses");
    }
  }
});

await nginxTest(
  "the guideline's groups are there and no other, the hybrid one where it can be",
  async (machine) => {
    await machine.serve();
    for (const group of ["X25519", "prime256v1", "secp384r1"]) {
      assert.ok(await handshake(machine, "-groups", group), group);
    }
    for (const group of ["X448", "secp521r1"]) {
      assert.equal(await handshake(machine, "-groups", group), undefined, group);
    }
    if (!machine.release.hybrid) return;
    const said = await handshake(machine) ?? "";
    assert.match(said, /Negotiated TLS1\.3 group: X25519MLKEM768/);
    assert.ok(await handshake(machine, "-groups", "X25519MLKEM768"));
  },
);

await nginxTest(
  "nginx reads the configuration without a complaint, and HTTP/2 is spoken",
  async (machine) => {
    for (const profile of ["modern", "intermediate"]) {
      await machine.serve(["--profile", profile]);
      const { code, stderr } = await machine.run(["/usr/sbin/nginx", "-t"]);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /\[(warn|error|emerg)\]/);
    }
    for (const version of ["1.1", "2"]) {
      const asked = [`--http${version}`, "--write-out", "\n%{http_version}", `https://${DOMAIN}/`];
      assert.ok((await machine.must(["curl", "--silent", ...asked])).endsWith(`\n${version}`));
    }
  },
);

await nginxTest("the longest name is one that nginx takes, too", async (machine) => {
  const longest = [63, 63, 63, 61].map((length) => "a".repeat(length)).join(".");
  const live = `/etc/letsencrypt/live/${DOMAIN}`;
  const files = [
    "--certificate",
    `${live}/fullchain.pem`,
    "--certificate-key",
    `${live}/privkey.pem`,
  ];
  const versions = ["--nginx", machine.release.nginx, "--openssl", machine.release.openssl];
  const print = ["share", "nginx", "--domain", longest, ...versions, ...files];
  const { stdout } = await machine.crypto(print);
  await Deno.writeFile(machine.at("/etc/nginx/conf.d/crypto-share.conf"), stdout);
  const { code, stderr } = await machine.run(["/usr/sbin/nginx", "-t"]);
  assert.equal(code, 0, stderr);
});

await nginxTest("who asks for another name, or for none, gets no handshake", async (machine) => {
  await machine.serve();
  assert.equal(await handshake(machine, "-servername", "other.example.org"), undefined);
  assert.equal(await handshake(machine, "-noservername"), undefined);
});

await nginxTest(
  "another default site on these ports keeps nginx from starting",
  async (machine) => {
    await machine.serve();
    const other = machine.at("/etc/nginx/sites-enabled/default");
    await Deno.copyFile(machine.at("/etc/nginx/sites-available/default"), other);
    const { code, stderr } = await machine.run(["/usr/sbin/nginx", "-t"]);
    await Deno.remove(other);
    assert.notEqual(code, 0);
    assert.match(stderr, /duplicate default server/);
  },
);

await nginxTest("every answer has the headers of the application, once each", async (machine) => {
  await machine.serve();
  const long = ["--data-binary", "@-", "--header", "content-type: application/json"];
  const asked:
    readonly (readonly [status: number, path: string, args: string[], stdin?: string])[] = [
      [200, "/s%23x", []],
      [404, "/nothing", []],
      [405, "/api/look", []],
      [405, "/", ["--request", "PUT"]],
      [400, "/api/look", ["--data", "{}"]],
      [413, "/api/look", long, "x".repeat(400_000)],
    ];
  const page = { "content-security-policy": pagePolicy({ origin: `https://${DOMAIN}` }) };
  for (const [status, path, args, stdin] of asked) {
    const answer = await machine.ask([...args, `https://${DOMAIN}${path}`], { stdin });
    assert.equal(answer.status, status, path);
    const headers = { ...SECURITY_HEADERS, ...HSTS_HEADER, ...(status === 200 ? page : {}) };
    for (const [name, value] of Object.entries(headers)) {
      assert.equal(answer.headers.get(name), value, `${status} ${name}`);
    }
    assert.equal(answer.headers.get("server"), "nginx");
  }
});

await nginxTest("plain HTTP leads to TLS, except for certificates", async (machine) => {
  await machine.serve();
  const { status, headers } = await machine.ask([`http://${DOMAIN}/s?a`]);
  assert.deepEqual([status, headers.get("location")], [301, `https://${DOMAIN}/s?a`]);
  const challenge = "/.well-known/acme-challenge/token";
  const path = machine.at(`/var/www/html${challenge}`);
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, "proof");
  assert.equal((await machine.ask([`http://${DOMAIN}${challenge}`])).body, "proof");
});
