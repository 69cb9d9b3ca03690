/** Files through the program, past the server, over lines that break; and the store on Node. */
import assert from "node:assert/strict";
import { mustDeno, PROJECT } from "../../../tools/process.ts";
import { missing } from "../../cli/support.ts";
import { type AwsServices, CREDENTIALS } from "../../support/aws.ts";
import { compiledProgram, must, plainEnvironment, run } from "../../support/process.ts";
import { closeQuietly, type Line, relay, writeAll } from "../../support/relay.ts";
import { PART_BYTES } from "../../../share/aws/limits.ts";
import { manyBytes } from "../contract_support.ts";
import { startOnAws } from "./attacks.ts";
import { OnAws } from "./support.ts";

/** Bytes in both directions after which a line breaks that is to. */
const BREAK_AFTER = 1_500_000;

/**
 * A line to S3: some answers break off, and all bytes are counted. It breaks no request: versitygw
 * 1.8.0 takes a part that was cut for a whole one, as S3 does not.
 */
class BreakingLine {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #relaying: Promise<void>;
  /** Connections that will break. */
  breaking = 0;
  up = 0;
  down = 0;

  constructor(s3: string) {
    const port = Number(new URL(s3).port);
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
    this.#relaying = relay(this.#listener, connect, this.#line).catch(() => {});
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  readonly #line: Line = async (from, to) => {
    let passed = 0;
    const up = async () => {
      for await (const bytes of from.readable) {
        passed += bytes.length;
        this.up += bytes.length;
        await writeAll(to, bytes);
      }
    };
    const down = async () => {
      for await (const bytes of to.readable) {
        passed += bytes.length;
        this.down += bytes.length;
        if (passed > BREAK_AFTER && this.breaking > 0 && this.breaking--) break;
        await writeAll(from, bytes);
      }
      closeQuietly(from);
      closeQuietly(to);
    };
    await Promise.allSettled([up(), down()]);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#relaying;
  }
}

/** Registers the tests. */
export function fileTests(services: AwsServices): void {
  Deno.test("aws: a file goes past the server in parts, also where lines break", async () => {
    await using subject = await OnAws.open(services);
    await using line = new BreakingLine(services.s3);
    await using server = await startOnAws(subject, { AWS_ENDPOINT_URL_S3: line.origin });
    const { directory } = server;
    const env = { ...plainEnvironment(), HOME: directory, CRYPTO_SHARE_SERVER: server.url };
    const share = (...args: string[]) => must([compiledProgram(), "share", ...args], { env });
    const size = 2 * PART_BYTES + 1000;
    const content = manyBytes(size);
    await Deno.writeFile(`${directory}/large`, content);
    await Deno.mkdir(`${directory}/inbox`);

    const page = await fetch(server.url);
    await page.body?.cancel();
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.ok(policy.includes(`; connect-src 'self' ${line.origin};`), policy);

    line.breaking = 2;
    const { link, receipt } = JSON.parse(await share("send", "--json", `${directory}/large`));
    assert.ok(line.breaking === 0 && line.up > size, `${line.breaking}, ${line.up}`);
    line.breaking = 2;
    await share("open", "--output", `${directory}/inbox`, link);
    assert.ok(line.breaking === 0 && line.down > size, `${line.breaking}, ${line.down}`);
    const { state, taken } = JSON.parse(await share("status", "--json", receipt));
    assert.deepEqual([state, taken[0].acknowledged], ["used", true]);
    assert.deepEqual(await Deno.readFile(`${directory}/inbox/large`), content);
    assert.doesNotMatch(server.stderr, /failed/);
  });

  Deno.test("aws: a server that cannot use its table or its rights does not start, and says why", async () => {
    await using subject = await OnAws.open(services);
    const { env } = services;
    const serve = async (address: string, more: Record<string, string>, flags: string[] = []) => {
      const args = ["share", "serve", "--listen", "127.0.0.1:0", "--store", address, ...flags];
      const own = { ...plainEnvironment(), HOME: "/nonexistent", ...env, ...more };
      return await run([compiledProgram(), ...args], { env: own });
    };
    const [table, bucket] = ["dynamodb://nothing?bucket=", "dynamodb://"];
    const faults = [
      [`${table}${subject.name}`, {}, "ResourceNotFoundException"],
      [`${bucket}${subject.name}?bucket=nothing-there`, {}, "NoSuchBucket"],
      [subject.address, { AWS_SECRET_ACCESS_KEY: "another" }, "S3"],
    ] as const;
    for (const [address, more, reason] of faults) {
      const { code, stderr } = await serve(address, more);
      assert.equal(code, 78, stderr);
      assert.ok(stderr.includes(reason), stderr);
      assert.ok(!stderr.includes(CREDENTIALS.secretAccessKey), stderr);
    }
    // What such a store cannot keep to is refused, not ignored.
    const flags = [["--data", "/tmp"], ["--disk-bytes", "1000"], ["--max-bytes", "5242880001"]];
    for (const more of flags) {
      const { code, stderr } = await serve(subject.address, {}, more);
      assert.equal(code, 78, stderr);
    }
  });

  const why = missing("node");
  if (why !== undefined) console.log(`SKIP: aws: the store works on Node: ${why}`);
  Deno.test({
    name: "aws: the store works on Node, bundled",
    ignore: why !== undefined,
    async fn() {
      await using subject = await OnAws.open(services);
      const script = new URL("on_node.ts", import.meta.url).pathname;
      const directory = await Deno.makeTempDir({ prefix: "cts-" });
      const bundle = `${directory}/on_node.mjs`;
      await mustDeno(["bundle", "--quiet", "--platform", "deno", "--output", bundle, script], {
        cwd: PROJECT,
      });
      const env = { ...plainEnvironment(), ...services.env };
      const printed = await must(["node", bundle, subject.address], { env });
      await Deno.remove(directory, { recursive: true });
      assert.deepEqual(JSON.parse(printed), ["node", "created", true, true, "used"]);
    },
  });
}
