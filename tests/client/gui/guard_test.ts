/** Whom a window answers: one page, opened once with a token that its user alone can read. */
import assert from "node:assert/strict";
import { startDaemon } from "../../support/daemon.ts";
import { linuxTest } from "../../support/linux.ts";
import { plainEnvironment, publicProgram, run } from "../../support/process.ts";
import { openSession, pageHeaders, raw, startWindow } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;

const ASKING = `
const [origin] = Deno.args;
const ask = async (path, method, body) => (await fetch(origin + path, { method, body })).status;
console.log(JSON.stringify([
  await ask("/", "GET"),
  await ask("/open", "POST", "token=" + "A".repeat(43)),
  await ask("/about", "POST", "{}"),
  await ask("/life", "POST"),
]));
`;

/** Some other user of the machine. */
const STRANGER = ["setpriv", "--reuid", "61999", "--regid", "61999", "--clear-groups"];

Deno.test("the token is in a file of its user's alone, and in no argument list", async () => {
  await using gui = await startWindow({ env });
  const directory = gui.handoff.replace(/\/[^/]*$/, "");
  assert.ok(directory.startsWith(`${env["XDG_RUNTIME_DIR"]}/`));
  const modes = [directory, gui.handoff].map((path) => (Deno.statSync(path).mode ?? 0) & 0o777);
  assert.deepEqual(modes, [0o700, 0o600]);
  const line = Deno.readTextFileSync(`/proc/${gui.pid}/cmdline`);
  assert.ok(!line.includes(gui.token) && !gui.stderr.includes(gui.token));
  const [port] = /\d+$/.exec(gui.origin)!;
  const hex = Number(port).toString(16).toUpperCase().padStart(4, "0");
  const tables = ["tcp", "tcp6"].map((name) => Deno.readTextFileSync(`/proc/net/${name}`)).join("");
  const listening = tables.split("\n").filter((row) =>
    row.includes(`:${hex} `) && / 0A /.test(row)
  );
  assert.deepEqual(listening.map((row) => row.trim().split(/\s+/)[1]), [`0100007F:${hex}`]);
});

Deno.test("the token works once, and only from a file", async () => {
  await using gui = await startWindow({ env });
  const { origin, token, handoff } = gui;
  const open = async (from: string, value: string) => {
    return (await raw(`${origin}/open`, "POST", { origin: from }, `token=${value}`)).status;
  };
  assert.equal(await open("null", "A".repeat(43)), 403);
  assert.equal(await open("null", "A".repeat(1_024)), 413);
  assert.equal(await open("null", ""), 403);
  assert.equal(await open("http://evil.example", token), 403);
  assert.equal(await open(origin, token), 403);
  assert.equal(await open("null", token), 200);
  assert.equal(await open("null", token), 403);
  assert.throws(() => Deno.statSync(handoff), Deno.errors.NotFound);
});

Deno.test("a session is a cookie that scripts cannot read, and a key that is no cookie", async () => {
  await using gui = await startWindow({ env });
  const { origin, token } = gui;
  const answer = await raw(`${origin}/open`, "POST", { origin: "null" }, `token=${token}`);
  assert.match(
    String(answer.headers["set-cookie"]),
    /^crypto-gui-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.match(answer.text, /name="session" content="[\w-]{43}"/);
  const page = await raw(`${origin}/`, "GET");
  assert.ok(page.status === 200 && page.text.includes('name="session" content=""'));
  const policy = String(page.headers["content-security-policy"]);
  assert.match(policy, /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/);
  assert.ok(!policy.includes("unsafe"));
});

Deno.test("without any one part of the session nothing is answered", async () => {
  await using gui = await startWindow({ env });
  const { origin } = gui;
  const session = await openSession(gui);
  const full = pageHeaders(origin, session);
  const ask = async (headers: Readonly<Record<string, string>>, path = "/about") => {
    const answer = await raw(origin + path, "POST", headers, "{}");
    if (answer.status === 403) assert.deepEqual(JSON.parse(answer.text), { error: "gui_refused" });
    return answer.status;
  };
  assert.equal(await ask(full), 200);
  for (const name of Object.keys(full)) {
    assert.equal(
      await ask(Object.fromEntries(Object.entries(full).filter(([n]) => n !== name))),
      403,
    );
  }
  const { port } = new URL(origin);
  const changes: readonly Readonly<Record<string, string>>[] = [
    { cookie: session.cookie.replace(/=.*/, `=${"A".repeat(43)}`) },
    { "x-crypto-session": "A".repeat(43) },
    { "x-crypto-session": session.key.slice(1) },
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: `http://localhost:${port}` },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "none" },
    // A name that somebody's DNS led here.
    { host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
    { host: `localhost:${port}` },
    { host: "127.0.0.1" },
  ];
  for (const change of changes) {
    assert.equal(await ask({ ...full, ...change }), 403, JSON.stringify(change));
    for (const path of ["/text", "/job", "/life", "/input/x", "/begun/x"]) {
      assert.equal(await ask({ ...full, ...change }, path), 403, path);
    }
  }
  const rebound = await raw(`${origin}/`, "GET", { host: `evil.example:${port}` });
  assert.equal(rebound.status, 403);
  assert.ok(!rebound.text.includes("<html"));
  assert.equal(await ask(full), 200);
});

