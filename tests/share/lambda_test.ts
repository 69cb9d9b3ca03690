/** The bundle that the program writes, in AWS's own emulator, on DynamoDB and S3. */
import assert from "node:assert/strict";
import { ATTACKS } from "../../share/attack/suite.ts";
import { call, Victim } from "../../share/attack/victim.ts";
import { crypto, fails, Folder, prints, testIf } from "../cli/support.ts";
import { startAws } from "../support/aws.ts";
import { LAMBDA_PYTHON, lambdaParts, node20 } from "../support/lambda.ts";
import { must, plainEnvironment } from "../support/process.ts";
import { type Line, relay } from "../support/relay.ts";
import { pythonWith } from "../support/python.ts";
import { OnAws } from "./aws/support.ts";
import { type FrontOptions, LambdaFront } from "./lambda/front.ts";
import { KINDS } from "./lambda/support.ts";
import { filesIn } from "./support.ts";

const LARGE = 20_000_000;
/** Gives a function one event after the other. Prints Node's version, and each answer's status. */
const INVOKE = `
  const [, script, events] = process.argv;
  const { handler } = await import(script);
  const statuses = [process.version.split(".")[0]];
  for (const event of JSON.parse(events)) statuses.push((await handler(event)).statusCode);
  console.log(JSON.stringify(statuses));
  process.exit();
`;
/** What must stand in no log. */
const MARKER = "marker5d8f";

