/** The network mode through a running nginx: who is let in is the daemon's to say, as without it. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { Authority, type Certified } from "../support/certificates.ts";
import { codeOf } from "../support/daemon.ts";
import { CLIENT } from "../support/network.ts";
import { text } from "../cli/support.ts";
import { eventually } from "../support/wait.ts";
import { type Front, frontTest, PORT } from "./front.ts";
import { KEYS, type Machine } from "./machine.ts";
import { filesWith, newMarker } from "./marker.ts";

/** How `crypto` ends, when it is refused by certificate or name, and when nobody answers. */
const [SERVED, REFUSED, UNAVAILABLE] = [0, ERRORS.tls_refused.exit, ERRORS.unavailable.exit];
const NAME = "URI:spiffe://test/worker";

await frontTest("a named certificate is served, and the log names it", async (front) => {
  await front.machine.front();
  const identity = await front.identity(await front.authority.issue(CLIENT));
  const sealed = await front.crypto(identity, ["encrypt", "--quiet", "--text", "hello"]);
  assert.equal(sealed.code, 0, sealed.stderr);
  const opened = await front.crypto(identity, ["decrypt", "--text", text(sealed.stdout).trim()]);
  assert.deepEqual([opened.code, text(opened.stdout)], [0, "hello"]);
  assert.equal((await front.crypto(identity, ["key", "create", "x"])).code, REFUSED);
  const lines = front.network.place.log();
  assert.deepEqual(lines.map(({ op, certificate, uid }) => [op, certificate, uid]), [
    ["encrypt", NAME, undefined],
    ["decrypt", NAME, undefined],
    ["key.create", NAME, undefined],
  ]);
  assert.match(lines[0]?.fingerprint ?? "", /^SHA256:[0-9a-f]{64}$/);
});

await frontTest("many answers come whole through it", async (front) => {
  await front.machine.front();
  const identity = await front.identity(await front.authority.issue(CLIENT));
  const values = Array.from({ length: 2_000 }, (_, i) => JSON.stringify(`${i}`.repeat(500)));
  const lines = `${values.join("\n")}\n`;
  const sealed = await front.crypto(identity, ["encrypt", "--json-lines"], { stdin: lines });
  assert.equal(sealed.code, 0, sealed.stderr);
  const opened = await front.crypto(identity, ["decrypt", "--json-lines"], {
    stdin: sealed.stdout,
  });
  assert.deepEqual([opened.code, text(opened.stdout)], [0, lines]);
});

/** Callers whom the daemon lets in without nginx no more than with it, by the reason that it notes. */
async function strangers({ authority, network }: Front) {
  const other = await Authority.make(`${network.place.directory}/other`, "other");
  const revoked = await authority.issue(CLIENT);
  await authority.revoke(revoked);
  const good = await authority.issue(CLIENT);
  const cases: readonly (readonly [string, Certified | undefined, ...string[]])[] = [
    ["no_certificate", undefined],
    ["expired", await authority.issue({ ...CLIENT, days: -1 })],
    ["revoked", revoked],
    ["wrong_purpose", await authority.issue({ ...CLIENT, usage: "serverAuth" })],
    ["unknown_authority", await other.issue(CLIENT)],
    ["old_protocol", good, "-tls1_2"],
  ];
  return cases;
}

await frontTest(
  "whoever shows no good certificate is refused by the daemon, and told so",
  async (front) => {
    await front.machine.front();
    const cases = await strangers(front);
    await front.reload();
    for (const [reason, certified, ...args] of cases) {
      const identity = certified && await front.identity(certified);
      const { stdout } = await front.ask(identity, ...args);
      assert.doesNotMatch(stdout, /^\{/m, reason);
      if (!identity || args.length > 0) continue;
      assert.equal(await front.status(identity), REFUSED, reason);
    }
    const said = cases.flatMap(([reason, certified, ...args]) => {
      return certified && args.length === 0 ? [reason, reason] : [reason];
    });
    const lines = await front.refusals(said.length);
    assert.deepEqual(lines.map(({ reason }) => reason), said);
    assert.ok(
      lines.every(({ error, address }) => {
        return error === "tls_refused" && /^127\.0\.0\.1:\d+$/.test(address ?? "");
      }),
      "nginx is who connects",
    );
    assert.equal(front.network.place.log().length, lines.length);
    const stranger = await front.authority.issue({ ...CLIENT, names: "DNS:stranger.test" });
    assert.equal(await front.status(await front.identity(stranger)), REFUSED);
    assert.equal((await front.refusals(said.length + 1)).at(-1)?.error, "denied");
  },
);

await frontTest(
  "who asks for another name, for none, or without TLS, does not come to the daemon",
  async (front) => {
    await front.machine.front();
    const certified = await front.authority.issue(CLIENT);
    const identity = await front.identity(certified);
    for (const args of [["-servername", "other.example.org"], ["-noservername"]]) {
      const { stdout } = await front.ask(identity, ...args);
      assert.match(stdout, /^no peer certificate available$/m);
    }
    const bytes = await front.machine.deno("hold.ts", [`${PORT}`, "0a".repeat(100), "127.0.0.1"]);
    assert.deepEqual(JSON.parse(bytes), [0]);
    const byAddress = ["status", "--server", `tls://127.0.0.1:${PORT}`, "--identity", identity];
    assert.equal((await front.machine.crypto(byAddress)).code, UNAVAILABLE);
    assert.deepEqual(front.network.place.log(), []);
    assert.equal(await front.status(identity), SERVED);
  },
);

/** The first message of a handshake with the daemon's name in it, in hexadecimal digits. */
async function firstMessage(): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const to = ["-connect", `127.0.0.1:${listener.addr.port}`, "-servername", KEYS];
  const io = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const child = new Deno.Command("openssl", { args: ["s_client", ...to], ...io }).spawn();
  using connection = await listener.accept();
  const buffer = new Uint8Array(16_384);
  let length = 0;
  while (length < 5 || length < 5 + (buffer[3]! << 8) + buffer[4]!) {
    length += await connection.read(buffer.subarray(length)) ?? 0;
  }
  child.kill();
  await child.status;
  return buffer.subarray(0, length).toHex();
}

