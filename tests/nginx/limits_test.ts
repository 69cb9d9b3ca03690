/** What nginx refuses by itself, for whom, and in which words. */
import assert from "node:assert/strict";
import { isErrorCode } from "../../core/errors.ts";
import { LONG_BYTES } from "../../core/share/limits.ts";
import { formatUploadPlace } from "../../core/share/wire.ts";
import { Victim } from "../../share/attack/victim.ts";
import { type Answer, DOMAIN, type Machine } from "./machine.ts";
import { nginxTest } from "./support.ts";

/** The code in an answer, which is to be JSON of the API's. */
function codeOf({ headers, body }: Answer): string {
  assert.equal(headers.get("content-type"), "application/json", body);
  const { error, message, hint } = JSON.parse(body);
  assert.ok(isErrorCode(error) && typeof message === "string" && typeof hint === "string", body);
  return error;
}

/** JSON of a length, which the application does not take for what it is not. */
function padded(length: number): string {
  return `{"a":"${"x".repeat(length - 8)}"}`;
}

await nginxTest(
  "a body may be as long as the application takes it, and no longer",
  async (machine) => {
    await machine.serve(["--max-bytes", "500000"]);
    for (const version of ["--http1.1", "--http2"]) {
      const longest = await machine.post("create", padded(LONG_BYTES), version);
      assert.deepEqual([longest.status, codeOf(longest)], [400, "invalid_params"]);
      const longer = await machine.post("create", padded(LONG_BYTES + 1), version);
      assert.deepEqual([longer.status, codeOf(longer)], [413, "too_large"]);
      const chunked = ["--header", "transfer-encoding: chunked", "--http1.1"];
      const unsaid = await machine.post("create", padded(LONG_BYTES + 1), ...chunked);
      assert.deepEqual([unsaid.status, codeOf(unsaid)], [413, "too_large"]);
      const upload = await machine.post("upload", "x".repeat(500_000), version);
      assert.deepEqual([upload.status, codeOf(upload)], [400, "invalid_params"]);
      const uploaded = await machine.post("upload", "x".repeat(500_001), version);
      assert.deepEqual([uploaded.status, codeOf(uploaded)], [413, "too_large"]);
    }
  },
);

/** How many of some requests in a row are answered, from an address of the machine's. */
async function answered(machine: Machine, from: string, requests: number): Promise<number> {
  const address = from.includes(":") ? "[2001:db8:0:1::1]" : "192.0.2.1";
  const to = ["--resolve", `${DOMAIN}:443:${address}`, "--interface", from];
  let answered = 0;
  for (let i = 0; i < requests; i++) {
    const answer = await machine.post("look", JSON.stringify(new Victim().link), ...to);
    if (answer.status === 404) answered++;
    else assert.deepEqual([answer.status, codeOf(answer)], [429, "too_many_requests"]);
  }
  return answered;
}

await nginxTest(
  "who asks too often is told so; an IPv6 network of 64 bits is one client",
  async (machine) => {
    await machine.serve(["--requests-per-minute", "2"]);
    // One and the burst: at two in a minute, what is refilled meanwhile does not count.
    assert.equal(await answered(machine, "192.0.2.1", 5), 3);
    assert.equal(await answered(machine, "192.0.2.2", 5), 3);
    assert.equal(await answered(machine, "2001:db8:0:1::1", 2), 2);
    assert.equal(await answered(machine, "2001:db8:0:1::2", 3), 1);
    assert.equal(await answered(machine, "2001:db8:0:2::1", 5), 3);
  },
);

await nginxTest("what a client says of its address changes nothing", async (machine) => {
  const socket = "/run/crypto-share/limited.sock";
  await using _limited = await machine.startShare(["--requests-per-minute", "3"], socket);
  await machine.serve(["--upstream", `unix:${socket}`]);
  const statuses = async (from: string) => {
    const to = ["--resolve", `${DOMAIN}:443:192.0.2.1`, "--interface", from];
    const answers: number[] = [];
    for (let i = 0; i < 5; i++) {
      const spoofed = `203.0.113.${i}`;
      const headers = [
        `x-forwarded-for: ${spoofed}`,
        `X-Forwarded-For: ${spoofed}`,
        `x-real-ip: ${spoofed}`,
        `forwarded: for=${spoofed}`,
      ].flatMap((header) => ["--header", header]);
      const body = JSON.stringify(new Victim().link);
      answers.push((await machine.post("look", body, ...headers, ...to)).status);
    }
    return answers;
  };
  // The application counts: the proxy allows many more.
  assert.deepEqual(await statuses("192.0.2.1"), [404, 404, 404, 429, 429]);
  assert.deepEqual(await statuses("192.0.2.2"), [404, 404, 404, 429, 429]);
});

await nginxTest(
  "while the server is away, the API says so, and a client may ask again",
  async (machine) => {
    await machine.serve(["--upstream", "unix:/run/nothing.sock"]);
    const answer = await machine.post("look", "{}");
    assert.deepEqual([answer.status, codeOf(answer)], [502, "share_unreachable"]);
  },
);

await nginxTest(
  "an upload that the application refuses is answered in its words",
  async (machine) => {
    await machine.serve();
    const place = formatUploadPlace({ ...new Victim().place, offset: 0 });
    const header = ["--header", `crypto-share: ${place}`];
    for (const version of ["--http1.1", "--http2"]) {
      const { status, body } = await machine.post(
        "upload",
        new Uint8Array(8_000_000),
        version,
        ...header,
      );
      assert.equal(status, 404, body);
    }
  },
);