Deno.test("a download needs the cookie and an address that nobody can guess, once", async () => {
  await using gui = await startWindow({ env });
  const { origin } = gui;
  const headers = pageHeaders(origin, await openSession(gui));
  const job = JSON.stringify({ do: "encrypt", name: "../a\u202eb.txt", size: 5 });
  const { id } = JSON.parse((await raw(`${origin}/job`, "POST", headers, job)).text);
  assert.match(id, /^[\w-]{43}$/);
  const passed = raw(`${origin}/input/${id}`, "POST", headers, "hello");
  assert.equal((await raw(`${origin}/begun/${id}`, "POST", headers)).status, 200);
  const { cookie } = headers;
  const fetched = async (path: string, given: Readonly<Record<string, string>>) => {
    return (await raw(`${origin}/output/${path}`, "GET", given)).status;
  };
  const own = { cookie: cookie!, "sec-fetch-site": "same-origin" };
  assert.equal(await fetched(id, {}), 403);
  assert.equal(await fetched(id, { cookie: own.cookie }), 403);
  assert.equal(await fetched(id, { ...own, "sec-fetch-site": "same-site" }), 403);
  assert.equal(await fetched("A".repeat(43), own), 403);
  const output = await raw(`${origin}/output/${id}`, "GET", own);
  assert.deepEqual([output.status, output.text.slice(0, 4)], [200, "CRY1"]);
  assert.equal(output.headers["content-type"], "application/octet-stream");
  assert.equal(output.headers["content-disposition"], "attachment; filename*=UTF-8''ab.txt");
  assert.equal((await passed).status, 200);
  assert.equal(await fetched(id, own), 403);
  assert.equal((await raw(`${origin}/input/${id}`, "POST", headers, "hello")).status, 403);
});

Deno.test("what is asked wrongly is refused by its code, and nothing else is served", async () => {
  await using gui = await startWindow({ env });
  const { origin } = gui;
  const headers = pageHeaders(origin, await openSession(gui));
  const codeOf = async (path: string, body: string) => {
    return JSON.parse((await raw(origin + path, "POST", headers, body)).text).error;
  };
  assert.equal(await codeOf("/text", "{"), "parse_error");
  assert.equal(await codeOf("/text", "[]"), "invalid_params");
  assert.equal(await codeOf("/text", '{"do":"seal","text":""}'), "invalid_params");
  assert.equal(await codeOf("/text", '{"do":"encrypt","text":"\\ud800"}'), "invalid_params");
  assert.equal(
    await codeOf("/text", `{"do":"encrypt","text":"${"x".repeat(524_289)}"}`),
    "too_large",
  );
  assert.equal(await codeOf("/text", "x".repeat(4_194_305)), "too_large");
  assert.equal(await codeOf("/text", '{"do":"decrypt","text":"crypto:v1:AAAA"}'), "malformed");
  assert.equal(await codeOf("/text", '{"do":"encrypt","text":"x","key":"other"}'), "denied");
  assert.equal(await codeOf("/job", '{"do":"decrypt","name":"a","size":-1}'), "invalid_params");
  assert.equal(await codeOf("/job", '{"do":"send","size":1,"ttl":1}'), "invalid_params");
  assert.equal(
    await codeOf("/job", '{"do":"send","files":[],"size":1,"ttl":60}'),
    "invalid_params",
  );
  assert.equal(await codeOf("/other", "{}"), "unknown_method");
  const send = async (body: string) => {
    const job = '{"do":"send","files":[{"name":"a","type":"","size":3}],"size":9,"ttl":60}';
    const { id } = JSON.parse((await raw(`${origin}/job`, "POST", headers, job)).text);
    return await codeOf(`/input/${id}`, body);
  };
  assert.equal(await send("abcd"), "io");
  assert.equal(await send("ab"), "io");
  assert.equal(await send("abc"), "share_unreachable");
  for (const path of ["/x", "/page.ts", "/?token=x", "/assets/page.js", "/open", "/about"]) {
    assert.equal((await raw(origin + path, "GET", headers)).status, 404, path);
  }
});

await linuxTest("another user of the machine reads no token and is answered nothing", [
  "root",
  "setpriv",
], async () => {
  await using gui = await startWindow({ env });
  const read = await run([...STRANGER, "cat", gui.handoff]);
  assert.notEqual(read.code, 0);
  // Whatever such a user asks: the page's files have no secret, and all else is refused.
  const options = { env: { ...plainEnvironment(), DENO_DIR: "/proc/nowhere" }, cwd: "/" };
  const deno = [
    publicProgram(Deno.execPath()),
    "run",
    "--allow-all",
    "--no-config",
    "--quiet",
    "-",
  ];
  const asked = await run([...STRANGER, ...deno, gui.origin], { ...options, stdin: ASKING });
  assert.deepEqual(JSON.parse(asked.stdout || "[]"), [200, 403, 403, 403], asked.stderr);
  assert.equal((await openSession(gui)).key.length, 43);
});