await frontTest("who does not finish a handshake is cut off", async (front) => {
  const hello = await firstMessage();
  const hold = (sent: string) => front.machine.deno("hold.ts", [`${PORT}`, sent, "127.0.0.1"]);
  await front.machine.front([], (text) => {
    const patience = "preread_timeout 10s;";
    assert.ok(text.includes(patience));
    return text.replace(patience, "preread_timeout 500ms;");
  });
  // nginx waits for the name, and the daemon knows nothing of it.
  for (const sent of ["", hello.slice(0, 100)]) assert.deepEqual(JSON.parse(await hold(sent)), [0]);
  assert.deepEqual(front.network.place.log(), []);
  // From there on it is the daemon's, as always.
  await front.machine.front();
  front.network.configure(
    await front.authority.issue({ names: `DNS:${KEYS}`, usage: "serverAuth" }),
    undefined,
    "[limits]\nline_seconds = 1\n",
  );
  await front.reload();
  const [answered] = JSON.parse(await hold(hello));
  assert.ok(answered > 0);
  assert.deepEqual((await front.refusals(1)).map(({ reason }) => reason), ["timeout"]);
});

/** How many have connected from an address, by what the journal was told. */
async function connected(front: Front, from: string): Promise<number> {
  const lines = await front.journalLines();
  return lines.filter((line) => line.includes(` client ${from}:`)).length;
}

await frontTest(
  "a client has so many connections and no more; an IPv6 network of 64 bits is one client",
  async (front) => {
    await front.machine.front(["--connections", "2"], (text) => {
      return text.replace("preread_timeout 10s;", "preread_timeout 600s;");
    });
    const identity = await front.identity(await front.authority.issue(CLIENT));
    const [four, six] = ["192.0.2.1", "2001:db8:0:1::1"];
    const held = [four, four, six, six];
    await using holder = await front.machine.startDeno("hold.ts", [`${PORT}`, "", ...held]);
    for (const from of [four, `[${six}]`]) {
      await eventually("they are held", async () => await connected(front, from) === 2);
    }
    for (const from of [four, six, "2001:db8:0:1::2"]) {
      assert.equal(await front.status(identity, from), UNAVAILABLE, from);
    }
    for (const from of ["192.0.2.2", "2001:db8:0:2::1"]) {
      assert.equal(await front.status(identity, from), SERVED, from);
    }
    assert.deepEqual(front.network.place.log().map(({ op }) => op), ["status", "status"]);
    await holder[Symbol.asyncDispose]();
    await eventually(
      "there is room again",
      async () => await front.status(identity, four) === SERVED,
    );
  },
);

/** Whose connection it is that the daemon knows by an address of nginx's; undefined if none was told. */
async function clientOf(front: Front, address: string): Promise<string | undefined> {
  const lines = await front.journalLines();
  const ends = [` proxy ${address} connected to 127.0.0.1:7401`, ` connected to 0.0.0.0:${PORT}`];
  const [number] = lines.flatMap((line) => line.endsWith(ends[0]!) ? / \*\d+ /.exec(line) : []);
  const line = lines.find((line) => number && line.includes(number) && line.endsWith(ends[1]!));
  return line && / client (.*):\d+ connected /.exec(line)?.[1];
}

