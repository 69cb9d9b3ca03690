/** `client/mod.ts` as other programs use it, in this process, with a real daemon. */
import assert from "node:assert/strict";
import {
  connect,
  CryptoError,
  decryptStream,
  digestStream,
  encryptStream,
  KeyService,
} from "../../client/mod.ts";
import { type ErrorCode } from "../../core/errors.ts";
import { type Bytes, crypto, sameBytes, sample, succeeds } from "../cli/support.ts";
import { startDaemon } from "../support/daemon.ts";
import { eventually, soon } from "../support/wait.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env, socket } = daemon;

/** Runs a test's body with a connection of its own. */
async function connected(body: (service: KeyService) => Promise<void>): Promise<void> {
  const service = await connect({ socket });
  try {
    await body(service);
  } finally {
    service.close();
  }
}

async function rejects(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(soon(`the failure ${code}`, promise), (error) => {
    assert.ok(error instanceof CryptoError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

/** A stream of some bytes in pieces of one length. */
function streamed(bytes: Bytes, length = 65_536): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += length));
    },
  });
}

async function collected(stream: ReadableStream<Bytes>): Promise<Bytes> {
  return await soon("the end of the stream", new Response(stream).bytes());
}

Deno.test("values go there and back, texts and bytes, with and without a context", async () => {
  await connected(async (service) => {
    const bytes = sample(1_000);
    for (const options of [{}, { context: "row 7 ü" }, { context: sample(500), key: "default" }]) {
      const fromText = await service.encrypt("a text ü\0", options);
      assert.ok(fromText.startsWith("crypto:v1:"));
      assert.equal(await service.decryptText(fromText, options), "a text ü\0");
      const fromBytes = await service.encrypt(bytes, options);
      sameBytes(await service.decrypt(fromBytes, options), bytes);
    }
    const bound = await service.encrypt("x", { context: "ü" });
    const same = { context: new TextEncoder().encode("ü") };
    assert.equal(await service.decryptText(bound, same), "x");
  });
});

Deno.test("what is refused is an error with a code", async () => {
  await connected(async (service) => {
    const message = await service.encrypt(new Uint8Array([0xff]), { context: "a" });
    await rejects("decryption_failed", service.decrypt(message, { context: "b" }));
    await rejects("invalid_text", service.decryptText(message, { context: "a" }));
    await rejects("malformed", service.decrypt("hello"));
    await rejects("denied", service.encrypt("x", { key: "nobody" }));
    await rejects("invalid_text", service.encrypt("a\ud800b"));
    await rejects("too_large", service.encrypt("x", { context: sample(65_537) }));
    await rejects("invalid_params", service.createKey("No Name", "seal"));
  });
});

Deno.test("keys are made, listed, rotated and imported; the daemon tells its state", async () => {
  await connected(async (service) => {
    const made = await service.createKey("made", "seal");
    assert.deepEqual([made.key, made.version], ["made", 1]);
    assert.equal((await service.rotateKey("made")).version, 2);
    assert.equal((await service.createKey("imported", "fernet", sample(32))).key, "imported");
    await rejects("key_exists", service.createKey("again", "seal", sample(32)));
    const key = (await service.keys()).find(({ name }) => name === "made");
    assert.equal(key?.versions[0]?.id, made.id);
    assert.equal((await service.status()).protocol, 1);
  });
});

Deno.test("streams of several MB go there and back, in pieces of any length", async () => {
  await connected(async (service) => {
    for (const [length, piece] of [[0, 1], [1, 1], [5_000, 1], [5_000_000, 60_001]] as const) {
      const plaintext = sample(length);
      const message = await collected(encryptStream(service, streamed(plaintext, piece)));
      const back = decryptStream(service, streamed(message, piece));
      sameBytes(await collected(back), plaintext, `${length}`);
    }
  });
});

Deno.test("a stream is bound to its context and its key", async () => {
  await connected(async (service) => {
    await service.createKey("streams", "seal");
    const options = { context: "backup 7", key: "streams" };
    const message = await collected(encryptStream(service, streamed(sample(100_000)), options));
    const read = (other: object) => collected(decryptStream(service, streamed(message), other));
    sameBytes(await read(options), sample(100_000));
    sameBytes(await read({ context: "backup 7" }), sample(100_000));
    await rejects("decryption_failed", read({ context: "backup 8" }));
    await rejects("decryption_failed", read({}));
    await rejects("denied", read({ ...options, key: "default" }));
  });
});

