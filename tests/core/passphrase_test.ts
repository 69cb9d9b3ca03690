import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { type Bytes, concat, EMPTY, utf8 } from "../../core/bytes.ts";
import { open, PREFIX_LENGTH, seal } from "../../core/cobblestone.ts";
import { makeHeader } from "../../core/header.ts";
import { MAX_CONTEXT } from "../../core/message.ts";
import {
  createPassphraseOpener,
  createPassphraseSealer,
  DEFAULT_COST,
  PASSPHRASE_PREFIX_LENGTH,
  type PassphraseOptions,
  type PassphraseUse,
} from "../../core/passphrase.ts";
import {
  LONE_SURROGATE,
  openPieces,
  pattern,
  rejectsWith,
  sameBytes,
  sealPieces,
} from "./support.ts";

// One stretching takes about half a second, so these tests share a message where they can, and
// leave another passphrase and another use to the vectors.
const PASSPHRASE = "correct horse";
const SALT = pattern(16, 5);

async function sealWhole(passphrase: string, plaintext: Bytes, options: PassphraseOptions) {
  const { prefix, sealer } = await createPassphraseSealer(passphrase, { ...options, salt: SALT });
  return concat(prefix, await sealPieces(sealer, [plaintext]));
}

async function openWhole(passphrase: string, message: Bytes, options: PassphraseOptions) {
  const chunks = PASSPHRASE_PREFIX_LENGTH + PREFIX_LENGTH;
  const prefix = message.subarray(0, PASSPHRASE_PREFIX_LENGTH);
  const cobblestone = message.subarray(PASSPHRASE_PREFIX_LENGTH, chunks);
  const opener = await createPassphraseOpener(passphrase, prefix, cobblestone, options);
  return await openPieces(opener, [message.subarray(chunks)]);
}

/** The first 32 bytes of a message with this cost. */
function withCost(logN: number, r: number, p: number): Bytes {
  return concat(makeHeader("passphrase").bytes, SALT, Uint8Array.of(logN, r, p));
}

const MESSAGE = await sealWhole(PASSPHRASE, pattern(20_000), { use: "file", context: utf8("c") });

/** Node's scrypt: another implementation than ours. */
function nodeScrypt(passphrase: string, logN: number, p: number): Bytes {
  const options = { N: 2 ** logN, r: 8, p, maxmem: 2 ** (logN + 11) };
  return new Uint8Array(scryptSync(passphrase.normalize("NFKC"), SALT, 32, options));
}

function bound(prefix: Bytes, use: PassphraseUse, context: Bytes): Bytes {
  return concat(prefix, utf8(`crypto/v1/${use}\0`), context);
}

Deno.test("a passphrase message comes back", async () => {
  const opened = await openWhole(PASSPHRASE, MESSAGE, { use: "file", context: utf8("c") });
  assert.equal(opened.whole, true);
  sameBytes(opened.plaintext, pattern(20_000));
});

Deno.test("a passphrase message is Cobblestone-256 under Node's scrypt of the passphrase", async () => {
  const prefix = withCost(17, 8, 1);
  assert.deepEqual(DEFAULT_COST, { logN: 17, r: 8, p: 1 });
  sameBytes(MESSAGE.subarray(0, 32), prefix);
  const context = bound(prefix, "file", utf8("c"));
  sameBytes(
    await open(nodeScrypt(PASSPHRASE, 17, 1), MESSAGE.subarray(32), { context }),
    pattern(20_000),
  );
});

Deno.test("a message of a higher permitted cost opens", async () => {
  const prefix = withCost(17, 8, 2);
  const context = bound(prefix, "backup", EMPTY);
  const body = await seal(nodeScrypt(PASSPHRASE, 17, 2), pattern(9), { context });
  const opened = await openWhole(PASSPHRASE, concat(prefix, body), { use: "backup" });
  sameBytes(opened.plaintext, pattern(9));
});

/**
 * What opening comes to with a passphrase that has no UTF-8: `invalid_text` once stretching begins,
 * something else if it was refused before that. So the order is seen without any scrypt work.
 */
function openUnstretchable(prefix: Bytes): Promise<unknown> {
  return createPassphraseOpener(LONE_SURROGATE, prefix, pattern(PREFIX_LENGTH), { use: "file" });
}

Deno.test("every permitted cost reaches the stretching", async () => {
  for (let logN = 17; logN <= 20; logN++) {
    for (let p = 1; p <= 4; p++) {
      await rejectsWith("invalid_text", openUnstretchable(withCost(logN, 8, p)), `${logN} ${p}`);
    }
  }
});

Deno.test("every other cost is refused before any stretching", async () => {
  const permitted = (logN: number, r: number, p: number) =>
    logN >= 17 && logN <= 20 && r === 8 && p >= 1 && p <= 4;
  for (let value = 0; value < 256; value++) {
    for (const [logN, r, p] of [[value, 8, 1], [17, value, 1], [17, 8, value], [20, value, 4]]) {
      if (permitted(logN!, r!, p!)) continue;
      const prefix = withCost(logN!, r!, p!);
      await rejectsWith("malformed", openUnstretchable(prefix), `${logN} ${r} ${p}`);
    }
  }
});

Deno.test("a prefix of another length is refused before any stretching", async () => {
  for (const length of [0, 13, 29, 31, 33]) {
    const prefix = concat(withCost(17, 8, 1), EMPTY, pattern(9)).subarray(0, length);
    await rejectsWith("malformed", openUnstretchable(prefix), `${length}`);
  }
});

Deno.test("another context does not open", async () => {
  await rejectsWith("decryption_failed", openWhole(PASSPHRASE, MESSAGE, { use: "file" }));
});

Deno.test("the cost is bound to the message", async () => {
  const options = { use: "file", context: utf8("c") } as const;
  const dearer = MESSAGE.slice();
  dearer[31] = 2;
  await rejectsWith("decryption_failed", openWhole(PASSPHRASE, dearer, options));
});

Deno.test("spellings that NFKC makes one are one passphrase", async () => {
  const message = await sealWhole("Ａngstro\u0308m ﬁ①", pattern(3), { use: "sealing-key" });
  const opened = await openWhole("Angstr\u00f6m fi1", message, { use: "sealing-key" });
  sameBytes(opened.plaintext, pattern(3));
});

Deno.test("a passphrase with a lone surrogate is refused", async () => {
  await rejectsWith("invalid_text", createPassphraseSealer(LONE_SURROGATE, { use: "file" }));
});

Deno.test("a new message has a salt of its own", async () => {
  const { prefix } = await createPassphraseSealer(PASSPHRASE, { use: "file" });
  const salt = prefix.subarray(13, 29);
  assert.notDeepEqual(salt, SALT);
  assert.ok(new Set(salt).size > 4);
});

Deno.test("a context longer than 64 KiB is refused before any stretching", async () => {
  const options = { use: "file", context: pattern(MAX_CONTEXT + 1) } as const;
  await rejectsWith("too_large", createPassphraseSealer(LONE_SURROGATE, options));
  const [prefix, rest] = [MESSAGE.subarray(0, 32), MESSAGE.subarray(32, 88)];
  await rejectsWith("too_large", createPassphraseOpener(LONE_SURROGATE, prefix, rest, options));
});
