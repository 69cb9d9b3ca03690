/** A large file takes little memory on either side, and in the server. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startShare } from "../share/server_support.ts";
import { exec, Folder, missing, PROGRAM, testIf, text } from "./support.ts";

const MB = 1_000_000;
const MOST = 150 * MB;
const SIZE = 300 * MB;
const PEAK = fileURLToPath(new URL("peak.py", import.meta.url));

/** The most memory that `crypto share …` takes, and what it prints. */
async function peakOf(folder: Folder, url: string, ...args: string[]) {
  const env = { HOME: folder.path, PATH: Deno.env.get("PATH") ?? "", CRYPTO_SHARE_SERVER: url };
  const command = ["python3", PEAK, folder.at("peak"), PROGRAM, "share", ...args];
  const { code, stdout, stderr } = await exec(command, { env, patience: 60_000 });
  assert.equal(code, 0, stderr);
  return { peak: Number(text(folder.read("peak"))), printed: text(stdout).trim() };
}

testIf(missing("python3"), "300 MB are sent and opened under 150 MB of memory each", async () => {
  await using server = await startShare();
  using folder = new Folder();
  using inbox = new Folder();
  const path = folder.write("large.bin", "begins");
  Deno.truncateSync(path, SIZE);
  const sent = await peakOf(folder, server.url, "send", path);
  const opened = await peakOf(folder, server.url, "open", sent.printed, "-o", inbox.path);
  assert.equal(Deno.statSync(inbox.at("large.bin")).size, SIZE);
  const kilobytes = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${server.pid}/status`))![1];
  const peaks = { send: sent.peak, open: opened.peak, serve: Number(kilobytes) * 1024 };
  for (const [who, peak] of Object.entries(peaks)) assert.ok(peak < MOST, `${who}: ${peak} bytes`);
});