Deno.test("a stream that was cut, changed or is no message fails when it is read", async () => {
  await connected(async (service) => {
    const message = await collected(encryptStream(service, streamed(sample(3_000_000))));
    const read = (bytes: Bytes) => collected(decryptStream(service, streamed(bytes)));
    await rejects("decryption_failed", read(message.slice(0, -1)));
    await rejects("decryption_failed", read(message.slice(0, 1_000_000)));
    await rejects("decryption_failed", read(message.with(2_500_000, message[2_500_000]! ^ 1)));
    await rejects("malformed", read(message.slice(0, 100)));
    await rejects("malformed", read(sample(1_000)));
    await rejects("malformed", read(new Uint8Array(0)));
  });
});

Deno.test("what comes out before a stream fails is authentic", async () => {
  await connected(async (service) => {
    const plaintext = sample(3_000_000);
    const message = await collected(encryptStream(service, streamed(plaintext)));
    const parts: Bytes[] = [];
    const reading = (async () => {
      for await (const part of decryptStream(service, streamed(message.slice(0, -1)))) {
        parts.push(part);
      }
    })();
    await rejects("decryption_failed", reading);
    const out = await new Blob(parts).bytes();
    assert.ok(out.length > 0 && out.length < plaintext.length);
    sameBytes(out, plaintext.subarray(0, out.length));
  });
});

Deno.test("a stream that is left lets its source go, however it ends", async () => {
  await connected(async (service) => {
    const left: string[] = [];
    const endless = (name: string, first: Bytes) =>
      new ReadableStream<Bytes>({
        pull: (controller) => controller.enqueue(first),
        cancel: () => void left.push(name),
      });
    await rejects("malformed", collected(decryptStream(service, endless("bad", sample(100)))));
    for await (const part of encryptStream(service, endless("broken off", sample(100_000)))) {
      if (part.length > 1_000) break;
    }
    const reader = encryptStream(service, endless("cancelled", sample(10))).getReader();
    await reader.read();
    await reader.cancel();
    assert.deepEqual(left, ["bad", "broken off", "cancelled"]);
  });
});

Deno.test("a failing source fails the stream with its own error", async () => {
  await connected(async (service) => {
    const own = new Error("the disk is on fire");
    const failing = () => new ReadableStream<Bytes>({ pull: () => Promise.reject(own) });
    await assert.rejects(collected(encryptStream(service, failing())), own);
    await assert.rejects(collected(decryptStream(service, failing())), own);
  });
});

Deno.test("library and command line read each other's messages", async () => {
  await connected(async (service) => {
    const plaintext = sample(200_000);
    const context = "shared";
    for (const armor of [false, true]) {
      const stream = encryptStream(service, streamed(plaintext), { context, armor });
      const stdin = await collected(stream);
      sameBytes(await succeeds(["decrypt", "-c", context], { env, stdin }), plaintext);
      const args = ["encrypt", "-c", context, ...(armor ? ["--armor"] : [])];
      const message = await succeeds(args, { env, stdin: plaintext });
      const back = decryptStream(service, streamed(message), { context });
      sameBytes(await collected(back), plaintext);
    }
    const value = await service.encrypt("value");
    assert.equal((await crypto(["decrypt", "--text", value], { env })).code, 0);
    const asStream = decryptStream(service, streamed(new TextEncoder().encode(value)));
    assert.equal(new TextDecoder().decode(await collected(asStream)), "value");
  });
});

Deno.test("a message under a passphrase asks for it, or says that nobody was there to ask", async () => {
  await connected(async (service) => {
    const args = ["encrypt", "--passphrase-file", "/proc/sys/kernel/ostype"];
    const message = await succeeds(args, { env, stdin: "x" });
    const passphrase = () => Promise.resolve("Linux");
    const back = await collected(decryptStream(service, streamed(message), { passphrase }));
    assert.equal(new TextDecoder().decode(back), "x");
    await rejects("no_passphrase", collected(decryptStream(service, streamed(message))));
  });
});

Deno.test("many requests overlap on one connection, and each gets its own answer", async () => {
  await connected(async (service) => {
    const values = Array.from({ length: 2_000 }, (_, i) => `${i}`.repeat(1 + i % 40));
    const messages = await Promise.all(values.map((value) => service.encrypt(value)));
    assert.equal(new Set(messages).size, values.length);
    const back = messages.map((message) => service.decryptText(message));
    assert.deepEqual(await soon("all answers", Promise.all(back)), values);
    const mixed = values.slice(0, 300).map(async (value, i) => {
      if (i % 3 === 0) await rejects("malformed", service.decrypt(value));
      else assert.equal(await service.decryptText(messages[i]!), value);
    });
    await soon("mixed answers", Promise.all(mixed));
  });
});

