/** Names of certificates, and what OpenSSL says of them under an authority that is for a domain. */
import assert from "node:assert/strict";
import { readName, requireSubject, requireWithin } from "../../server/pki/names.ts";
import { pem } from "../../server/pki/pem.ts";
import { createAuthority, Signer } from "../../server/pki/x509.ts";
import { testIf } from "../cli/support.ts";
import { NO_NETWORK } from "../support/network.ts";
import { run } from "../support/process.ts";

const DOMAINS = ["example.org"];
const WITHIN: readonly (readonly [label: string, ...names: string[]])[] = [
  ["a", "example.org"],
  ["b", "*.Keys.example.org"],
  ["c", "URI:spiffe://ci.example.org/build"],
  ["d", "URI:https://example.org:8443/a:b@c"],
  ["e", "URI:https://EXAMPLE.org"],
  ["f.example.org", "URI:https://example.org/f"],
  ["g.other", "x.example.org"],
];
const OUTSIDE: typeof WITHIN = [
  ["z", "example.com"],
  ["z", "notexample.org"],
  ["z", "example.org", "IP:192.0.2.1"],
  ["z", "IP:fe80::1"],
  ["z", "URI:https://user@example.org:8443/x"],
  ["z", "URI:https://example.org/a,DNS:evil.com"],
  ["z", "URI:https://example.org?a"],
  ["z", "URI:https://example.org.evil.com/"],
  ["z", "URI:urn:example.org"],
  ["z.example.com", "URI:https://example.org/"],
];

testIf(
  NO_NETWORK,
  "of an authority for a domain OpenSSL takes what would be issued, and nothing else",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "ctn-" });
    try {
      const expires = new Date(Date.now() + 86_400_000);
      const made = await createAuthority({ name: "test", expires, domains: DOMAINS });
      const signer = await Signer.open(made.certificate, made.key);
      Deno.writeFileSync(`${directory}/ca.pem`, pem("CERTIFICATE", made.certificate));
      const isTaken = async (label: string, names: readonly string[]) => {
        const parsed = names.map(readName);
        const about = { name: label, expires, names: parsed, purpose: "client" } as const;
        const { certificate } = await signer.issue(about);
        Deno.writeFileSync(`${directory}/cert.pem`, pem("CERTIFICATE", certificate));
        const args = ["-x509_strict", "-CAfile", `${directory}/ca.pem`, `${directory}/cert.pem`];
        return (await run(["openssl", "verify", ...args])).code === 0;
      };
      for (const [label, ...names] of WITHIN) {
        requireWithin(DOMAINS, label, names.map(readName));
        assert.ok(await isTaken(label, names), names.join());
      }
      for (const [label, ...names] of OUTSIDE) {
        const check = () => requireWithin(DOMAINS, label, names.map(readName));
        assert.throws(check, { code: "usage" }, names.join());
        assert.ok(!await isTaken(label, names), names.join());
        requireWithin([], label, names.map(readName));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test("names that are none are refused", () => {
  for (const text of ["IP:01.2.3.4", "IP:1.2.3", "IP:256.1.1.1", "IP:::g", "DNS:a b", "URI:x"]) {
    assert.throws(() => readName(text), { code: "usage" }, text);
  }
  for (const name of ["", "x".repeat(65), " a", "a\n", "\u{1b}[0m"]) {
    assert.throws(() => requireSubject(name), { code: "usage" }, name);
  }
  for (const name of ["crypto", "x".repeat(64), "Ämter & Co."]) requireSubject(name);
});
