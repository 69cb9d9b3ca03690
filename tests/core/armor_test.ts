import assert from "node:assert/strict";
import {
  armor,
  ARMOR_PREFIX,
  ArmorDecoder,
  ArmorEncoder,
  unarmor,
  unarmorScratch,
} from "../../core/armor.ts";
import { type Bytes, concat, EMPTY, utf8 } from "../../core/bytes.ts";
import {
  failsWith,
  LONE_SURROGATE,
  pattern,
  pieces,
  randomPieces,
  sameBytes,
  seeded,
} from "./support.ts";

Deno.test("a message becomes one line of text and comes back", () => {
  for (const length of [0, 1, 2, 3, 85, 100_000]) {
    const text = armor(pattern(length));
    assert.match(text, /^crypto:v1:[A-Za-z0-9_-]*$/);
    for (const read of [unarmor, unarmorScratch]) sameBytes(read(text), pattern(length));
  }
  assert.equal(armor(EMPTY), ARMOR_PREFIX);
});

Deno.test("a text without the prefix is refused", () => {
  const body = "AAAA";
  const bad = ["", "crypto", "crypto:v1", body, `crypto:v2:${body}`, `CRYPTO:V1:${body}`];
  bad.push(
    ` crypto:v1:${body}`,
    `\ufeffcrypto:v1:${body}`,
    `crypto:v1${body}`,
    `crypto:v1;${body}`,
  );
  for (const text of bad) refuses(text);
});

Deno.test("a text that is spelled in another way is refused", () => {
  const good = armor(pattern(4));
  assert.equal(good.length, ARMOR_PREFIX.length + 6);
  const bad = [`${good}==`, `${good}\n`, `${good} `, `${ARMOR_PREFIX} AAAA`, `${good}AAA`];
  bad.push(`${ARMOR_PREFIX}AB`, `${ARMOR_PREFIX}A+/A`, `${ARMOR_PREFIX}${LONE_SURROGATE}`);
  bad.push(ARMOR_PREFIX + good);
  for (const text of bad) refuses(text);
});

function refuses(text: string): void {
  for (const read of [unarmor, unarmorScratch]) {
    failsWith("malformed", () => read(text), JSON.stringify(text));
  }
}

function encodePieces(parts: Iterable<Bytes>): Bytes {
  const encoder = new ArmorEncoder();
  const text = Array.from(parts, (part) => encoder.update(part));
  return concat(encoder.prefix, ...text, encoder.finish());
}

/** Decodes what follows the prefix. */
function decodePieces(parts: Iterable<Bytes>): Bytes {
  const decoder = new ArmorDecoder();
  const bytes = Array.from(parts, (part) => decoder.update(part));
  return concat(...bytes, decoder.finish());
}

Deno.test("pieces of any size become the same line as the whole, and a line break", () => {
  const random = seeded(5);
  for (const length of [0, 1, 2, 3, 4, 100, 50_000]) {
    const line = utf8(armor(pattern(length)) + "\n");
    sameBytes(encodePieces(randomPieces(pattern(length), random)), line, `${length}`);
    if (length <= 100) sameBytes(encodePieces(pieces(pattern(length), 1)), line, `${length}`);
  }
});

Deno.test("a line comes back in pieces of any size, with and without its line break", () => {
  const random = seeded(6);
  for (const length of [0, 1, 2, 3, 4, 100, 50_000]) {
    for (const end of ["", "\n"]) {
      const text = utf8(armor(pattern(length)).slice(ARMOR_PREFIX.length) + end);
      sameBytes(decodePieces(randomPieces(text, random)), pattern(length), `${length}`);
      if (length <= 100) sameBytes(decodePieces(pieces(text, 1)), pattern(length), `${length}`);
    }
  }
});

Deno.test("a line that is spelled in another way is refused in pieces too", () => {
  const bad = [
    "A",
    "AB",
    "AA==",
    "AAA=",
    "AA AA",
    "+AAA",
    "\nAAAA",
    "AA\nAA",
    "AAAA\n\n",
    "AAAA\r\n",
  ];
  bad.push("AAAA\nAAAA", "AAAA ", "AA\u00e4A", "AAAA\0", "=", "AAAAA", `${ARMOR_PREFIX}AAAA`);
  for (const text of bad) {
    for (const size of [1, 3, 1_000]) {
      const title = `${JSON.stringify(text)} by ${size}`;
      failsWith("malformed", () => decodePieces(pieces(utf8(text), size)), title);
    }
  }
});

Deno.test("an empty piece after the line break does not open the line again", () => {
  const parts = [utf8("AAAA\n"), EMPTY, utf8("AAAA")];
  failsWith("malformed", () => decodePieces(parts));
  sameBytes(decodePieces([utf8("AAAA\n"), EMPTY, EMPTY]), new Uint8Array(3));
});

Deno.test("bytes that are not ASCII are refused", () => {
  for (let byte = 0x80; byte < 0x100; byte++) {
    failsWith("malformed", () => decodePieces([Uint8Array.of(65, 65, 65, byte)]), `${byte}`);
  }
});
