/** The rotation of the audit log, killed at every change of the file system: nobody is accused. */
import assert from "node:assert/strict";
import { portableSha256 } from "../../server/audit/chain.ts";
import { olderFiles } from "../../server/audit/files.ts";
import { readHeads } from "../../server/audit/heads.ts";
import { readLines } from "../../server/audit/lines.ts";
import { closeLogs, openLogs } from "../../server/audit/read.ts";
import { type Report, Verifier } from "../../server/audit/verify.ts";
import type { Death } from "../support/die.ts";
import { run } from "../support/process.ts";
import { goOn } from "./support.ts";

const SCRIPT = new URL("audit_killed.ts", import.meta.url).pathname;

/** A directory with a log that has an older file, and what was published of it. */
class Logged implements Disposable {
  readonly directory: string = Deno.makeTempDirSync();
  readonly published: string[] = [];

  static async make(): Promise<Logged> {
    const logged = new Logged();
    while (olderFiles(logged.path).length === 0) await logged.goOn();
    return logged;
  }

  get path(): string {
    return `${this.directory}/audit.log`;
  }

  async goOn(): Promise<void> {
    await goOn(this.path, (line) => this.published.push(line));
  }

  /** Goes on in a process of its own. Says whether that was killed. */
  async goOnUntil(death: Death): Promise<boolean> {
    const args = [this.path, JSON.stringify(death)];
    const command = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", SCRIPT];
    const ended = await run([...command, ...args], { env: Deno.env.toObject() });
    const { code, signal, stderr, stdout } = ended;
    this.published.push(stdout);
    if (signal !== "SIGKILL") assert.equal(code, 0, stderr);
    return signal === "SIGKILL";
  }

  verify(): Report {
    const heads = readHeads(this.published.join("\n"));
    const verifier = new Verifier({ sha256: portableSha256, heads, former: [] });
    const logs = openLogs(this.path);
    for (const { path, file } of logs) {
      verifier.begin(path);
      for (const line of readLines(file)) verifier.take(line);
    }
    closeLogs(logs);
    return verifier.finish();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

for (const point of ["change", "write"] as const) {
  Deno.test(`killed at every ${point}, a log that rotates is whole, before and after it goes on`, async () => {
    let isKilled = true;
    for (let number = 0; isKilled; number++) {
      using logged = await Logged.make();
      isKilled = await logged.goOnUntil({ point, number });
      assert.deepEqual(logged.verify().findings, [], `killed at ${point} ${number}`);
      const { log } = logged.verify();
      for (let i = 0; i < 3; i++) await logged.goOn();
      const after = logged.verify();
      assert.deepEqual(after.findings, [], `killed at ${point} ${number}, and gone on`);
      assert.equal(after.log, log);
      assert.ok(after.first!.seq > 1, "rotation has removed a file");
      assert.equal(olderFiles(logged.path).length, 1);
      assert.ok(isKilled || number >= 2, `only ${number}`);
    }
  });
}
