/** The network mode, with OpenSSL at the other end: who is let in, who is not, and what is logged. */
import assert from "node:assert/strict";
import { ownerAccess } from "../../server/access.ts";
import type { Receiver, Transport } from "../../server/channel.ts";
import { Admission, DEFAULT_LIMITS } from "../../server/limits.ts";
import { DEFAULT_AUDIT_LIMITS } from "../../server/audit/files.ts";
import { AuditLog } from "../../server/audit/log.ts";
import { Metrics } from "../../server/metrics.ts";
import { Reception } from "../../server/reception.ts";
import { Refusals } from "../../server/refusals.ts";
import type { Service } from "../../server/service.ts";
import { Turns } from "../../server/turns.ts";
import { Authority, type Certified, openssl } from "../support/certificates.ts";
import { codeOf, type LogLine, request, resultOf } from "../support/daemon.ts";
import { CLIENT, type NetworkDaemon, networkTest } from "../support/network.ts";
import { run } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";
import { targetOf } from "./support.ts";

const SECONDS_OF_A_DAY = 86_400;

/** A log that is given away. */
function memoryLog(take: (text: string) => void): AuditLog {
  const target = targetOf((bytes) => take(new TextDecoder().decode(bytes)));
  return AuditLog.on(target, { limits: DEFAULT_AUDIT_LIMITS });
}

/** The log's lines about connections, once there are so many. */
async function connects({ process }: NetworkDaemon, count: number): Promise<LogLine[]> {
  const lines = () => process.log().filter(({ op }) => op === "connect");
  await eventually("the refusals are in the log", () => lines().length >= count);
  return lines();
}

networkTest("a named certificate is served, and the log names it", async (daemon) => {
  const { authority } = daemon.network;
  const client = await authority.issue(CLIENT);
  using peer = await daemon.connect(client);
  await peer.sendLine(request(1, "encrypt", { text: "hello", context: "c" }));
  const { message } = resultOf(await peer.answer());
  await peer.sendLine(request(2, "decrypt", { message, as: "text", context: "c" }));
  assert.equal(resultOf(await peer.answer()).text, "hello");
  await peer.sendLine(request(3, "key.create", { name: "x" }));
  assert.equal(codeOf(await peer.answer()), "denied");
  const shown = await openssl(
    "x509",
    "-in",
    client.certificate,
    "-noout",
    "-fingerprint",
    "-sha256",
  );
  const hex = shown.trim().split("=")[1]!.replaceAll(":", "").toLowerCase();
  const lines = daemon.process.log();
  assert.deepEqual(lines.map(({ op, error }) => [op, error]), [
    ["encrypt", undefined],
    ["decrypt", undefined],
    ["key.create", "denied"],
  ]);
  for (const { certificate, fingerprint, address, uid } of lines) {
    assert.deepEqual([certificate, uid], ["URI:spiffe://test/worker", undefined]);
    assert.equal(fingerprint, `SHA256:${hex}`);
    assert.match(address ?? "", /^127\.0\.0\.1:\d+$/);
  }
});

networkTest(
  "whoever shows no good certificate is refused before anything is read",
  async (daemon) => {
    const { authority, place } = daemon.network;
    const namesake = await Authority.make(`${place.directory}/namesake`, "test");
    const other = await Authority.make(`${place.directory}/other`, "other");
    const revoked = await authority.issue(CLIENT);
    await authority.revoke(revoked);
    daemon.process.signal("SIGHUP");
    await eventually("it has reloaded", () => daemon.process.stderr.includes("crypto: reloaded"));
    const good = await authority.issue(CLIENT);
    const cases: readonly (readonly [string, Certified | undefined, ...string[]])[] = [
      ["no_certificate", undefined],
      ["expired", await authority.issue({ ...CLIENT, days: -1 })],
      ["revoked", revoked],
      ["wrong_purpose", await authority.issue({ ...CLIENT, usage: "serverAuth" })],
      ["wrong_purpose", await authority.issue({ ...CLIENT, usage: "" })],
      ["unknown_authority", await other.issue(CLIENT)],
      ["unknown_authority", await namesake.issue(CLIENT)],
      ["old_protocol", good, "-tls1_2"],
      ["old_protocol", good, "-tls1_2", "-cipher", "ALL:@SECLEVEL=0"],
    ];
    for (const [reason, certified, ...args] of cases) {
      const { answer } = await daemon.ask(args, certified);
      // OpenSSL takes one without a purpose: the daemon says in a line that it does not.
      const isTold = answer === "" || codeOf(JSON.parse(answer)) === "tls_refused";
      assert.ok(isTold, `${reason}: ${answer}`);
    }
    const lines = await connects(daemon, cases.length);
    assert.deepEqual(
      lines.map((line) => [line.reason, line.error]),
      cases.map(([reason]) => {
        return [reason, "tls_refused"];
      }),
    );
    assert.ok(lines.every(({ address }) => /^127\.0\.0\.1:\d+$/.test(address ?? "")));
    assert.equal(daemon.process.log().length, lines.length);
  },
);

