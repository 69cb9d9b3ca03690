/** Who counts as one client, how often it may ask, and what an operator may set. */
import assert from "node:assert/strict";
import { clientOf } from "../../share/client.ts";
import { Rates } from "../../share/rates.ts";
import {
  nameInFile,
  parseAddress,
  parseProxies,
  type Setting,
  SETTING_NAMES,
  SETTINGS,
} from "../../share/settings.ts";
import { call, Victim, VictimRequest } from "../../share/attack/victim.ts";
import { startShare } from "./server_support.ts";

const NONE: ReadonlySet<string> = new Set();

function client(peer: string, forwarded = "", proxies = NONE): string {
  return clientOf(peer, new Headers({ "x-forwarded-for": forwarded }), proxies);
}

Deno.test("what does not fit a call is told the document that has it", async () => {
  await using server = await startShare();
  const headers = { "content-type": "application/json" };
  const calls: readonly (readonly [call: string, body: string])[] = [
    ["look", "{}"],
    ["create", '{"id":1}'],
    ["storage", '{"x":1}'],
    ["upload", ""],
  ];
  for (const [call, body] of calls) {
    const answer = await fetch(`${server.url}/api/${call}`, { method: "POST", headers, body });
    const { error, hint } = await answer.json();
    assert.equal(error, "invalid_params", call);
    assert.match(hint, /docs\/sharing\.md/, call);
  }
});

Deno.test("an IPv6 network of 64 bits is one client, an IPv4 address is one", () => {
  assert.equal(client("192.0.2.7"), "192.0.2.7");
  assert.equal(client("::ffff:192.0.2.7"), "192.0.2.7");
  const one = client("2001:db8:1:2:3:4:5:6");
  assert.equal(client("2001:DB8:1:2::9"), one);
  assert.equal(client("2001:0db8:0001:0002::"), one);
  assert.notEqual(client("2001:db8:1:3::9"), one);
  assert.equal(client("2001:db8::1"), client("2001:db8:0:0:ffff::"));
  assert.equal(client("::1"), client("0:0:0:0:1::"));
});

Deno.test("a forwarded address is believed of a named proxy alone, and only its last", () => {
  const proxies = new Set(["127.0.0.1"]);
  assert.equal(client("192.0.2.7", "198.51.100.1", proxies), "192.0.2.7");
  assert.equal(client("127.0.0.1", "198.51.100.1", proxies), "198.51.100.1");
  assert.equal(client("127.0.0.1", "203.0.113.5, 198.51.100.1", proxies), "198.51.100.1");
  for (const odd of ["", "unknown", "198.51.100.1, ", "a, b", "1.2.3", "_hidden"]) {
    assert.equal(client("127.0.0.1", odd, proxies), "127.0.0.1", odd);
  }
});

Deno.test("a proxy is an IP address however it is spelled, or unix, and nothing else", () => {
  const proxies = parseProxies("::FFFF:192.0.2.7, 2001:DB8:0:0:0::1,unix,");
  assert.deepEqual([...proxies], ["192.0.2.7", "2001:db8::1", "unix"]);
  assert.equal(parseProxies("").size, 0);
  for (const peer of ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "unix"]) {
    assert.equal(client(peer, "198.51.100.1", proxies), "198.51.100.1", peer);
  }
  assert.equal(client("2001:db8::2", "198.51.100.1", proxies), "2001:db8:0:0::/64");
  const odd = ["localhost", "10.0.0.0/8", "127.0.0.1:80", "[::1]", "127.1", "fe80::1%eth0", "UNIX"];
  for (const name of odd) {
    assert.throws(() => parseProxies(`127.0.0.1,${name}`), { code: "config" }, name);
  }
});

Deno.test("a client has its requests of a minute, and another client its own", () => {
  const rates = new Rates(60);
  const allowed = (who: string, now: number) =>
    Array.from({ length: 100 }, () => rates.take(who, now)).filter((one) => one).length;
  assert.equal(allowed("a", 0), 60);
  assert.equal(allowed("a", 500), 0);
  assert.equal(allowed("a", 10_500), 10);
  assert.equal(allowed("b", 10_500), 60);
  assert.equal(allowed("a", 10_000_000), 60);
});

Deno.test("who asks too often is told so, whatever address it claims", async () => {
  await using server = await startShare(["--requests-per-minute", "5"]);
  const victim = new Victim();
  const statuses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const spoofed = `203.0.113.${i}`;
    const headers = {
      "x-forwarded-for": spoofed,
      "x-real-ip": spoofed,
      forwarded: `for=${spoofed}`,
    };
    statuses.push((await call(server.url, "look", victim.link, { headers })).status);
  }
  assert.deepEqual(statuses, [404, 404, 404, 404, 404, 429, 429, 429]);
});

Deno.test("new secrets are counted by themselves too", async () => {
  await using server = await startShare(["--creations-per-minute", "2"]);
  const create = async () =>
    (await call(server.url, "create", await new Victim().creation())).status;
  assert.deepEqual([await create(), await create(), await create()], [201, 201, 429]);
});

Deno.test("requests, answers and what curl sends are new secrets, too", async () => {
  await using server = await startShare(["--managed", "--creations-per-minute", "3"]);
  const request = await new VictimRequest().create(server.url);
  const { status } = await call(server.url, "answer", await request.answer());
  const curl = async () => {
    const response = await fetch(`${server.url}/managed`, { method: "POST", body: "x" });
    await response.body?.cancel();
    return response.status;
  };
  assert.deepEqual([status, await curl(), await curl()], [201, 201, 429]);
  assert.equal((await call(server.url, "request", await request.registration())).status, 429);
  assert.equal((await call(server.url, "answer", await request.answer())).status, 429);
});

Deno.test("addresses to listen on are read strictly", () => {
  assert.deepEqual(parseAddress("[::1]:80", "listen"), { hostname: "::1", port: 80 });
  assert.deepEqual(parseAddress("unix:/run/a/b.sock", "listen"), { path: "/run/a/b.sock" });
  for (const odd of ["", "80", "host", "host:", "host:65536", "a b:1", "::1:80", "host:1x"]) {
    assert.throws(() => parseAddress(odd, "listen"), { code: "config" }, odd);
  }
});

Deno.test("docs/operations.md shows the table of settings", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const group = (value: unknown) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  for (const name of SETTING_NAMES) {
    const { default: standard = "", range, meaning }: Setting = SETTINGS[name];
    const shown = range ? group(standard) : standard === "" ? "" : `\`${standard}\``;
    const cells = [`\`${nameInFile(name)}\``, shown, range?.map(group).join("–") ?? "", meaning];
    const row = `|${cells.map((cell) => cell === "" ? " " : ` ${cell} `).join("|")}|`;
    assert.ok(page.includes(row), row);
  }
});

Deno.test("a host that is none is refused as every bad request is, and logged nowhere", async () => {
  await using server = await startShare();
  const { hostname, port } = new URL(server.url);
  for (const host of ["a b", "[", "%"]) {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const asked = `GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(asked));
    const answer = await new Response(connection.readable).text();
    assert.match(answer, /^HTTP\/1.1 400 /, host);
    assert.match(answer, /\r\ncache-control: no-store\r\n/i, host);
  }
  assert.ok(!server.stderr.includes("failed"), server.stderr);
});
