/** `crypto share nginx`: what it takes, and what it prints. */
import assert from "node:assert/strict";
import { MAX_BYTES, REQUESTS_PER_MINUTE } from "../../core/share/limits.ts";
import { quoted } from "../../nginx/failures.ts";
import { type NginxFlags, readSite } from "../../nginx/options.ts";
import { siteText } from "../../nginx/site.ts";
import { fails, prints } from "../cli/support.ts";
import { ODD } from "./odd.ts";

const DOMAIN = "share.example.org";
/** Good values of each flag, to be spoilt. */
const GOOD: Readonly<Record<Exclude<keyof NginxFlags, "domain">, readonly string[]>> = {
  profile: ["modern", "intermediate"],
  upstream: ["unix:/run/a.sock", "127.0.0.1:8787", "[::1]:8787", "https://abc.on.aws"],
  certificate: ["/etc/ssl/a_b-c.pem"],
  certificateKey: ["/etc/ssl/a@b+c.pem"],
  ocspChain: ["/etc/ssl/chain.pem"],
  page: ["/srv/page"],
  storage: ["https://bucket.s3.eu-central-1.amazonaws.com"],
  maxBytes: ["1", "1000000000000"],
  requestsPerMinute: ["1", "10000000"],
  resolver: ["127.0.0.53", "[::1]:5353", "10.0.0.2:53"],
  nginx: ["1.22", "1.26.3"],
  openssl: ["3.0", "3.5.4"],
};

/** A resolver and a storage are looked at where something needs them. */
function read(flags: Partial<NginxFlags>) {
  const others = { resolver: "127.0.0.53", ocspChain: "/chain.pem", page: "/srv/page" };
  return readSite({ domain: DOMAIN, ...others, ...flags });
}

Deno.test("every value is taken as it is, or not at all", () => {
  for (const [name, values] of Object.entries(GOOD)) {
    for (const value of values) {
      assert.ok(siteText(read({ [name]: value })), `${name} ${value}`);
      const spoilt = ODD.flatMap((odd) => [`${value}${odd}`, `${odd}${value}`, `${value}${odd}x`]);
      for (const text of ["", ...spoilt]) {
        assert.throws(() => read({ [name]: text }), { code: "usage" }, `${name} ${text}`);
      }
    }
  }
});

Deno.test("names, paths, addresses and versions that are none are refused, naming the flag", () => {
  const wrong: readonly (readonly [string, ...string[]])[] = [
    [
      "domain",
      "localhost",
      "-a.org",
      "a-.org",
      "a..org",
      "192.0.2.1",
      "A.org",
      "a.org.",
      "a.org:443",
    ],
    ["domain", `${"a".repeat(64)}.org`, `${"a.".repeat(130)}org`, "a.org/x", "*.a.org", "a.org\n"],
    ["storage", "http://a.org", "a.org", "https://a.org/", "https://a.org//x", "https://1.2.3.4"],
    ["page", "page", "/a/../b", "/..", "/.", "/a/./b", "/a//b", "/a/", "/"],
    [
      "upstream",
      "http://127.0.0.1:1",
      "10.0.0.1:8787",
      "unix:a",
      "https://a.on.aws/x",
      "https://1.2.3.4",
    ],
    ["resolver", "localhost", "1.2.3", "::1"],
    ["maxBytes", "0", "1e9", "-1", "1.5", "1000000000001"],
    ["requestsPerMinute", "0", "10000001", "0x10"],
    ["nginx", "1", "1.18", "one", "1.26-1"],
    ["openssl", "1.0.2", "3"],
  ];
  for (const [name, ...values] of wrong) {
    for (const value of values) {
      assert.throws(() => read({ [name]: value }), (error: Error & { code: string }) => {
        const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
        return error.code === "usage" && error.message.startsWith(flag);
      }, `${name} ${value}`);
    }
  }
});

Deno.test("what needs a name server is not printed without one", () => {
  for (const flags of [{ upstream: "https://abc.on.aws" }, { ocspChain: "/chain.pem" }]) {
    assert.throws(() => readSite({ domain: DOMAIN, ...flags }), { code: "usage" });
  }
});

Deno.test("its limits are the share server's, unless it is told of others", () => {
  const { maxBytes, requests } = readSite({ domain: DOMAIN });
  assert.deepEqual([maxBytes, requests], [MAX_BYTES, REQUESTS_PER_MINUTE]);
  const text = siteText(read({ maxBytes: "12345", requestsPerMinute: "67" }));
  assert.match(text, /location = \/api\/upload \{\n {8}client_max_body_size 12345;/);
  assert.match(text, /rate=67r\/m;[^]*burst=67 nodelay/);
});

Deno.test("every site of it logs nothing, whatever it is told, and all is filled in", () => {
  for (const page of [undefined, "/srv/page"]) {
    for (const upstream of GOOD.upstream) {
      for (const profile of GOOD.profile) {
        const text = siteText(read({ upstream, profile, ...(page ? { page } : {}) }));
        const sites = text.split(/^server \{$/m).slice(1);
        assert.equal(sites.length, 3);
        for (const site of sites) {
          assert.match(site, /^ {4}access_log off;$/m);
          assert.match(site, /^ {4}error_log \/var\/log\/nginx\/error\.log emerg;$/m);
        }
        assert.equal([...text.matchAll(/_log /g)].length, 6, "nothing turns it on again");
        assert.doesNotMatch(text, /\{[a-z]\w*\}|undefined/);
      }
    }
  }
});

Deno.test("a text that nginx would read as something else is a bug, not a line", () => {
  assert.equal(quoted("a b"), "'a b'");
  assert.equal(quoted("it's"), `"it's"`);
  for (const text of [`it's "a"`, "$a", "a\\", "a\nb"]) {
    assert.throws(() => quoted(text), { code: "internal" });
  }
});

Deno.test("the program prints the configuration alone, and nothing after an error", async () => {
  const text = await prints(["share", "nginx", "--domain", DOMAIN]);
  assert.equal(text, siteText(readSite({ domain: DOMAIN })));
  await fails("usage", ["share", "nginx", "--domain", "a.org; include /etc/passwd"]);
  await fails("usage", ["share", "nginx", "--domain", DOMAIN, "--page", "relative"]);
});
