/** Which texts go to the daemon as they are. */
import assert from "node:assert/strict";
import { isDirect } from "../../client/text.ts";
import { armor } from "../../core/armor.ts";
import { concat, randomBytes } from "../../core/bytes.ts";
import { KEY_ID_LENGTH, makeHeader } from "../../core/header.ts";

Deno.test("a direct message is known by its text, whatever its key, and nothing else is one", () => {
  for (let i = 0; i < 256; i++) {
    const id = concat(Uint8Array.of(i), randomBytes(KEY_ID_LENGTH - 1));
    const text = (kind: "direct" | "enveloped") => {
      return armor(concat(makeHeader(kind, id).bytes, randomBytes(40)));
    };
    assert.ok(isDirect(text("direct")), `${i}`);
    assert.ok(!isDirect(text("enveloped")), `${i}`);
    assert.ok(!isDirect(`${text("direct")}\n`) && !isDirect(` ${text("direct")}`), `${i}`);
  }
  assert.ok(!isDirect(armor(concat(makeHeader("passphrase").bytes, randomBytes(40)))));
  for (const other of ["", "hello", "crypto:v1:", "gAAAAABh", "crypto:v2:Q1JZMQAAAA"]) {
    assert.ok(!isDirect(other), other);
  }
});
