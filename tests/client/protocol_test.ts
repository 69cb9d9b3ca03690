/** docs/protocol.md and docs/errors.md say what is so. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { MAX_BATCH } from "../../core/calls.ts";
import { METHODS } from "../../core/methods.ts";
import { MAX_LINE } from "../../core/rpc.ts";
import { DEFAULT_LIMITS } from "../../server/limits.ts";
import { MAX_LEGACY } from "../../server/legacy.ts";
import { exec, installed, testIf, text } from "../cli/support.ts";
import { ask, codeOf, Peer, request, rpc, startDaemon } from "../support/daemon.ts";
import { errorsPage, examplesOf, PROTOCOL_PAGE, withProtocolErrors } from "./pages.ts";

const page = await Deno.readTextFile(PROTOCOL_PAGE);

Deno.test("docs/errors.md is the table of errors", async () => {
  const written = await Deno.readTextFile(new URL("../../docs/errors.md", import.meta.url));
  assert.equal(written, errorsPage());
});

Deno.test("docs/protocol.md has the numbers and words of the errors that are sent", () => {
  assert.equal(page, withProtocolErrors(page));
});

/** The text of one section, from its heading to the next. */
function section(heading: string): string {
  const [, rest] = page.split(`\n### ${heading}\n`);
  assert.ok(rest !== undefined, heading);
  return rest.split(/\n##/)[0]!;
}

Deno.test("docs/protocol.md describes every method, every parameter and no other", () => {
  for (const [method, params] of Object.entries(METHODS)) {
    const rows = section(method).split("| result |")[0]!.split("\n");
    for (const [name, type] of Object.entries(params)) {
      const row = rows.find((row) => row.split(" | ")[0]?.includes(`\`${name}\``)) ?? "";
      // One of the two must be there, which the types do not say.
      const either = ["encrypt", "mac.create", "mac.verify"].includes(method) &&
        ["text", "data", "digest"].includes(name);
      assert.ok(row !== "", `${method} ${name}`);
      assert.equal(row.includes("optional"), type.endsWith("?") && !either, `${method} ${name}`);
    }
  }
  const headings = [...page.split("## 6. Methods")[1]!.split("\n## ")[0]!.matchAll(/^### (.+)$/gm)];
  assert.deepEqual(headings.map(([, name]) => name).sort(), Object.keys(METHODS).sort());
});

Deno.test("docs/protocol.md states the limits of the code", () => {
  const grouped = (value: number) => value.toLocaleString("en");
  const limits = section("Limits");
  const { connections, connectionsPerUser, requestsPerUser, bytesPerUser } = DEFAULT_LIMITS;
  const { idle, line, write, stop } = DEFAULT_LIMITS;
  const counts = [connections, connectionsPerUser, requestsPerUser, bytesPerUser];
  for (const count of [MAX_LINE, MAX_BATCH, ...counts]) {
    assert.ok(limits.includes(`| ${grouped(count)}`), grouped(count));
  }
  const times = [["first byte", line], ["nothing happens", idle], [
    "takes nothing",
    write,
  ]] as const;
  for (const [what, milliseconds] of times) {
    const row = limits.split("\n").find((row) => row.includes(what));
    assert.ok(row?.includes(`| ${milliseconds / 1_000} s |`), what);
  }
  assert.ok(limits.includes(`It waits ${stop / 1_000} s`));
  assert.ok(page.includes(`at most ${grouped(MAX_LEGACY)} bytes`));
});

/** What differs with every daemon. Texts among it are what later requests may quote. */
const VOLATILE = [
  ...["message", "envelope", "dataKey", "id", "created", "encrypted", "mac", "data"],
  ...["lastUsed", "retired", "destroyAt"],
];
const INCIDENTAL = ["version", "engine", "uptime"];

/** Asserts that an answer is the documented one but for what must differ, which is noted. */
function sameAnswer(actual: unknown, documented: unknown, noted: Map<string, string>): void {
  if (typeof documented !== "object" || documented === null) {
    assert.deepEqual(actual, documented);
    return;
  }
  assert.ok(typeof actual === "object" && actual !== null);
  assert.deepEqual(Object.keys(actual), Object.keys(documented));
  for (const [name, value] of Object.entries(documented)) {
    const found: unknown = Object.entries(actual).find(([other]) => other === name)?.[1];
    const differs = found !== value && typeof found === typeof value;
    if (differs && typeof found === "string" && VOLATILE.includes(name)) noted.set(value, found);
    else if (!differs || !INCIDENTAL.includes(name)) sameAnswer(found, value, noted);
  }
}

Deno.test("the examples of docs/protocol.md are answered as it says", async () => {
  await using daemon = await startDaemon();
  using peer = await Peer.connect(daemon.socket);
  const noted = new Map<string, string>();
  const examples = examplesOf(page);
  assert.ok(examples.length >= 15);
  for (const { request, answer } of examples) {
    let line = request;
    for (const [documented, actual] of noted) line = line.replaceAll(documented, actual);
    await peer.sendLine(line);
    sameAnswer(JSON.parse(await peer.line() ?? ""), JSON.parse(answer), noted);
  }
  const asked = new Set(examples.map(({ request }) => /"method":"([\w.]+)"/.exec(request)?.[1]));
  for (const method of Object.keys(METHODS)) assert.ok(asked.has(method), method);
});

Deno.test("what docs/protocol.md says of lines, ids and spellings is so", async () => {
  await using daemon = await startDaemon();
  const code = async (line: string) => codeOf(JSON.parse(await ask(daemon.socket, line)));
  const status = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"status"}`;
  for (const id of ["1.5", "null", "true", "[]", "9007199254740992", `"${"x".repeat(129)}"`]) {
    assert.equal(await code(status(id)), "invalid_request", id);
  }
  for (const id of ["0", "-9007199254740991", '""', `"${"x".repeat(128)}"`]) {
    assert.equal(JSON.parse(await ask(daemon.socket, status(id))).id, JSON.parse(id));
  }
  assert.equal(await code(""), "parse_error");
  assert.equal(await code(`\ufeff${status("1")}`), "parse_error");
  assert.equal(JSON.parse(await ask(daemon.socket, ` ${status("1")} \r`)).id, 1);
  assert.equal(
    await code('{"jsonrpc":"2.0","id":1,"method":"status","params":[]}'),
    "invalid_params",
  );
  const data = async (data: string) => await rpc(daemon.socket, "encrypt", { data });
  assert.ok((await data("AA")).result);
  for (const spelling of ["AB", "AA==", "A", "A A", "AA\n", "+A", "/A"]) {
    assert.equal(codeOf(await data(spelling)), "invalid_params", spelling);
  }
});

Deno.test("a value of 524,288 bytes, encrypted and decrypted, fits the lines", async () => {
  await using daemon = await startDaemon();
  const data = "A".repeat(Math.ceil(524_288 / 3) * 4 - 1);
  const contextData = "A".repeat(Math.ceil(65_536 / 3) * 4 - 2);
  const made = await rpc(daemon.socket, "encrypt", { data: data.slice(0, -1), contextData });
  const message = made.result?.message;
  const opened = await rpc(daemon.socket, "decrypt", { message, contextData });
  assert.equal(opened.result?.data, data.slice(0, -1));
});

testIf(await installed("nc", "netcat-openbsd"), "the daemon can be spoken to by nc", async () => {
  await using daemon = await startDaemon();
  const command = page.split("\n    printf")[1]!.split("\n\n")[0]!;
  const { code, stdout } = await exec(["sh", "-c", `printf${command}`], { env: daemon.env });
  assert.equal(code, 0);
  assert.equal(JSON.parse(text(stdout)).result.protocol, 1);
});

Deno.test("a person who is told to see a page or a command finds it", async () => {
  for (const { hint } of Object.values(ERRORS)) {
    const [path] = /docs\/[\w.]+/.exec(hint) ?? [];
    if (path) await Deno.stat(new URL(`../../${path.replace(/\.$/, "")}`, import.meta.url));
  }
  assert.equal(request(1, "status"), '{"jsonrpc":"2.0","id":1,"method":"status"}');
});
