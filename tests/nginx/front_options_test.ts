/** `crypto network nginx`: what it takes, and what it prints. */
import assert from "node:assert/strict";
import { type FrontFlags, printedFront, readFront } from "../../nginx/front.ts";
import { fails, prints } from "../cli/support.ts";
import { KEYS } from "./machine.ts";
import { ODD } from "./odd.ts";

/** Good values of each flag, to be spoilt. */
const GOOD: Readonly<Record<keyof FrontFlags, readonly string[]>> = {
  domain: [KEYS, "a.b"],
  upstream: ["127.0.0.1:7401", "10.0.0.2:7400", "[2001:db8::1]:7400", "[::1]:1"],
  port: ["1", "443", "65535"],
  connections: ["1", "65535"],
};

const WRONG: Readonly<Record<keyof FrontFlags, readonly string[]>> = {
  domain: ["localhost", "192.0.2.1", "Keys.example.org", "*.example.org", "~a.org", "a.org:7400"],
  upstream: [
    ...["10.0.0.2", "keys.example.org:7400", "tls://10.0.0.2:7400", "unix:/run/a.sock", "::1:7400"],
    ...["10.0.0.2:0", "10.0.0.2:65536", "10.0.0.2:7400/", "[::g]:1"],
    // nginx itself.
    ...["127.0.0.1:7400", "127.0.0.2:7400", "[::1]:7400"],
  ],
  port: ["0", "65536", "1e3", "-1", "7400 ssl"],
  connections: ["0", "65536", "1.5"],
};

function flagOf(error: Error & { code?: string }): string | undefined {
  return error.code === "usage" ? /^--[a-z]+/.exec(error.message)?.[0] : undefined;
}

Deno.test("every value is taken as it is, or not at all", () => {
  for (const [name, values] of Object.entries(GOOD)) {
    for (const value of values) {
      const text = printedFront(readFront({ domain: KEYS, [name]: value }));
      assert.ok(text.includes(` ${value};`) || text.includes(`${value} crypto_network;`), value);
      assert.doesNotMatch(text, /\{[a-z]\w*\}|undefined/);
      const spoilt = ODD.flatMap((odd) => [`${value}${odd}`, `${odd}${value}`, `${value}${odd}x`]);
      for (const wrong of ["", ...spoilt]) {
        assert.throws(() => readFront({ domain: KEYS, [name]: wrong }), (error: Error) => {
          return flagOf(error) === `--${name}`;
        }, `${name} ${wrong}`);
      }
    }
  }
});

Deno.test("what is no name, address or number is refused, naming the flag", () => {
  for (const [name, values] of Object.entries(WRONG)) {
    for (const value of values) {
      assert.throws(() => readFront({ domain: KEYS, [name]: value }), (error: Error) => {
        return flagOf(error) === `--${name}`;
      }, `${name} ${value}`);
    }
  }
});

Deno.test("nothing in it ends TLS, or says who somebody is", () => {
  const text = printedFront(readFront({ domain: KEYS }));
  const directives = text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n");
  assert.doesNotMatch(directives, /ssl_certificate|proxy_ssl|proxy_protocol|listen .*ssl/);
  assert.match(directives, /ssl_preread on;/);
});

Deno.test("the program prints the configuration alone, and nothing after an error", async () => {
  const text = await prints(["network", "nginx", "--domain", KEYS]);
  assert.equal(text, printedFront(readFront({ domain: KEYS })));
  await fails("usage", ["network", "nginx", "--domain", "a.org; include /etc/passwd"]);
  await fails("usage", ["network", "nginx", "--domain", KEYS, "--upstream", "127.0.0.1:7400"]);
});
