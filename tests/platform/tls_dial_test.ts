/** TLS to one server by OpenSSL, with OpenSSL's own program at the other end. */
import assert from "node:assert/strict";
import { installed } from "../cli/support.ts";
import { utf8 } from "../../core/bytes.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import { NoAddress } from "../../platform/tcp_dial.ts";
import { Unfit } from "../../platform/tls_context.ts";
import { TlsDialer, type TlsServer, Unproven } from "../../platform/tls_dial.ts";
import { TlsBroken } from "../../platform/tls_stream.ts";
import { Authority, type Certified, SERVER } from "../support/certificates.ts";
import { plainEnvironment } from "../support/process.ts";
import { soon } from "../support/wait.ts";

const without = await installed("openssl");
const PATIENCE = 20_000;

/** An authority, and a client's certificate of it. */
interface Setting {
  readonly authority: Authority;
  readonly client: Certified;
}

function dialTest(name: string, fn: (setting: Setting) => Promise<void>): void {
  if (without) console.log(`SKIP: ${name}: ${without}`);
  Deno.test({
    name,
    ignore: without !== undefined,
    async fn() {
      const directory = await Deno.makeTempDir({ prefix: "ctt-" });
      try {
        const authority = await Authority.make(`${directory}/ca`, "test");
        const client = await authority.issue({ names: "DNS:client.test", usage: "clientAuth" });
        await fn({ authority, client });
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

/** What dials this machine's port. */
function dialer({ authority, client }: Setting, port: number, more: Partial<TlsServer> = {}) {
  const read = (path: string) => Deno.readFileSync(path);
  const [certificate, key] = [read(client.certificate), read(client.key)];
  const server = { host: "localhost", port, certificate, key, ca: read(authority.certificate) };
  const made = TlsDialer.load({ ...server, ...more });
  assert.ok(made, "there is no OpenSSL 3");
  return made;
}

/** Runs `openssl s_server`, which answers each line with the same line backwards. */
async function serving(
  { authority }: Setting,
  { certificate, key }: Certified,
  options: readonly string[],
  use: (port: number) => Promise<void>,
): Promise<void> {
  const asks = ["-Verify", "1", "-verify_return_error", "-CAfile", authority.certificate];
  const shows = ["-cert", certificate, "-key", key];
  const args = ["s_server", "-accept", "127.0.0.1:0", "-rev", ...shows, ...asks, ...options];
  const command = new Deno.Command("openssl", {
    args,
    env: plainEnvironment(),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  const child = command.spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let said = "";
    const port = () => /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    while (port() === undefined) said += (await soon("its port", output.read())).value;
    await use(Number(port()));
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await output.cancel();
  }
}

/** Whether dialling fails with this. */
async function failsAs(dialer: TlsDialer, is: (error: unknown) => boolean, what: string) {
  await assert.rejects(soon(what, dialer.connect(PATIENCE)), is, what);
}

const isUnproven = (error: unknown) => error instanceof Unproven;

dialTest("lines go both ways over TLS 1.3, and the end is seen", async (setting) => {
  const server = await setting.authority.issue(SERVER);
  await serving(setting, server, [], async (port) => {
    const dialled = await dialer(setting, port).connect(PATIENCE);
    const line = `${"0123456789".repeat(1_000)}x`;
    await dialled.write(utf8(`${line}\n`));
    let heard = "";
    for await (const bytes of dialled.read()) {
      heard += new TextDecoder().decode(bytes);
      if (heard.endsWith("\n")) dialled.close();
    }
    assert.equal(heard, `${[...line].reverse().join("")}\n`);
    await assert.rejects(dialled.write(utf8("x")), TlsBroken);
    dialled.close();
  });
});

dialTest("a server is proven by its authority, its name and its purpose", async (setting) => {
  const { authority } = setting;
  const issue = (names: string, usage = "serverAuth", days = 7) => {
    return authority.issue({ names, usage, days });
  };
  const cases: readonly (readonly [Certified, host: string, proven: boolean])[] = [
    [await issue("DNS:localhost"), "localhost", true],
    [await issue("DNS:localhost"), "127.0.0.1", false],
    [await issue("IP:127.0.0.1"), "127.0.0.1", true],
    [await issue("IP:127.0.0.1"), "localhost", false],
    [await issue("DNS:127.0.0.1"), "127.0.0.1", false],
    [await issue("DNS:l*"), "localhost", false],
    [await issue("DNS:localhost", "clientAuth"), "localhost", false],
    [await issue("DNS:localhost", "serverAuth", -1), "localhost", false],
  ];
  for (const [i, [server, host, proven]] of cases.entries()) {
    await serving(setting, server, [], async (port) => {
      const dialled = dialer(setting, port, { host }).connect(PATIENCE);
      if (proven) (await dialled).close();
      else await assert.rejects(dialled, isUnproven, `case ${i}`);
    });
  }
  const stranger = await Authority.make(`${authority.directory}/other`, "other");
  await serving(setting, await stranger.issue(SERVER), [], async (port) => {
    await failsAs(dialer(setting, port), isUnproven, "another authority");
  });
});

dialTest("who speaks no TLS 1.3, or no TLS, is not proven", async (setting) => {
  const server = await setting.authority.issue(SERVER);
  await serving(setting, server, ["-tls1_2"], async (port) => {
    await failsAs(dialer(setting, port), isUnproven, "TLS 1.2");
  });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answered = listener.accept().then(async (connection) => {
    await connection.write(utf8("HTTP/1.1 400 Bad Request\r\n\r\n"));
    connection.close();
  });
  await failsAs(dialer(setting, listener.addr.port), isUnproven, "no TLS");
  await answered;
});

dialTest("a server that does not take the certificate says so to the reader", async (setting) => {
  const server = await setting.authority.issue(SERVER);
  const expired = { names: "DNS:client.test", usage: "clientAuth", days: -1 };
  const client = await setting.authority.issue(expired);
  await serving(setting, server, [], async (port) => {
    const dialled = await dialer({ ...setting, client }, port).connect(PATIENCE);
    await assert.rejects(async () => {
      for await (const _ of dialled.read()) assert.fail("it answered");
    }, (error) => error instanceof TlsBroken && error.refused);
  });
});

dialTest("who cannot be reached, or says nothing, is told apart", async (setting) => {
  const refuses = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = refuses.addr;
  refuses.close();
  const hasErrno = (errno: number) => (error: unknown) => {
    return error instanceof SystemError && error.errno === errno;
  };
  await failsAs(dialer(setting, port), hasErrno(Errno.ECONNREFUSED), "nobody listens");
  const unknown = (error: unknown) => error instanceof NoAddress && error.isUnknown;
  await failsAs(dialer(setting, port, { host: "no name" }), unknown, "no name");
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const gone = (error: unknown) => error instanceof TlsBroken && !error.refused;
  await assert.rejects(dialer(setting, silent.addr.port).connect(200), gone);
  (await accepted).close();
  const hangsUp = silent.accept().then((connection) => connection.close());
  await assert.rejects(dialer(setting, silent.addr.port).connect(PATIENCE), (error) => {
    return gone(error) && !isUnproven(error);
  });
  await hangsUp;
});

dialTest(
  "what is no certificate, key or authority is refused before anything is sent",
  (setting) => {
    const other = Deno.readFileSync(setting.authority.key);
    for (const [what, text] of [["certificate", ""], ["key", "x"], ["ca", "-----"]] as const) {
      assert.throws(() => dialer(setting, 1, { [what]: utf8(text) }), (error) => {
        return error instanceof Unfit && error.what === what;
      });
    }
    assert.throws(() => dialer(setting, 1, { key: other }), Unfit);
    return Promise.resolve();
  },
);
