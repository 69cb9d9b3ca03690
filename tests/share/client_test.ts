/** The client over a line that fails: its real server stands behind a proxy that cuts. */
import assert from "node:assert/strict";
import { type Bytes, concat } from "../../core/bytes.ts";
import { ShareApi } from "../../share/client/api.ts";
import { lookAt, openAnswer, openSecret, readProof } from "../../share/client/open.ts";
import { regroup } from "../../share/client/pieces.ts";
import { makeRequest } from "../../share/client/request.ts";
import { sendAnswer, sendSecret } from "../../share/client/send.ts";
import { padding, tarHeader, tarLength } from "../../share/client/tar.ts";
import {
  failsWith,
  pattern,
  randomPieces,
  rejectsWith,
  sameBytes,
  seeded,
} from "../core/support.ts";
import { startShareServer } from "../support/share.ts";
import { soon } from "../support/wait.ts";
import { contentOf, faulty, Kept, losing, lost, newClaim, TERMS } from "./line.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

async function statusOf(api: ShareApi, sent: { readonly id: Bytes; readonly receipt: Bytes }) {
  return await api.call("status", { id: sent.id, receipt: sent.receipt });
}

Deno.test("a short secret survives the loss of every answer once", async () => {
  await using line = faulty(server, losing("look", "take", "acknowledge", "status"));
  const content = pattern(1_000);
  const sent = await sendSecret(line.api, contentOf(content), { terms: TERMS });
  assert.equal((await statusOf(line.api, sent)).state, "live");
  assert.equal((await lookAt(line.api, await readProof("secret", sent.secret))).views, 1);
  const output = new Kept();
  await openSecret(line.api, sent.secret, { output, claim: newClaim() });
  assert.equal(output.state, "complete");
  sameBytes(concat(...output.parts), content);
  assert.equal((await statusOf(line.api, sent)).taken[0]?.acknowledged, true);
});

Deno.test("a create whose answer was lost is known by its receipt", async () => {
  await using line = faulty(server, losing("create"));
  const sent = await sendSecret(line.api, contentOf(pattern(10)), { terms: TERMS });
  assert.equal((await statusOf(line.api, sent)).state, "live");
});

Deno.test("an upload and a download that are cut go on where they were", async () => {
  let [uploads, bodies] = [0, 0];
  await using line = faulty(server, (call, pass) => {
    if (call === "upload" && ++uploads % 2 === 1) return pass(600_000).then(lost);
    return call === "body" && ++bodies <= 3 ? pass().then(cut) : undefined;
  });
  const content = pattern(9_000_000);
  const sent = await sendSecret(line.api, contentOf(content), { terms: TERMS });
  const output = new Kept();
  assert.equal(await openSecret(line.api, sent.secret, { output, claim: newClaim() }), true);
  sameBytes(concat(...output.parts), content);
  assert.ok(uploads === 6 && bodies === 4, `${uploads}, ${bodies}`);
  const { state, taken } = await statusOf(line.api, sent);
  assert.deepEqual([state, taken.length, taken[0]?.acknowledged], ["used", 1, true]);
});

Deno.test("a line that is slow, but moves, carries a piece in any number of parts", async () => {
  let uploads = 0;
  await using line = faulty(server, (call, pass) => {
    if (call !== "upload") return undefined;
    uploads++;
    return pass(50_000).then(lost);
  });
  const sent = await sendSecret(line.api, contentOf(pattern(400_000)), { terms: TERMS });
  assert.equal((await statusOf(line.api, sent)).state, "live");
  assert.ok(uploads > 6, `${uploads}`);
});

Deno.test("what failed at the server is not told as a failure here", async () => {
  for (const code of ["io", "internal"]) {
    await using line = faulty(server, () => {
      return Promise.resolve(
        Response.json({ error: code, message: "", hint: "" }, { status: 500 }),
      );
    });
    const sending = sendSecret(line.api, contentOf(pattern(10)), { terms: TERMS });
    await rejectsWith("share_failed", sending);
  }
});

Deno.test("an upload that fails for good is taken back, and waits for nobody", async () => {
  const states: string[] = [];
  await using line = faulty(server, (call, pass) => {
    if (call === "upload") {
      const full = { error: "share_full", message: "", hint: "" };
      return Promise.resolve(Response.json(full, { status: 507 }));
    }
    if (call !== "revoke") return undefined;
    return pass().then(async (answer) => {
      states.push((await answer.clone().json()).state);
      return answer;
    });
  });
  const sending = sendSecret(line.api, contentOf(pattern(500_000)), { terms: TERMS });
  await rejectsWith("share_full", sending);
  assert.deepEqual(states, ["revoked"]);
});

/** The first million bytes of an answer. */
async function cut(answer: Response): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return new Response(bytes.subarray(0, 1_000_000));
}

Deno.test("what was changed on the way is discarded, and not acknowledged", async () => {
  await using line = faulty(
    server,
    (call, pass) => call === "body" ? pass().then(changed) : undefined,
  );
  const sent = await sendSecret(line.api, contentOf(pattern(500_000)), { terms: TERMS });
  const output = new Kept();
  await rejectsWith(
    "decryption_failed",
    openSecret(line.api, sent.secret, { output, claim: newClaim() }),
  );
  assert.equal(output.state, "discarded");
  assert.equal((await statusOf(line.api, sent)).taken[0]?.acknowledged, false);
});

async function changed(answer: Response): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer());
  bytes[bytes.length - 1]! ^= 1;
  return new Response(bytes);
}

const ASKED = { ttl: 600, size: 1_000_000 } as const;