networkTest(
  "a good certificate that nobody has named is told that it is denied",
  async (daemon) => {
    const stranger = await daemon.network.authority.issue({
      ...CLIENT,
      names: "DNS:stranger.test",
    });
    const { answer } = await daemon.ask([], stranger);
    assert.equal(codeOf(JSON.parse(answer)), "denied");
    const [line] = await connects(daemon, 1);
    assert.deepEqual([line?.certificate, line?.error], ["DNS:stranger.test", "denied"]);
  },
);

networkTest("no session is resumed: there is none to resume", async (daemon) => {
  const client = await daemon.network.authority.issue(CLIENT);
  const { directory } = daemon.network.place;
  const session = `${directory}/session`;
  const asked = async (...args: string[]) => {
    const to = ["-connect", `localhost:${daemon.port}`];
    const own = ["-cert", client.certificate, "-key", client.key];
    return await run(["openssl", "s_client", ...to, ...own, ...args], { stdin: "Q\n" });
  };
  const first = await asked("-sess_out", session);
  assert.match(first.stdout, /^New, TLSv1\.3/m);
  // OpenSSL writes one only when the server gives a ticket, which with -reconnect would be used.
  assert.throws(() => Deno.statSync(session), Deno.errors.NotFound);
  const again = await asked("-reconnect");
  assert.doesNotMatch(again.stdout, /Reused/);
});

networkTest(
  "a reload cuts who was revoked or is named no more, and nobody else",
  async (daemon) => {
    const { authority } = daemon.network;
    const [stays, revoked, unnamed] = await Promise.all([
      authority.issue(CLIENT),
      authority.issue(CLIENT),
      authority.issue({ ...CLIENT, names: "DNS:other.test" }),
    ]);
    using one = await daemon.connect(stays);
    using two = await daemon.connect(revoked);
    using three = await daemon.connect(unnamed);
    for (const peer of [one, two, three]) {
      await peer.sendLine(request(1, "status"));
      resultOf(await peer.answer());
    }
    await authority.revoke(revoked);
    daemon.network.configure(undefined, ["URI:spiffe://test/worker"]);
    daemon.process.signal("SIGHUP");
    assert.equal(codeOf(await two.answer()), "tls_refused");
    assert.equal(codeOf(await three.answer()), "denied");
    for (const peer of [two, three]) assert.equal(await peer.line(), undefined);
    await one.sendLine(request(2, "status"));
    resultOf(await one.answer());
  },
);

networkTest(
  "the server's own certificate is replaced without dropping a connection",
  async (daemon) => {
    const { authority } = daemon.network;
    const client = await authority.issue(CLIENT);
    const serial = async () => {
      const { said } = await daemon.ask(["-showcerts"], undefined);
      const [pem] = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(said) ?? [];
      const { stdout } = await run(["openssl", "x509", "-noout", "-serial"], { stdin: pem ?? "" });
      return stdout;
    };
    using peer = await daemon.connect(client);
    const before = await serial();
    daemon.network.configure(
      await authority.issue({ names: "DNS:localhost", usage: "serverAuth" }),
    );
    daemon.process.signal("SIGHUP");
    await eventually("new connections see the new one", async () => await serial() !== before);
    await peer.sendLine(request(1, "status"));
    resultOf(await peer.answer());
  },
);

networkTest("what does not fit together is not loaded, and all stays as it was", async (daemon) => {
  const { authority, server } = daemon.network;
  const client = await authority.issue(CLIENT);
  const other = await authority.issue(CLIENT);
  daemon.network.configure({ certificate: server.certificate, key: other.key });
  daemon.process.signal("SIGHUP");
  await eventually("it says so", () => daemon.process.stderr.includes("not reloaded: network.key"));
  using peer = await daemon.connect(client);
  await peer.sendLine(request(1, "status"));
  resultOf(await peer.answer());
});

