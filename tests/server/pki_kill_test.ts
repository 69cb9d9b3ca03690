/** The certificate authority, killed at every change of the file system: what is there fits together. */
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { loadDurableExchange } from "../../platform/exchange.ts";
import { performPki, type PkiTask } from "../../server/pki/authority.ts";
import { readRegister } from "../../server/pki/register.ts";
import { testIf } from "../cli/support.ts";
import { openssl } from "../support/certificates.ts";
import type { Death } from "../support/die.ts";
import { NO_NETWORK } from "../support/network.ts";
import { must, run } from "../support/process.ts";

const SCRIPT = new URL("pki_killed.ts", import.meta.url).pathname;
const PASSPHRASE = "correct horse battery staple";
const INIT: PkiTask = { type: "init", name: "test", domains: [] };
const NEW: PkiTask = { type: "issue", label: "next", names: [], purpose: "client" };
const AT_ONCE = 2;

async function perform(directory: string, task: PkiTask): Promise<void> {
  await performPki(directory, task, { passphrase: PASSPHRASE, exchange: loadDurableExchange() });
}

/** Does it in a process of its own. Says whether that was killed. */
async function isKilled(directory: string, task: PkiTask, death: Death): Promise<boolean> {
  const args = [directory, JSON.stringify(task), JSON.stringify(death), PASSPHRASE];
  const command = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", SCRIPT, ...args];
  const { code, signal, stderr } = await run(command, { env: Deno.env.toObject() });
  if (signal !== "SIGKILL") assert.equal(code, 0, stderr);
  return signal === "SIGKILL";
}

/** Kills a task at each of its changes, in a copy of a directory, and looks at what that leaves. */
async function killEverywhere(
  directory: string,
  task: PkiTask,
  look: (directory: string, killed: boolean) => Promise<void>,
): Promise<void> {
  for (const point of ["change", "write"] as const) {
    let next = 0;
    const turns = async () => {
      for (let killed = true; killed;) {
        const number = next++;
        const copy = `${directory}-${point}-${number}`;
        await must(["cp", "-a", directory, copy]);
        killed = await isKilled(copy, task, { point, number });
        await look(copy, killed);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, turns));
    assert.ok(next > AT_ONCE + 2, `it was killed ${next} times`);
  }
}

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const parent = Deno.makeTempDirSync({ prefix: "ctp-" });
  try {
    Deno.mkdirSync(`${parent}/pki`, { mode: 0o700 });
    await use(`${parent}/pki`);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** Whether OpenSSL takes a label's certificate, by the authority and the list that are there. */
async function verify(directory: string, label: string): Promise<void> {
  const trust = ["-CAfile", `${directory}/ca.pem`, "-CRLfile", `${directory}/revoked.pem`];
  const args = ["-crl_check", "-x509_strict", "-purpose", "sslclient"];
  await openssl("verify", ...trust, ...args, `${directory}/issued/${label}/cert.pem`);
}

testIf(
  NO_NETWORK,
  "an authority whose making was killed is whole, or can be made again",
  async () => {
    await withDirectory(async (directory) => {
      const seen = new Set<string>();
      await killEverywhere(directory, INIT, async (copy) => {
        const names = [...Deno.readDirSync(copy)].map(({ name }) => name).sort().join();
        if (seen.has(names)) return;
        seen.add(names);
        if (!exists(`${copy}/register.json`)) await perform(copy, INIT);
        await perform(copy, NEW);
        await verify(copy, "next");
      });
    });
  },
);

testIf(NO_NETWORK, "a renewal that was killed leaves a key and its certificate", async () => {
  await withDirectory(async (directory) => {
    await perform(directory, INIT);
    await perform(directory, { ...NEW, label: "build" });
    Deno.writeTextFileSync(`${directory}/issued/build/notes`, "mine");
    const [before] = readRegister(directory).issued;
    const seen = new Set<boolean>();
    await killEverywhere(directory, { type: "renew", label: "build" }, async (copy, killed) => {
      const at = `${copy}/issued/build`;
      const certificate = new X509Certificate(Deno.readFileSync(`${at}/cert.pem`));
      const key = createPrivateKey(Deno.readTextFileSync(`${at}/key.pem`));
      assert.ok(certificate.checkPrivateKey(key));
      assert.equal(Deno.readTextFileSync(`${at}/notes`), "mine");
      const serial = certificate.serialNumber.toLowerCase();
      assert.ok(readRegister(copy).issued.some((entry) => entry.serial === serial));
      await verify(copy, "build");
      const isOld = serial === before?.serial;
      if (!killed) assert.deepEqual([isOld, exists(`${copy}/issued/.build.new`)], [false, false]);
      seen.add(isOld);
    });
    assert.equal(seen.size, 2);
    const last = `${directory}-change-0`;
    await perform(last, { type: "renew", label: "build" });
    assert.deepEqual([...Deno.readDirSync(`${last}/issued`)].map(({ name }) => name), ["build"]);
  });
});