Deno.test("a request and its answer survive the loss of every answer once", async () => {
  const calls = ["request", "look-request", "answer", "look", "take", "acknowledge", "status"];
  for (const size of [1_000, 700_000]) {
    await using line = faulty(server, losing(...calls));
    // The client must have been answered once before it asks again.
    await rejectsWith(
      "share_unavailable",
      lookAt(line.api, await readProof("secret", pattern(32))),
    );
    const { seed, publicKey } = await makeRequest(line.api, ASKED);
    const content = pattern(size);
    const answered = await sendAnswer(line.api, publicKey, contentOf(content));
    assert.equal((await lookAt(line.api, await readProof("own", seed))).kind, "answer");
    const output = new Kept();
    assert.equal(await openAnswer(line.api, seed, { output, claim: newClaim() }), true);
    sameBytes(concat(...output.parts), content);
    assert.equal((await statusOf(line.api, answered)).state, "used");
  }
});

Deno.test("answers that a server swaps between requests open for nobody", async () => {
  const api = new ShareApi(server.origin);
  const [one, two] = [await makeRequest(api, ASKED), await makeRequest(api, ASKED)];
  for (const { publicKey } of [one, two]) await sendAnswer(api, publicKey, contentOf(pattern(10)));
  const bodies: unknown[] = [];
  // It gives the second reader what it gave the first.
  await using line = faulty(
    server,
    (call, pass) => call === "take" ? pass().then(swapped) : undefined,
  );
  async function swapped(answer: Response): Promise<Response> {
    const taken = await answer.json();
    bodies.push(taken.body);
    return Response.json({ ...taken, body: bodies[0] });
  }
  const outputs = [new Kept(), new Kept()] as const;
  await openAnswer(line.api, one.seed, { output: outputs[0], claim: newClaim() });
  await rejectsWith(
    "decryption_failed",
    openAnswer(line.api, two.seed, { output: outputs[1], claim: newClaim() }),
  );
  assert.equal(outputs[1].state, "discarded");
});

Deno.test("of an answer's terms the reader believes the lifetime alone, and that is bound", async () => {
  const api = new ShareApi(server.origin);
  for (const lie of [{ ttl: 601 }, { kind: "secret" }, { views: 2 }, { passphrase: true }]) {
    const { seed, publicKey } = await makeRequest(api, ASKED);
    await sendAnswer(api, publicKey, contentOf(pattern(10)));
    await using line = faulty(server, (call, pass) => {
      return call !== "take" ? undefined : pass().then(async (answer) => {
        return Response.json({ ...await answer.json(), ...lie });
      });
    });
    const opening = openAnswer(line.api, seed, { output: new Kept(), claim: newClaim() });
    if ("ttl" in lie) await rejectsWith("decryption_failed", opening);
    // The rest its reader knows, and does not ask.
    else assert.equal(await opening, true);
  }
});

Deno.test("a request that takes too long is ended, and not left to go on", async () => {
  using stalled = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const drained = stalled.accept().then(async (connection) => {
    await connection.readable.pipeTo(new WritableStream()).catch(() => {});
  });
  const api = new ShareApi(`http://127.0.0.1:${stalled.addr.port}`, { patience: 100 });
  const place = { id: pattern(16), uploadToken: pattern(32), offset: 0 };
  await rejectsWith("share_unreachable", api.upload(place, pattern(4_194_304)));
  await soon("the end of its connection", drained);
});

Deno.test("what is no answer of a share server is refused, however it looks", async () => {
  const answers = ["", "null", "[]", "{}", "<html>", '{"kind":"secret"}', "x".repeat(500_000)];
  for (const text of answers) {
    await using line = faulty(server, () => Promise.resolve(new Response(text)));
    await rejectsWith(
      "bad_answer",
      lookAt(line.api, await readProof("secret", pattern(32))),
      text.slice(0, 20),
    );
  }
  const elsewhere = () => Promise.resolve(Response.redirect(`${server.origin}/api/look`, 307));
  await using line = faulty(server, elsewhere);
  await rejectsWith("share_unreachable", lookAt(line.api, await readProof("secret", pattern(32))));
});

Deno.test("pieces are regrouped without loss", async () => {
  const all = pattern(200_000);
  for (const length of [1_000, 65_536, 200_000, 300_000]) {
    const parts: Bytes[] = [];
    for await (const part of regroup(randomPieces(all, seeded(length)), length)) {
      parts.push(part.slice());
    }
    sameBytes(concat(...parts), all);
    assert.ok(parts.slice(0, -1).every((part) => part.length === length));
    const short = await Array.fromAsync(regroup([all], length, 56), (part) => part.length);
    assert.deepEqual(short.slice(0, -1), [56, ...Array(short.length - 2).fill(length)]);
  }
});

Deno.test("an archive's names are split at a slash, or refused", () => {
  const entry = { kind: "file", size: 1, mode: 0o644, time: 0 } as const;
  const block = tarHeader({ ...entry, name: `${"a".repeat(150)}/${"b".repeat(100)}` });
  assert.equal(new TextDecoder().decode(block.subarray(345, 500)).replace(/\0.*/s, "").length, 150);
  for (const name of ["a".repeat(101), `${"a".repeat(156)}/b`, `a/${"b".repeat(101)}`]) {
    failsWith("too_large", () => tarHeader({ ...entry, name }));
  }
  failsWith("too_large", () => tarHeader({ ...entry, name: "a", size: 2 ** 33 }));
  assert.equal(tarLength([{ ...entry, name: "a" }]), 512 + 1 + padding(1) + 1_024);
});
