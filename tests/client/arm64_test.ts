/** The commands on another processor, whose calls of the system have other numbers in places. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exec, sameBytes, sample, testIf, text } from "../cli/support.ts";
import { arm64Deno } from "../support/arm64.ts";
import { CLIENT, NetworkPlace, NO_NETWORK } from "../support/network.ts";

const deno = NO_NETWORK === undefined ? await arm64Deno() : { skip: NO_NETWORK };
/** QEMU takes about ten times as long. */
const SLOW = 300_000;

/** Runs a subcommand from source, as on arm64. */
async function onArm64(args: readonly string[], env: Record<string, string> = {}) {
  const [main, config] = ["main.ts", "deno.json"].map((name) => {
    return fileURLToPath(new URL(`../../${name}`, import.meta.url));
  });
  const options = ["run", "--quiet", "--no-check", "--allow-all", "--config", config!, main!];
  const command = [...deno as readonly string[], ...options, ...args];
  return await exec(command, { env: { ...Deno.env.toObject(), ...env }, patience: SLOW });
}

testIf("skip" in deno ? deno.skip : undefined, "on arm64 files go through both ways", async () => {
  using network = await NetworkPlace.make();
  await using daemon = await network.start();
  const { directory } = network.place;
  const { certificate, key } = await network.authority.issue(CLIENT);
  const identity = `${directory}/identity`;
  Deno.mkdirSync(identity, { mode: 0o700 });
  const files = [[certificate, "cert"], [key, "key"], [network.authority.certificate, "ca"]];
  for (const [from, to] of files) Deno.copyFileSync(from!, `${identity}/${to}.pem`);
  const plain = sample(100_000);
  Deno.writeFileSync(`${directory}/plain`, plain);

  const remote = ["--server", `tls://localhost:${daemon.port}`, "--identity", identity];
  const encrypted = await onArm64(["encrypt", ...remote, `${directory}/plain`]);
  assert.deepEqual([encrypted.code, encrypted.stderr], [0, ""]);
  const local = ["decrypt", "--output", "-", `${directory}/plain.crypto`];
  const decrypted = await onArm64(local, daemon.process.env);
  assert.deepEqual([decrypted.code, decrypted.stderr], [0, ""]);
  sameBytes(decrypted.stdout, plain);
  const built = await onArm64(["--version"]);
  assert.match(text(built.stdout), /^\d+\.\d+\.\d+\n$/);
});