await frontTest("the journal tells whose connection the daemon has in its log", async (front) => {
  await front.machine.front();
  const identity = await front.identity(await front.authority.issue(CLIENT));
  for (const from of ["192.0.2.1", "192.0.2.2"]) {
    assert.equal(await front.status(identity, from), SERVED);
    const { address = "" } = front.network.place.log().at(-1)!;
    await eventually("it is told", async () => await clientOf(front, address) === from);
  }
});

await frontTest("who is hung up on while speaking is told why, and not reset", async (front) => {
  await front.machine.front();
  const identity = await front.identity(await front.authority.issue(CLIENT));
  // For a second after its last words the daemon listens; a busy machine may miss that.
  await eventually("it was still listened to", async () => {
    const said = await front.machine.deno("flood.ts", [KEYS, `${PORT}`, identity]);
    const [listened, answer] = JSON.parse(said);
    if (listened) assert.equal(codeOf(JSON.parse(answer)), "line_too_long");
    return listened;
  });
});

await frontTest("a daemon that is back is asked again", async (front) => {
  await front.machine.front();
  const identity = await front.identity(await front.authority.issue(CLIENT));
  assert.equal(await front.status(identity), SERVED);
  await front.daemon.process.kill();
  assert.equal(await front.status(identity), UNAVAILABLE);
  await using _daemon = await front.startDaemon();
  assert.equal(await front.status(identity), SERVED);
});

await frontTest("one nginx stands before a share server and the daemon", async (front) => {
  const { machine } = front;
  await machine.front();
  await machine.serve();
  const identity = await front.identity(await front.authority.issue(CLIENT));
  assert.equal(await front.status(identity), SERVED);
  const sent = await machine.crypto(["share", "send"], { stdin: "hello" });
  assert.equal(sent.code, 0, sent.stderr);
  const opened = await machine.crypto(["share", "open", text(sent.stdout).trim()]);
  assert.deepEqual([opened.code, text(opened.stdout)], [0, "hello"]);
  // Neither answers at the other's port.
  assert.notEqual((await machine.crypto(["status", "--server", `tls://${KEYS}:443`])).code, 0);
});

/** `nginx -t`, which is to find nothing. */
async function examine(machine: Machine): Promise<void> {
  const { code, stderr } = await machine.run(["/usr/sbin/nginx", "-t"]);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /\[(warn|error|emerg|alert)\]/);
}

await frontTest("nginx reads the configuration without a complaint", async ({ machine }) => {
  await machine.front();
  await examine(machine);
  const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
  const flags = ["--upstream", "[2001:db8::1]:7401", "--connections", "65535"];
  await machine.front(flags, (text) => text.replaceAll(KEYS, longest));
  await examine(machine);
});

/** Everything that nginx sees of a marker, by those who may ask and those who may not. */
async function tryEverything(front: Front, marker: string): Promise<void> {
  const identity = await front.identity(await front.authority.issue(CLIENT));
  const sealed = await front.crypto(identity, ["encrypt", "--context", marker], { stdin: marker });
  assert.equal(sealed.code, 0, sealed.stderr);
  for (const name of [`${marker}.example.org`, marker]) {
    await front.ask(identity, "-servername", name);
  }
  await front.ask(undefined, "-alpn", marker);
  const plain = new TextEncoder().encode(`GET /${marker} HTTP/1.1\r\nHost: ${marker}\r\n\r\n`);
  await front.machine.deno("hold.ts", [`${PORT}`, plain.toHex(), "127.0.0.1"]);
}

await frontTest("a marker that went through every failure is in no file", async (front) => {
  const { machine } = front;
  const marker = newMarker();
  await machine.front();
  await tryEverything(front, marker);
  // As many as may be there, and one more.
  await machine.front(["--connections", "1"]);
  const from = "192.0.2.1";
  await using _holder = await machine.startDeno("hold.ts", [`${PORT}`, "", from]);
  await eventually("it is held", async () => await connected(front, from) > 0);
  await front.ask(undefined, "-connect", `${from}:${PORT}`, "-servername", `${marker}.example.org`);
  await eventually("it was one too many", async () => {
    return (await front.journalLines()).some((line) => line.includes(" limiting connections "));
  });
  await front.daemon.process.kill();
  await machine.front();
  await front.ask(undefined, "-alpn", marker);
  assert.deepEqual(await filesWith(machine, marker), []);
  // The search finds what a configuration has written that logs names.
  await machine.front([], (text) => {
    const format =
      "log_format names $ssl_preread_server_name;\n    access_log /var/log/names.log names;";
    return text.replace("access_log off;", format);
  });
  await front.ask(undefined, "-servername", `${marker}.example.org`);
  await eventually("it is logged", async () => {
    return (await filesWith(machine, marker)).some((path) => path.endsWith("/names.log"));
  });
});
