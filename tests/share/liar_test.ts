/** Servers that lie: what a reader gets of them is nothing, or what was sent. */
import assert from "node:assert/strict";
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat } from "../../core/bytes.ts";
import { PREFIX_LENGTH } from "../../core/cobblestone.ts";
import { SEALED_CHUNK } from "../../core/engine.ts";
import { openSecret } from "../../share/client/open.ts";
import { sendSecret } from "../../share/client/send.ts";
import { pattern, rejectsWith, sameBytes } from "../core/support.ts";
import { startShareServer } from "../support/share.ts";
import { contentOf, faulty, Kept, newClaim, TERMS } from "./line.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

type Answer = Record<string, unknown>;

/** A server that changes what it answers to a take; a body of several chunks is in that answer. */
function lyingServer(lie: (answer: Answer) => Answer) {
  return faulty(server, (call, pass) => {
    if (call !== "take") return undefined;
    return pass().then(async (answer) => Response.json(lie(await answer.json())));
  });
}

const CONTENT = pattern(60_000);

/** Sends and opens over a server that lies. The reader must not believe it. */
async function isFoundOut(what: string, lie: (answer: Answer) => Answer): Promise<void> {
  await using line = lyingServer(lie);
  const { secret } = await sendSecret(line.api, contentOf(CONTENT), { terms: TERMS });
  const output = new Kept();
  const opening = openSecret(line.api, secret, { output, claim: newClaim() });
  await rejectsWith("decryption_failed", opening, what);
  assert.equal(output.state, "discarded", what);
}

/** A change of the ciphertext. */
function changing(change: (body: Bytes) => Bytes): (answer: Answer) => Answer {
  return (answer) => {
    const body = toBase64Url(change(fromBase64Url(answer.body as string)));
    return { ...answer, body };
  };
}

/** The parts of a body: what is before its chunks, and the chunks. */
function parts(body: Bytes): readonly [Bytes, Bytes, Bytes, Bytes, Bytes] {
  const at = (chunk: number) => PREFIX_LENGTH + chunk * SEALED_CHUNK;
  const cuts = [0, at(0), at(1), at(2), at(3), body.length];
  const all = cuts.slice(1).map((end, i) => body.subarray(cuts[i], end));
  return all as [Bytes, Bytes, Bytes, Bytes, Bytes];
}

Deno.test("a server that changes any of the terms gives nothing that opens", async () => {
  for (const [name, value] of Object.entries({ ttl: 601, views: 2, kind: "answer" })) {
    await isFoundOut(name, (answer) => ({ ...answer, [name]: value }));
  }
});

Deno.test("a server that hides or claims a passphrase is not believed", async () => {
  await using line = lyingServer((answer) => ({ ...answer, passphrase: !answer.passphrase }));
  const { secret } = await sendSecret(line.api, contentOf(CONTENT), { terms: TERMS });
  const output = new Kept();
  await openSecret(line.api, secret, { output, claim: newClaim() });
  sameBytes(concat(...output.parts), CONTENT);
});

Deno.test("chunks that are dropped, doubled, swapped or appended do not open", async () => {
  const changes: Record<string, (body: Bytes) => Bytes> = {
    "the last chunk dropped": (body) => concat(...parts(body).slice(0, 4)),
    "a chunk dropped": (body) => concat(...parts(body).filter((_, i) => i !== 2)),
    "a chunk doubled": (body) => {
      const [prefix, a, b, c, last] = parts(body);
      return concat(prefix, a, b, b, c, last);
    },
    "chunks swapped": (body) => {
      const [prefix, a, b, c, last] = parts(body);
      return concat(prefix, b, a, c, last);
    },
    "a chunk appended": (body) => concat(body, parts(body)[1]),
    "a byte appended": (body) => concat(body, new Uint8Array(1)),
    "nothing left": () => new Uint8Array(0),
  };
  for (const [what, change] of Object.entries(changes)) await isFoundOut(what, changing(change));
});

Deno.test("bodies swapped between two secrets of one server do not open", async () => {
  const bodies: unknown[] = [];
  await using line = lyingServer((answer) => {
    bodies.push(answer.body);
    // The first reader gets what is its own, the second what was the first one's.
    return { ...answer, body: bodies[0] };
  });
  const send = () => sendSecret(line.api, contentOf(CONTENT), { terms: TERMS });
  const [one, two] = [await send(), await send()];
  const outputs = [new Kept(), new Kept()] as const;
  await openSecret(line.api, one.secret, { output: outputs[0], claim: newClaim() });
  const swapped = openSecret(line.api, two.secret, { output: outputs[1], claim: newClaim() });
  await rejectsWith("decryption_failed", swapped);
  assert.deepEqual(outputs.map(({ state }) => state), ["complete", "discarded"]);
});

Deno.test("a server that sends more than it announced, or never ends, is left", async () => {
  await using line = faulty(server, (call, pass) => {
    if (call !== "body") return undefined;
    return pass().then(async (answer) => {
      await answer.body?.cancel();
      return new Response(endless());
    });
  });
  const { secret } = await sendSecret(line.api, contentOf(pattern(300_000)), { terms: TERMS });
  const output = new Kept();
  const opening = openSecret(line.api, secret, { output, claim: newClaim() });
  const code = await opening.then(() => "opened", ({ code }) => code);
  assert.ok(["bad_answer", "decryption_failed"].includes(code), code);
  assert.equal(output.state, "discarded");
});

function endless(): ReadableStream<Bytes> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
}