Deno.test("streams and values share a connection", async () => {
  await connected(async (service) => {
    const streams = Array.from({ length: 8 }, async (_, i) => {
      const plaintext = sample(300_000 + i);
      const message = await collected(encryptStream(service, streamed(plaintext)));
      sameBytes(await collected(decryptStream(service, streamed(message))), plaintext);
    });
    const values = Array.from({ length: 50 }, async (_, i) => {
      assert.equal(await service.decryptText(await service.encrypt(`${i}`)), `${i}`);
    });
    await soon("all of them", Promise.all([...streams, ...values]));
  });
});

Deno.test("a value that is too long fails alone, and the connection goes on", async () => {
  await connected(async (service) => {
    const others = Array.from({ length: 20 }, (_, i) => service.encrypt(`${i}`));
    await rejects("line_too_long", service.encrypt(sample(1_048_576)));
    await soon("the others", Promise.all(others));
    const largest = sample(524_288);
    sameBytes(await service.decrypt(await service.encrypt(largest)), largest);
  });
});

Deno.test("after closing, what waits and what comes fails as unavailable", async () => {
  const service = await connect({ socket });
  const waiting = [service.status(), service.encrypt("x")];
  service.close();
  for (const promise of waiting) await rejects("unavailable", promise);
  await rejects("unavailable", service.status());
});

Deno.test("a daemon that dies while requests wait makes them unavailable", async () => {
  await using mortal = await startDaemon();
  const service = await connect({ socket: mortal.socket });
  await service.status();
  // It takes no more notice, so the requests are sure to wait.
  mortal.signal("SIGSTOP");
  const waiting = Array.from({ length: 10 }, (_, i) => service.encrypt(`${i}`));
  const failing = Promise.all(waiting.map((promise) => rejects("unavailable", promise)));
  await mortal.kill();
  await failing;
  await rejects("unavailable", service.encrypt("later"));
  service.close();
});

Deno.test("a daemon that stops answers first what it has begun", async () => {
  await using mortal = await startDaemon();
  const service = await connect({ socket: mortal.socket });
  const begun = await soon("answers", Promise.all([service.encrypt("a"), service.encrypt("b")]));
  assert.equal(begun.length, 2);
  assert.equal((await mortal.stop()).code, 0);
  // It is waited for, and does not come back.
  await rejects("unavailable", service.encrypt("later"));
  service.close();
});

Deno.test("the socket is checked and explained as by the command line", async () => {
  await rejects("unavailable", connect({ socket: `${daemon.directory}/none` }));
  await using exposed = await startDaemon();
  Deno.chmodSync(exposed.place.runtime, 0o777);
  await rejects("unsafe_path", connect({ socket: exposed.socket }));
});

Deno.test("a value and a stream of the same data have one mac, which either verifies", async () => {
  await connected(async (service) => {
    await service.createKey("mac", "mac");
    const data = sample(200_000);
    const options = { context: "here" };
    const mac = await service.mac(data, options);
    assert.equal(await service.mac(await digestStream(streamed(data)), options), mac);
    await service.verifyMac(mac, data, options);
    await service.verifyMac(mac, await digestStream(streamed(data)), options);
    await rejects("verification_failed", service.verifyMac(mac, data));
    await rejects("verification_failed", service.verifyMac(mac, data.with(7, 1), options));
  });
});

Deno.test("many values are encrypted and decrypted in their order, and one that fails stops none", async () => {
  await connected(async (service) => {
    const values = Array.from({ length: 1_000 }, (_, i) => `value ${i}`);
    const messages: string[] = [];
    for await (const outcome of service.encryptMany(values, { context: "many" })) {
      assert.ok(outcome.status === "fulfilled");
      messages.push(outcome.value);
    }
    messages[500] = "no message";
    const seen: (string | undefined)[] = [];
    for await (const outcome of service.decryptMany(messages, { context: "many" })) {
      const text = outcome.status === "fulfilled" && new TextDecoder().decode(outcome.value);
      seen.push(text === false ? undefined : text);
    }
    assert.deepEqual(seen, values.map((value, i) => i === 500 ? undefined : value));
  });
});

Deno.test("who waits for an answer before the next value gets it, and may stop there", async () => {
  await connected(async (service) => {
    let answered = 0;
    async function* values() {
      for (let i = 0; i < 3; i++) {
        yield "value";
        await eventually("it is answered", () => answered > i);
      }
      await new Promise<never>(() => {});
    }
    for await (const { status } of service.encryptMany(values())) {
      assert.equal(status, "fulfilled");
      if (++answered === 3) break;
    }
    assert.equal(answered, 3);
  });
});
