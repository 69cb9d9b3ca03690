/** The sealing key under Windows' DPAPI: on Windows, or Wine; elsewhere that it is not there. */
import assert from "node:assert/strict";
import { loadDpapi } from "../../server/dpapi.ts";
import { Dpapi } from "../../platform/dpapi.ts";
import { failsWith } from "../core/support.ts";

// No test of this machine's lacks a part that could be had: each system has its own.
if (Deno.build.os === "windows") {
  Deno.test("what is protected opens for the same purpose alone, and unchanged", async () => {
    const path = await Deno.makeTempFile();
    const credential = loadDpapi()(path);
    const key = crypto.getRandomValues(new Uint8Array(32));
    const message = await credential.encrypt(key);
    await Deno.writeFile(path, message);
    assert.deepEqual(await credential.decrypt(), key);
    failsWith("decryption_failed", () => new Dpapi("another").unprotect(message));
    message[message.length - 1]! ^= 1;
    await Deno.writeFile(path, message);
    await assert.rejects(async () => await credential.decrypt(), { code: "ring_unreadable" });
    await Deno.remove(path);
    assert.equal(await credential.decrypt(), undefined);
  });
} else {
  Deno.test("elsewhere than on Windows there is no DPAPI, and it says so", () => {
    failsWith("config", () => loadDpapi());
  });
}
