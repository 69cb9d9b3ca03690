/** What an origin is, before it is put into a policy, a page or a permission. */
import assert from "node:assert/strict";
import { awsSharePrivileges, shareClientPrivileges } from "../../../core/privileges.ts";
import { DEFAULT_ORIGIN, originParts, requireOrigin } from "../../../core/share/origin.ts";
import { failsWith } from "../support.ts";

const ORIGIN = "https://share.example";
const LONGEST = [63, 63, 63, 61].map((length) => "a".repeat(length)).join(".");
const ORIGINS = [
  ORIGIN,
  DEFAULT_ORIGIN,
  "http://localhost",
  "http://[::1]:1",
  "https://share",
  "https://xn--mller-kva.example:8443",
  "https://3.s3.eu-central-1.amazonaws.com",
  "https://192.0.2.255:65535",
  "https://[2001:db8::1]",
  "https://[2001:db8::1]:8443",
  `https://${LONGEST}`,
];

/** What a wildcard, the end of a value or another spelling would make of a host. */
const OTHERS = [
  "",
  "share.example",
  "http://share.example",
  "http://localhost.example",
  "http://127.0.0.1.example",
  `${ORIGIN}/path`,
  `${ORIGIN}//`,
  `${ORIGIN}?x`,
  `${ORIGIN}#x`,
  `${ORIGIN}\n`,
  ` ${ORIGIN}`,
  "https://user@share.example",
  "https://@share.example",
  "file:///etc",
  "https://",
  "https://*",
  "https://*:443",
  "https://*.com",
  "https://*.share.example",
  "https://share.*",
  'https://evil.example";alert(1)',
  "https://a;b",
  "https://a'b",
  "https://a,b",
  "https://a b",
  "https://a$b",
  "https://a(b)",
  "https://a`b`",
  "https://a{b}",
  "https://a|b",
  "https://a\\b",
  "https://a%2ab",
  "https://a_b.example",
  "https://müller.example",
  "https://-a.example",
  "https://a-.example",
  "https://a..example",
  "https://.example",
  "https://share.example.",
  `https://a${LONGEST}`,
  `https://${"a".repeat(64)}.example`,
  "https://192.0.2.256",
  "https://192.0.2",
  "https://192.0.2.01",
  "https://2130706433",
  "https://0x7f000001",
  "https://share.0x1",
  "https://share.1",
  "https://192.0.2.0/24",
  "https://[::1",
  "https://[::1]x",
  "https://[1::2::3]",
  "https://[2001:0db8::1]",
  "https://[::ffff:192.0.2.1]",
  "https://[fe80::1%25eth0]",
  "https://share.example:",
  "https://share.example:0",
  "https://share.example:443",
  "https://share.example:08443",
  "https://share.example:65536",
  "https://share.example:*",
  "https://share.example:80-90",
];

Deno.test("an origin is https, or http to this machine, a host, perhaps a port, and nothing more", () => {
  for (const origin of ORIGINS) {
    assert.equal(requireOrigin(origin), origin);
    assert.equal(requireOrigin(`${origin}/`), origin);
    assert.equal(new URL(origin).origin, origin);
  }
  assert.equal(requireOrigin("HTTPS://Share.Example"), ORIGIN);
  for (const other of OTHERS) failsWith("usage", () => requireOrigin(other), other);
});

Deno.test("a permission to reach an origin names this one host and port", () => {
  const nets = ORIGINS.map((origin) => shareClientPrivileges([origin], {}).working.net);
  const named = ORIGINS.map((origin) => {
    const { host, port } = originParts(origin)!;
    return [`${host}:${port}`];
  });
  assert.deepEqual(nets, named);
  assert.deepEqual(nets.slice(0, 4).flat(), [
    "share.example:443",
    "127.0.0.1:8787",
    "localhost:80",
    "[::1]:1",
  ]);
});

Deno.test("no permission is made of what is not an origin", () => {
  for (const other of OTHERS.filter((text) => !/^http:\/\/\w/.test(text))) {
    assert.throws(() => shareClientPrivileges([ORIGIN, other], {}), RangeError, other);
    assert.throws(() => awsSharePrivileges([other], []), RangeError, other);
  }
});
