/** The same with a store on AWS: the server reaches it, the clients the bucket, and nobody else. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { testIf } from "../cli/support.ts";
import { OnAws } from "../share/aws/support.ts";
import { startAws } from "../support/aws.ts";
import { kill, plainEnvironment, run } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { allRefused, nothing, probedProgram, starting } from "./probe.ts";

const services = await startAws();
Deno.test.afterAll(async () => {
  if (!("skip" in services)) await services[Symbol.asyncDispose]();
});

/** More than what comes with a record. */
const LARGE = 300_000;

/** A port that is free. Not port 0: that would be any, and listening elsewhere is to be refused. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

function placesIn(stderr: string, allowed: Parameters<typeof allRefused>[1]): string[] {
  return [...new Set(allRefused(stderr, allowed).map(({ where }) => where))].sort();
}

const why = "skip" in services ? services.skip : undefined;

testIf(why, "with a store on AWS, server and clients can do nothing but their work", async () => {
  if ("skip" in services) return;
  const directory = await Deno.makeTempDir({ prefix: "ctm-" });
  const probed = await probedProgram(directory);
  await using subject = await OnAws.open(services);
  const own = { ...plainEnvironment(), HOME: directory, SHELL: "/bin/sh" };
  const listen = ["--listen", `127.0.0.1:${freePort()}`];
  const child = new Deno.Command(probed, {
    args: ["share", "serve", ...listen, "--store", subject.address],
    env: { ...own, ...services.env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  const collected = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) stderr += text;
  })();
  try {
    await eventually("it serves", () => /listening on \S+\n/.test(stderr));
    const origin = /sharing at (\S+),/.exec(stderr)?.[1] ?? "";
    const share = async (...args: string[]) => {
      const env = { ...own, CRYPTO_SHARE_SERVER: origin };
      const { code, stdout, stderr } = await run([probed, "share", ...args], { env });
      assert.equal(code, 0, stderr);
      assert.deepEqual(placesIn(stderr, starting), ["crypto-share-client", "main"], args[0]);
      return stdout;
    };
    await Deno.writeFile(`${directory}/large`, new Uint8Array(LARGE));
    await Deno.mkdir(`${directory}/inbox`);
    const { link } = JSON.parse(await share("send", "--json", `${directory}/large`));
    await share("open", "--output", `${directory}/inbox`, link);
    assert.equal(Deno.statSync(`${directory}/inbox/large`).size, LARGE);
    const examined = await run([probed, "share", "doctor", subject.address], {
      env: { ...own, ...services.env },
    });
    assert.equal(examined.code, ERRORS.share_unsound.exit, examined.stderr);
    const places = placesIn(examined.stderr, nothing);
    assert.deepEqual(places, ["crypto-share-doctor", "main"]);
  } finally {
    kill(child, "SIGTERM");
  }
  assert.equal((await child.status).code, 0, stderr);
  await collected;
  assert.deepEqual(placesIn(stderr, nothing), ["crypto-share", "main"]);
  await Deno.remove(directory, { recursive: true });
});
