/** Heads of the chain, as they are published. */
import assert from "node:assert/strict";
import { DEFAULT_AUDIT_LIMITS } from "../../server/audit/files.ts";
import { formatHead, HeadPublisher, readHeads } from "../../server/audit/heads.ts";
import { AuditLog } from "../../server/audit/log.ts";
import { eventually } from "../support/wait.ts";
import { targetOf } from "./support.ts";

const WHO = { pid: 7, uid: 1, gid: 2, groups: [] };

/** A log whose syncing can be made to fail, and what is published of it. */
function publishing(interval: number) {
  const disk = { syncs: 0, fails: false };
  const target = {
    ...targetOf(() => {}),
    sync: () => {
      disk.syncs++;
      return disk.fails ? Promise.reject(new Error("input/output error")) : Promise.resolve();
    },
  };
  const log = AuditLog.on(target, { limits: DEFAULT_AUDIT_LIMITS });
  const published: string[] = [];
  const heads = new HeadPublisher(log, (line) => {
    assert.ok(disk.syncs > 0, "only what is on the disk is published");
    published.push(line);
  }, interval);
  return { log, heads, disk, published };
}

Deno.test("a head is published when it has changed, at intervals and at the end", async () => {
  const { log, heads, published } = publishing(5);
  await log.write(WHO, [{ op: "status" }]);
  await eventually("it is published", () => published.length === 1);
  assert.deepEqual(published, [formatHead({ ...log.head, log: log.id })]);
  await log.write(WHO, [{ op: "status" }]);
  await eventually("the next one is", () => published.length === 2);
  await heads.stop();
  assert.equal(published.length, 2, "one that has not changed is not");
});

Deno.test("a head is not published while the log cannot be synced", async () => {
  const { log, heads, disk, published } = publishing(3_600_000);
  await log.write(WHO, [{ op: "status" }]);
  disk.fails = true;
  await heads.publishNow();
  assert.deepEqual(published, []);
  disk.fails = false;
  await heads.stop();
  assert.deepEqual(published, [formatHead({ ...log.head, log: log.id })]);
});

Deno.test("heads are found in whatever a journal writes around them", () => {
  const head = { seq: 1_234, hash: "ab".repeat(32), log: "0123456789abcdef" };
  const lines = [
    `Nov 24 20:00:01 host crypto[7]: crypto: ${formatHead(head)}`,
    "crypto: audit head 5 abcd",
    `crypto: audit head x ${head.hash} of log ${head.log}`,
    `crypto: audit head 5 ${head.hash} of log 12`,
    formatHead({ ...head, seq: 1_300 }),
  ];
  assert.deepEqual(readHeads(lines.join("\n")), [head, { ...head, seq: 1_300 }]);
});