const services = await startAws();
const parts = "skip" in services ? services : await lambdaParts();
if ("skip" in services || "skip" in parts) {
  console.log(`SKIP: the function on Lambda: ${"skip" in parts ? parts.skip : ""}`);
  if (!("skip" in services)) await services[Symbol.asyncDispose]();
} else {
  const folder = new Folder();
  await prints(["share-lambda", "--output", folder.at("out")]);
  const python = await pythonWith(...LAMBDA_PYTHON);
  const unzip = [`${python}/python`, "-m", "zipfile", "-e"];
  await must([...unzip, folder.at("out/share-lambda.zip"), folder.at("function")]);
  const subject = await OnAws.open(services);
  const objects = () => filesIn(`${services.buckets}/${subject.name}`);
  const start = (more: Partial<FrontOptions> = {}) => {
    const { name } = subject;
    return LambdaFront.start({ parts, services, name, directory: folder.at("function"), ...more });
  };
  const front = await start({ instances: 3 });
  Deno.test.afterAll(async () => {
    await front[Symbol.asyncDispose]();
    await subject[Symbol.asyncDispose]();
    await services[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  const env = { ...plainEnvironment(), HOME: folder.path, CRYPTO_SHARE_SERVER: front.url };

  Deno.test("a text goes by way of Lambda, and opens once", async () => {
    const stdin = "a secret for Lambda";
    const link = await prints(["share", "send", "--json"], { env, stdin });
    const { link: url, receipt } = JSON.parse(link);
    assert.ok(url.startsWith(`${front.url}/s#`));
    assert.equal(await prints(["share", "open", url], { env }), stdin);
    await fails("share_opened", ["share", "open", url], { env });
    const status = JSON.parse(await prints(["share", "status", "--json", receipt], { env }));
    assert.equal(status.state, "used");
  });

  Deno.test("a function as it was written takes what a command asks for if nobody says more", async () => {
    const asked = JSON.parse(await prints(["share", "request", "--json"], { env }));
    const status = await prints(["share", "status", "--json", asked.ownLink], { env });
    assert.equal(JSON.parse(status).ttl, 5 * 86_400);
    const { stderr } = await fails("share_refused", ["share", "request", "--ttl", "7d"], { env });
    assert.match(stderr, /at most 5d\n/);
  });

  Deno.test("a large file goes past Lambda, and leaves the bucket when it is opened", async () => {
    const bytes = new Uint8Array(LARGE).map((_, i) => i * 31 >> 3);
    const file = folder.write("large", bytes);
    const { link } = JSON.parse(await prints(["share", "send", "--json", file], { env }));
    assert.deepEqual(objects().map((path) => Deno.statSync(path).size > LARGE), [true]);
    Deno.mkdirSync(folder.at("inbox"));
    const opened = await crypto(["share", "open", "--output", folder.at("inbox"), link], { env });
    assert.equal(opened.code, 0, opened.stderr);
    assert.deepEqual(folder.read("inbox/large"), bytes);
    assert.deepEqual(objects(), []);
  });

  Deno.test("the page comes as text and compressed, with the store's origin in its policy", async () => {
    for (const encoding of ["identity", "gzip"]) {
      const response = await fetch(`${front.url}/s`, { headers: { "accept-encoding": encoding } });
      assert.match(await response.text(), /<title>crypto share<\/title>/);
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.ok(policy.includes(`connect-src 'self' ${services.s3};`), policy);
    }
  });

  for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
    Deno.test(`as ${kind} event: managed mode, if it is switched on`, async () => {
      await using managed = await start({ kind, env: { CRYPTO_SHARE_MANAGED: "true" } });
      const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251);
      const kept = await fetch(`${managed.url}/managed?ttl=1h`, { method: "POST", body: bytes });
      const line = await kept.text();
      assert.equal(kept.status, 201, line);
      const opening = line.trim().split(" ").at(-1)!;
      const open = () => fetch(`${managed.url}/managed/open`, { method: "POST", body: opening });
      assert.deepEqual(await (await open()).bytes(), bytes);
      const again = await open();
      assert.equal(again.status, 410, await again.text());
      assert.equal((await fetch(`${front.url}/managed`)).status, 404);
    });
  }

  Deno.test("who was cut off by the time limit asks again, and nobody else gets it", async () => {
    const line = new SilentLine(services.connect);
    const lines = { AWS_ENDPOINT_URL_DYNAMODB: line.origin };
    await using slow = await start({ timeout: 3, env: lines });
    const victim = await new Victim().create(slow.url);
    const claim = victim.claim();
    line.isSilent = true;
    assert.equal((await call(slow.url, "take", claim)).status, 502);
    line.isSilent = false;
    assert.equal((await call(front.url, "take", victim.claim())).status, 410);
    const again = await call(slow.url, "take", claim);
    assert.equal(again.status, 200, again.text);
    const { id, claimToken } = claim;
    assert.equal((await call(slow.url, "acknowledge", { id, claimToken })).status, 204);
    line.close();
  });

  Deno.test("a failure is one line of JSON with a code, and nothing of what was asked", async () => {
    const nowhere = { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:9" };
    await using broken = await start({ env: nowhere });
    const [instance] = broken.instances;
    await fetch(`${broken.url}/${MARKER}?${MARKER}`, { method: "POST", body: MARKER });
    await fetch(`${broken.url}/s${MARKER}`);
    const health = await fetch(`${front.url}/healthz`);
    assert.deepEqual([health.status, await health.text()], [200, "ok\n"]);
    const victim = new Victim();
    const { status, text } = await call(broken.url, `look?${MARKER}`, victim.link);
    assert.equal(status, 503, text);
    const lines = instance!.log.split("\n").filter((line) => line.startsWith("{"));
    assert.deepEqual(lines.map((line) => JSON.parse(line)), [{
      level: "error",
      code: "share_storage",
      service: "DynamoDB",
      reason: "ECONNREFUSED",
    }]);
    for (const secret of [MARKER, victim.id, victim.link.linkProof]) {
      assert.ok(!instance!.log.includes(secret), secret);
    }
  });

  Deno.test("a function with a wrong set-up answers nothing, and says which variable", async () => {
    await using wrong = await start({ env: { TTL_DAYS: "31" } });
    assert.equal((await fetch(`${wrong.url}/healthz`)).status, 502);
    const line = wrong.instances[0]!.log.split("\n").find((line) => line.startsWith("{"));
    const { level, code, message } = JSON.parse(line ?? "{}");
    assert.deepEqual({ level, code }, { level: "fatal", code: "config" });
    assert.match(message, /^TTL_DAYS: /);
  });

  const older = await node20();
  const why = typeof older === "string" ? undefined : older.skip;
  testIf(why, "the function runs on Node 20, too", async () => {
    const victim = new Victim();
    const { id } = victim;
    const claim = victim.claim();
    const asked = {
      create: await victim.creation(),
      look: victim.link,
      take: claim,
      acknowledge: { id, claimToken: claim.claimToken },
    };
    const headers = { "content-type": ["application/json"] };
    const events = Object.entries(asked).map(([name, fields]) => {
      const body = JSON.stringify(fields);
      return KINDS["a function URL's"].make({ path: `/api/${name}`, headers, body });
    });
    const script = [folder.at("function/index.mjs"), JSON.stringify(events)];
    const printed = await must(
      [`${older}`, "--input-type=module", "--eval", INVOKE, ...script],
      { env: { ...plainEnvironment(), ...front.env } },
    );
    assert.deepEqual(JSON.parse(printed), ["v20", 201, 200, 200, 204]);
  });

  for (const { name, run } of ATTACKS) {
    // On AWS bodies do not go through the server: others take their place.
    if (/^an upload|^a download|^long ones/.test(name)) continue;
    Deno.test(`attack on Lambda: ${name}`, () => {
      return run({ urls: [front.url], rounds: 2, attempts: 50 });
    });
  }
}

/** A line to DynamoDB on which, when it is told so, requests arrive and answers do not. */
class SilentLine {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  isSilent = false;

  constructor(connect: () => Promise<Deno.Conn>) {
    void relay(this.#listener, connect, this.#line).catch(() => {});
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  readonly #line: Line = async (from, to) => {
    const requests = from.readable.pipeTo(to.writable);
    const answers = to.readable.pipeThrough(
      new TransformStream({
        transform: (bytes, controller) => {
          if (!this.isSilent) controller.enqueue(bytes);
        },
      }),
    ).pipeTo(from.writable);
    await Promise.allSettled([requests, answers]);
  };

  close(): void {
    this.#listener.close();
  }
}
