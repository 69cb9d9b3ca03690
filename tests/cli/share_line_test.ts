/** The share commands over a line that loses answers, and into outputs that take nothing. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { type Fault, faulty } from "../share/line.ts";
import { closeQuietly, type Line, relay, writeAll } from "../support/relay.ts";
import { startShareServer } from "../support/share.ts";
import { exec, failedWith, Folder, prints, PROGRAM, type Run, text } from "./support.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const { env, origin } = server;

/** A line that is cut when the answer to one call comes, once. */
function cutOnce(call: string): { readonly line: Line; wasCut(): boolean } {
  let state: "whole" | "asked" | "cut" = "whole";
  const line: Line = async (from, to) => {
    const asking = (async () => {
      for await (const bytes of from.readable) {
        const isCall = new TextDecoder("latin1").decode(bytes).includes(`POST /api/${call} `);
        if (isCall && state === "whole") state = "asked";
        await writeAll(to, bytes);
      }
    })().catch(() => {});
    for await (const bytes of to.readable) {
      if (state === "asked") {
        state = "cut";
        break;
      }
      await writeAll(from, bytes);
    }
    closeQuietly(from);
    await asking;
  };
  return { line, wasCut: () => state === "cut" };
}

Deno.test("a take whose answer the network lost is asked for again by the same command", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { line, wasCut } = cutOnce("take");
  const { hostname, port } = new URL(origin);
  void relay(listener, () => Deno.connect({ hostname, port: Number(port) }), line).catch(() => {});
  const link = await prints(["share", "send", "--json"], { env, stdin: "hello" });
  const elsewhere = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const opened = ["share", "open", JSON.parse(link).link.replace(origin, elsewhere)];
  assert.equal(await prints(opened, { env }), "hello");
  assert.ok(wasCut());
});

/** Runs a shell's line in a folder; `$0` is the program. */
function shell(folder: Folder, line: string, more: Record<string, string> = {}): Promise<Run> {
  return exec(["sh", "-c", line, PROGRAM], { env: { ...env, ...more }, cwd: folder.path });
}

/** Notes the calls that make, or take back, and what state they led to. */
function noting(made: string[], fault: Fault = () => undefined): Fault {
  return (call, pass) => {
    if (!["create", "request", "answer", "revoke"].includes(call)) return fault(call, pass);
    return (fault(call, pass) ?? pass()).then(async (answer) => {
      const { state } = await answer.clone().json().catch(() => ({}));
      made.push(state ?? call);
      return answer;
    });
  };
}

Deno.test("nothing is made where its link would go nowhere", async () => {
  const made: string[] = [];
  await using line = faulty(server, noting(made));
  using folder = new Folder();
  folder.write("a.txt", "hello");
  for (const command of ["send a.txt", "send --json a.txt", "request", "request --json"]) {
    for (const nowhere of [">&-", ">/dev/null"]) {
      const run = await shell(folder, `"$0" share ${command} ${nowhere}`, {
        CRYPTO_SHARE_SERVER: line.origin,
      });
      failedWith("io", run, `${command} ${nowhere}`);
    }
  }
  assert.deepEqual(made, []);
});

Deno.test("nothing is made where the code or the own link would go nowhere", async () => {
  const made: string[] = [];
  await using line = faulty(server, noting(made));
  using folder = new Folder();
  folder.write("a.txt", "hello");
  for (const command of ["send --code a.txt", "request"]) {
    for (const nowhere of ["2>&-", "2>/dev/null"]) {
      const run = await shell(folder, `"$0" share ${command} ${nowhere}`, {
        CRYPTO_SHARE_SERVER: line.origin,
      });
      assert.deepEqual([run.code, text(run.stdout)], [ERRORS.io.exit, ""], command);
    }
  }
  assert.deepEqual(made, []);
});

Deno.test("what was made is revoked if what is told besides the link cannot be written", async () => {
  using folder = new Folder();
  folder.write("a.txt", "hello");
  for (const [command, creation] of [["send --code a.txt", "create"], ["request", "request"]]) {
    const made: string[] = [];
    await using line = faulty(server, noting(made));
    const run = await shell(folder, `"$0" share ${command} 2>/dev/full`, {
      CRYPTO_SHARE_SERVER: line.origin,
    });
    assert.equal(run.code, ERRORS.io.exit, command);
    assert.deepEqual(made, [creation, "revoked"]);
  }
});

Deno.test("what was made is revoked if its link cannot be written, or the receipt is told", async () => {
  using folder = new Folder();
  folder.write("a.txt", "hello");
  const commands = { "send a.txt": "create", "send --json a.txt": "create", "request": "request" };
  for (const [command, creation] of Object.entries(commands)) {
    for (const isCut of [false, true]) {
      const made: string[] = [];
      const fault: Fault = (call) => {
        return isCut && call === "revoke"
          ? Promise.resolve(new Response(null, { status: 403 }))
          : undefined;
      };
      await using line = faulty(server, noting(made, fault));
      const run = await shell(folder, `"$0" share ${command} >/dev/full`, {
        CRYPTO_SHARE_SERVER: line.origin,
      });
      assert.equal(run.code, ERRORS.io.exit, run.stderr);
      assert.equal(made[0], creation);
      if (!isCut) assert.deepEqual(made.slice(1), ["revoked"]);
      assert.equal(/crypto:receipt:v1:|#own\./.test(run.stderr), isCut, run.stderr);
    }
  }
});

Deno.test("an answer's receipt that standard output does not take is told", async () => {
  using folder = new Folder();
  folder.write("a.txt", "hello");
  const { link } = JSON.parse(await prints(["share", "request", "--json"], { env }));
  const run = await shell(folder, `"$0" share send --json --to '${link}' a.txt >/dev/full`);
  assert.equal(run.code, ERRORS.io.exit);
  assert.match(run.stderr, /crypto:receipt:v1:/);
});

Deno.test("a text is not opened into nowhere, and is there for who opens it again", async () => {
  using folder = new Folder();
  const { link } = JSON.parse(await prints(["share", "send", "--json"], { env, stdin: "hello" }));
  for (const nowhere of [">&-", ">/dev/null", ">/dev/full"]) {
    failedWith("io", await shell(folder, `"$0" share open '${link}' ${nowhere}`), nowhere);
  }
  assert.equal(text((await shell(folder, `"$0" share open '${link}'`)).stdout), "hello");
});
