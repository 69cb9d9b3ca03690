// A program for Node that uses the bundled library: `node_client.mjs BUNDLE SOCKET DYING DAEMON`.
// Prints what it saw as JSON.
const [bundle, socket, dying, daemon] = process.argv.slice(2);
const { connect, CryptoError, decryptStream, encryptStream, ERRORS } = await import(bundle);

const seen = { node: typeof globalThis.Deno === "undefined" };

async function codeOf(promise) {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error instanceof CryptoError && error.code in ERRORS ? error.code : String(error);
  }
}

function streamed(length) {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const piece = new Uint8Array(Math.min(left, 50_001)).fill(left % 251);
      left -= piece.length;
      controller.enqueue(piece);
    },
  });
}

async function collected(stream) {
  return Buffer.from(await new Response(stream).arrayBuffer());
}

const service = await connect({ socket });
const context = "row 7";
const message = await service.encrypt("a value ü", { context });
seen.value = await service.decryptText(message, { context });
seen.wrongContext = await codeOf(service.decrypt(message));
const many = Array.from({ length: 500 }, async (_, i) => {
  return await service.decryptText(await service.encrypt(`${i}`)) === `${i}`;
});
seen.many = (await Promise.all(many)).every((same) => same);

const stream = await collected(encryptStream(service, streamed(5_000_000), { context }));
const back = await collected(decryptStream(service, new Blob([stream]).stream(), { context }));
seen.stream = back.equals(await collected(streamed(5_000_000)));
const cut = new Blob([stream.subarray(0, -1)]).stream();
seen.cut = await codeOf(collected(decryptStream(service, cut, { context })));

seen.nowhere = await codeOf(connect({ socket: "/nowhere/crypto.sock" }));
seen.unnamed = await codeOf(connect());

const waiting = service.status();
service.close();
seen.closed = await codeOf(waiting);
seen.after = await codeOf(service.status());

// The daemon is stopped by SIGSTOP already, so its answers do not come.
const lonely = await connect({ socket: dying });
const unanswered = [lonely.status(), lonely.encrypt("x")].map(codeOf);
process.kill(Number(daemon), "SIGKILL");
seen.died = await Promise.all(unanswered);
seen.afterDeath = await codeOf(lonely.encrypt("x"));
console.log(JSON.stringify(seen));
