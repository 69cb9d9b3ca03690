/** The command line and a server that names what is no place of its storage. */
import assert from "node:assert/strict";
import { crypto, failedWith, Folder, text } from "./support.ts";

/** Each would be a right to go to many hosts, to another than is meant, or to none. */
const NAMED = [
  ...["https://*", "https://*:443", "https://*.com", "https://*.share.example", "https://a;b"],
  ...['https://evil.example"', "https://a'b", "https://a,b", "https://a b", "https://"],
  ...["https://share.example.", "https://share.example/", "https://share.example:443"],
  ...["https://192.0.2.0/24", "https://192.0.2", "https://[::1", "HTTPS://SHARE.EXAMPLE"],
  ...["http://share.example", "file:///", "share.example", ""],
];

Deno.test("a storage that is no origin ends every command that may go there, before anything is asked of it", async () => {
  using home = new Folder();
  let [named, asked] = ["", [] as string[]];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (got) => {
    asked.push(new URL(got.url).pathname);
    return Response.json({ origin: named });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const options = { env: { HOME: home.path, CRYPTO_SHARE_SERVER: origin }, stdin: "a secret" };
  for (named of NAMED) {
    asked = [];
    const sent = await crypto(["share", "send"], options);
    failedWith("bad_answer", sent, named);
    assert.deepEqual([text(sent.stdout), asked], ["", ["/api/storage"]], named);
  }
  [named, asked] = ["https://*", []];
  const link = `${origin}/s#${"A".repeat(43)}`;
  failedWith("bad_answer", await crypto(["share", "open", link], options), "open");
  assert.deepEqual(asked, ["/api/storage"]);
});
