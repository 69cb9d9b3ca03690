import assert from "node:assert/strict";
import { toBase64Url } from "../../../core/base64.ts";
import { CryptoError, ERRORS } from "../../../core/errors.ts";
import { formatLink, parseLink } from "../../../core/share/link.ts";
import { formatReceipt, parseReceipt } from "../../../core/share/receipt.ts";
import { failsWith, pattern, sameBytes } from "../support.ts";

const SECRET = pattern(32);
const ORIGIN = "https://share.example";
const LINK = formatLink(ORIGIN, SECRET);
const FRAGMENT = toBase64Url(SECRET);

Deno.test("a link is its origin, /s# and 43 characters, and reads back", () => {
  assert.equal(LINK, `${ORIGIN}/s#${FRAGMENT}`);
  const { origin, secret, exposed } = parseLink(LINK);
  assert.deepEqual([origin, exposed], [ORIGIN, false]);
  sameBytes(secret, SECRET);
});

Deno.test("a # that was encoded, once or more often, is repaired and told of", () => {
  for (const hash of ["%23", "%2523", "%252523"]) {
    const { secret, exposed } = parseLink(`${ORIGIN}/s${hash}${FRAGMENT}`);
    assert.equal(exposed, true);
    sameBytes(secret, SECRET);
  }
});

Deno.test("white space around a link does not matter", () => {
  sameBytes(parseLink(` ${LINK}\r\n`).secret, SECRET);
});

Deno.test("everything else is no link, and one code says so", () => {
  const others = [
    "",
    FRAGMENT,
    `#${FRAGMENT}`,
    LINK.slice(0, -1),
    `${LINK}A`,
    `${LINK}=`,
    `${LINK}/`,
    LINK.replace("/s#", "/t#"),
    LINK.replace("/s#", "/s/#"),
    LINK.replace("/s#", "/s?#"),
    LINK.replace("/s#", "/s%24"),
    LINK.replace("https:", "ftp:"),
    LINK.replace("https:", "javascript:"),
    LINK.replace("https:", "http:"),
    LINK.replace("share.example", "user:word@share.example"),
    LINK.replace("share.example", "share.example/path"),
    LINK.replace("share.example", "share example"),
    LINK.replace("share.example", "*.example"),
    LINK.replace("share.example", "share;example"),
    // The last character holds two bits that are not used, which are zero.
    `${ORIGIN}/s#${"A".repeat(42)}B`,
    `${LINK} ${LINK}`,
  ];
  for (const other of others) failsWith("bad_link", () => parseLink(other), other);
});

Deno.test("a whole link over plain http elsewhere is told why it is refused, not to copy it again", () => {
  const hintOf = (text: string) => {
    try {
      parseLink(text);
    } catch (error) {
      assert.ok(error instanceof CryptoError);
      return [error.code, error.hint] as const;
    }
    throw new Error("it was read");
  };
  const [code, hint] = hintOf(LINK.replace("https:", "http:"));
  assert.equal(code, "bad_link");
  assert.match(hint, /https/);
  for (const other of [LINK.slice(0, -1), LINK.replace("share.example", "127.0.0.1:99999")]) {
    assert.deepEqual(hintOf(other), ["bad_link", ERRORS.bad_link.hint], other);
  }
});

Deno.test("a receipt reads back, and nothing else reads as one", () => {
  const receipt = { id: pattern(16), receipt: pattern(32, 9) };
  const text = formatReceipt(receipt);
  assert.match(text, /^crypto:receipt:v1:[\w-]{64}$/);
  assert.deepEqual(parseReceipt(` ${text}\n`), receipt);
  const others = ["", LINK, text.slice(0, -1), `${text}A`, `${text}=`, text.replace("v1", "v2")];
  for (const other of others) failsWith("bad_link", () => parseReceipt(other), other);
});
