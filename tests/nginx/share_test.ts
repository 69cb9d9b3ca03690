/** Sharing through nginx over TLS, as people do it: with the program, by a CA that it trusts. */
import assert from "node:assert/strict";
import { formatUploadPlace } from "../../core/share/wire.ts";
import { Victim } from "../../share/attack/victim.ts";
import { sameBytes, sample, text } from "../cli/support.ts";
import { plainEnvironment } from "../support/process.ts";
import { RELEASES } from "./debian.ts";
import { DOMAIN, type Machine } from "./machine.ts";
import { nginxTest } from "./support.ts";

const SENT = 20_000_000;

/** Sends, and gives the link. */
async function send(machine: Machine, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await machine.crypto(["share", "send", ...args], { stdin });
  assert.equal(code, 0, stderr);
  return text(stdout).trim();
}

await nginxTest("a text and a file go through it, once", async (machine) => {
  await machine.serve();
  const link = await send(machine, [], "hello");
  assert.match(link, new RegExp(`^https://${DOMAIN}/s#`));
  const opened = await machine.crypto(["share", "open", link]);
  assert.deepEqual([opened.code, text(opened.stdout)], [0, "hello"]);
  assert.notEqual((await machine.crypto(["share", "open", link])).code, 0);
  const large = sample(SENT);
  await Deno.writeFile(machine.at("/tmp/large.bin"), large);
  const sent = await send(machine, ["/tmp/large.bin"]);
  await Deno.mkdir(machine.at("/tmp/inbox"), { recursive: true });
  const { code, stderr } = await machine.crypto(["share", "open", sent, "-o", "/tmp/inbox"]);
  assert.equal(code, 0, stderr);
  sameBytes(await Deno.readFile(machine.at("/tmp/inbox/large.bin")), large);
  await Deno.remove(machine.at("/tmp/inbox"), { recursive: true });
});

await nginxTest("a certificate by nobody it trusts is refused", async (machine) => {
  await machine.serve();
  const env = { ...plainEnvironment(), HOME: "/tmp", CRYPTO_SHARE_SERVER: `https://${DOMAIN}` };
  const { code, stderr } = await machine.crypto(["share", "send"], { env, stdin: "x" });
  assert.notEqual(code, 0);
  assert.match(stderr, /cannot be reached/);
});

/** The most memory that any process of nginx's has had, in kB. */
async function peakMemory(machine: Machine): Promise<number> {
  const peaks = (await machine.nginxPids()).map((pid) => {
    return Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
  });
  assert.ok(peaks.length > 1, "the workers are found");
  return Math.max(...peaks);
}

/** Bytes of one upload. By hand: `CRYPTO_TEST_UPLOAD=2000000000 deno task test tests/nginx`. */
const UPLOADED = Number(Deno.env.get("CRYPTO_TEST_UPLOAD") ?? 300_000_000);

await nginxTest(
  "one long upload and its download need no temporary file and little memory",
  async (machine) => {
    await machine.serve();
    // From here on nginx can make no file where it would make one.
    await machine.readOnly("/var/lib/nginx");
    const victim = new Victim({ size: 300_000 });
    const created = await machine.post(
      "create",
      JSON.stringify(await victim.creation({ size: UPLOADED })),
    );
    assert.equal(created.status, 202, created.body);
    const place = formatUploadPlace({ ...victim.place, offset: 0 });
    const patience = 300_000;
    const url = `https://${DOMAIN}/api`;
    const header = ["--header", `crypto-share: ${place}`, "--header", "expect:"];
    const upload = ["curl", "--silent", "--fail", "--request", "POST", "--upload-file"];
    Deno.writeFileSync(machine.at("/tmp/long"), new Uint8Array());
    Deno.truncateSync(machine.at("/tmp/long"), UPLOADED);
    const uploaded = await machine.must([...upload, "/tmp/long", ...header, `${url}/upload`], {
      patience,
    });
    assert.equal(JSON.parse(uploaded).offset, UPLOADED);
    const claim = victim.claim();
    assert.equal((await machine.post("take", JSON.stringify(claim))).status, 200);
    const type = ["--header", "content-type: application/json", "--output", "/dev/null"];
    const download = ["curl", "--silent", "--fail", "--write-out", "%{size_download}", ...type];
    const taken = await machine.must([...download, "--data-binary", "@-", `${url}/body`], {
      stdin: JSON.stringify({ id: victim.id, claimToken: claim.claimToken, offset: 0 }),
      patience,
    });
    assert.equal(Number(taken), UPLOADED);
    assert.ok(await peakMemory(machine) < 60_000);
  },
  { releases: [RELEASES.trixie] },
);

await nginxTest("the attacks on the application fail through it, too", async (machine) => {
  // Hundreds at once, thousands in a row are part of it: here the application is to stand alone.
  await machine.serve(["--requests-per-minute", "10000000"], (text) => {
    const limit = "limit_conn crypto_share_connections 64;";
    assert.ok(text.includes(limit));
    return text.replace(limit, "keepalive_requests 1000000;");
  });
  const options = ["--rounds", "3", "--attempts", "200", "--mine"];
  const { code, stdout, stderr } = await machine.crypto(
    ["share", "attack", ...options, `https://${DOMAIN}`],
    { patience: 120_000 },
  );
  assert.equal(code, 0, text(stdout) + stderr);
}, { releases: [RELEASES.trixie] });
