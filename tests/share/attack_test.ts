/** The attacks, on the compiled server: on one, and on two over one store. */
import { PAST } from "../../share/attack/past.ts";
import { ATTACKS } from "../../share/attack/suite.ts";
import { startShare } from "./server_support.ts";

const server = await startShare();
const second = await startShare(undefined, server.directory);
Deno.test.afterAll(async () => {
  await second[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

for (const attack of ATTACKS) {
  const { name, run } = attack;
  // There is no storage beside it: see aws/attacks.ts.
  if (PAST.includes(attack)) continue;
  const races = name.startsWith("of ");
  Deno.test(`attack: ${name}`, () => {
    return run({ urls: [server.url], rounds: 100, attempts: 10_000 });
  });
  if (!races) continue;
  Deno.test(`attack: ${name}, on two servers over one store`, () => {
    return run({ urls: [server.url, second.url], rounds: 100, attempts: 0 });
  });
}
