/** The attacks, on two servers over one table and one bucket. */
import assert from "node:assert/strict";
import { Absent } from "../../../share/attack/attack.ts";
import { strangersCalls } from "../../../share/attack/strangers.ts";
import { ATTACKS } from "../../../share/attack/suite.ts";
import { TRANSFERS } from "../../../share/attack/transfers.ts";
import { ask, UNAVAILABLE, Victim } from "../../../share/attack/victim.ts";
import { EVEN_TIME } from "../../../share/even.ts";
import type { AwsServices } from "../../support/aws.ts";
import { ShareProcess, UNHURRIED } from "../server_support.ts";
import { OnAws } from "./support.ts";

/** Starts a share server over a store on AWS. */
export async function startOnAws(
  { services: { env }, address }: OnAws,
  more: Readonly<Record<string, string>> = {},
): Promise<ShareProcess> {
  const variables = Object.entries({ ...env, ...more }).map(([name, value]) => `${name}=${value}`);
  const args = ["--store", address, ...UNHURRIED, "--client-bytes", "1000000000000"];
  const server = new ShareProcess(args, undefined, ["env", ...variables]);
  try {
    return await server.ready();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Registers the attacks. */
export async function attackTests(services: AwsServices): Promise<void> {
  const subject = await OnAws.open(services);
  const servers = await Promise.all([startOnAws(subject), startOnAws(subject)]);
  Deno.test.afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await subject[Symbol.asyncDispose]();
  });
  const urls = servers.map(({ url }) => url) as [string, string];
  // Those that send a body through the server, which takes none here: others take their place.
  const through = TRANSFERS.filter(({ name }) => /^an upload|^a download|^long ones/.test(name));
  for (const attack of ATTACKS) {
    Deno.test(`aws attack: ${attack.name}`, async () => {
      const outcome = attack.run({ urls, rounds: 3, attempts: 50 });
      await (through.includes(attack) ? assert.rejects(outcome, Absent) : outcome);
    });
  }
  Deno.test("aws: no stranger is refused before an even time", async () => {
    const [url] = urls;
    const { id } = await new Victim().create(url);
    for (const [name, fields] of strangersCalls(id)) {
      const began = performance.now();
      const { status } = await ask(url, name, fields);
      assert.deepEqual([status, performance.now() - began >= EVEN_TIME], [UNAVAILABLE, true], name);
    }
  });
}