networkTest("once the list is out of date nobody is let in", async (daemon) => {
  const { authority } = daemon.network;
  const client = await authority.issue(CLIENT);
  await authority.list(5 / SECONDS_OF_A_DAY);
  daemon.process.signal("SIGHUP");
  await eventually("it has reloaded", () => daemon.process.stderr.includes("crypto: reloaded"));
  assert.match(daemon.process.stderr, /network\.revoked: by this time tomorrow /);
  await eventually("it is out of date", async () => await daemon.fate(client) === "");
  assert.deepEqual((await connects(daemon, 1)).map(({ reason }) => reason), ["no_current_list"]);
});

networkTest("answers of many megabytes come whole to who reads them late", async (daemon) => {
  using peer = await daemon.connect(await daemon.network.authority.issue(CLIENT));
  const text = "x".repeat(400_000);
  await peer.sendLine(request(0, "encrypt", { text }));
  const { message } = resultOf(await peer.answer());
  const requests = Array.from({ length: 20 }, (_, id) => {
    return request(id, "decrypt", { message, as: "text" }) + "\n";
  });
  const [, answers] = await Promise.all([peer.send(requests.join("")), readAll(20)]);
  assert.ok(answers.every((answer) => answer.text === text));

  async function readAll(count: number) {
    const results = [];
    for (let i = 0; i < count; i++) results.push(resultOf(await peer.answer()));
    return results;
  }
});

networkTest(
  "a peer that begins no handshake, or leaves one, is cut off and noted",
  async (daemon) => {
    daemon.network.configure(undefined, undefined, "[limits]\nline_seconds = 1\n");
    daemon.process.signal("SIGHUP");
    await eventually("it has reloaded", () => daemon.process.stderr.includes("crypto: reloaded"));
    const silent = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
    const leaving = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
    leaving.close();
    await assert.rejects(async () => {
      if (await silent.read(new Uint8Array(1)) === null) throw new Error("hung up");
    });
    silent.close();
    const reasons = (await connects(daemon, 2)).map(({ reason }) => reason);
    assert.deepEqual(reasons.sort(), ["handshake", "timeout"]);
  },
);

Deno.test("who is there when the certificate expires is cut off", async () => {
  const lines: string[] = [];
  const log = memoryLog((text) => void lines.push(text));
  const admission = new Admission({ ...DEFAULT_LIMITS, line: 10 });
  const ended = Promise.withResolvers<string>();
  let receiver: Receiver | undefined;
  let sent = "";
  const transport: Transport = {
    ...{ waiting: 0, taken: 0, paused: false },
    tell: (one) => receiver = one,
    pause: () => {},
    resume: () => {},
    send: (bytes) => void (sent += new TextDecoder().decode(bytes)),
    sent: () => Promise.resolve(),
    end: () => {
      ended.resolve(sent);
      receiver?.closed();
    },
    destroy: () => receiver?.closed(),
  };
  const who = {
    names: ["DNS:a.test"] as [string],
    expires: Date.now() - 1,
    address: "192.0.2.1:1",
  };
  const access = ownerAccess({ uid: 0 }, () => ["DNS:a.test"]);
  const service = { handle: () => Promise.reject(new Error("nothing is asked")) };
  const reception = new Reception({
    ...{ access, admission, log, metrics: new Metrics(), turns: new Turns(() => {}) },
    service: service as unknown as Service,
  });
  reception.receive(transport, who);
  assert.equal(codeOf(JSON.parse(await soon("the cut", ended.promise))), "tls_refused");
  await reception.stop();
  assert.match(lines.join(""), /"certificate":"DNS:a\.test".*"error":"tls_refused"/);
  assert.equal(admission.connections, 0);
});

Deno.test("refusals that anybody can cause do not fill the log", async () => {
  let text = "";
  const log = memoryLog((more) => void (text += more));
  const refusals = new Refusals(log);
  for (let i = 0; i < 1_000; i++) refusals.note("192.0.2.1:1", "no_certificate");
  refusals.close();
  const lines = () => text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as LogLine);
  await eventually("they are noted", () => lines().length > 0);
  assert.ok(lines().length <= 17);
  const counted = lines().reduce((sum, { requests = 1 }) => sum + requests, 0);
  assert.equal(counted, 1_000);
});
