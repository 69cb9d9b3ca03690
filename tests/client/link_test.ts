/** The way to a server where there is no OpenSSL: a worker, and the runtime's own TLS. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exec, text } from "../cli/support.ts";
import type { Certified } from "../support/certificates.ts";
import { CLIENT, type NetworkDaemon, networkTest } from "../support/network.ts";

/** What a program with this identity hears from two connections. */
async function hears({ network, port }: NetworkDaemon, shown: Certified, ca: string) {
  const directory = await Deno.makeTempDir({ dir: network.place.directory });
  for (const [from, to] of [[shown.certificate, "cert"], [shown.key, "key"], [ca, "ca"]]) {
    Deno.copyFileSync(from!, `${directory}/${to}.pem`);
  }
  const probe = fileURLToPath(new URL("link_probe.ts", import.meta.url));
  const options = ["--quiet", "--no-check", "--allow-all", "--no-prompt"];
  const args = ["run", ...options, probe, `tls://localhost:${port}`, directory];
  const ended = await exec([Deno.execPath(), ...args], { env: Deno.env.toObject() });
  assert.equal(ended.code, 0, ended.stderr);
  return JSON.parse(text(ended.stdout));
}

networkTest(
  "a worker connects again and again for a thread that may do nothing",
  async (daemon) => {
    const { authority } = daemon.network;
    const good = await authority.issue(CLIENT);
    const expired = await authority.issue({ ...CLIENT, days: -1 });
    const heard = await Promise.all([
      hears(daemon, good, authority.certificate),
      hears(daemon, expired, authority.certificate),
      hears(daemon, good, good.certificate),
    ]);
    assert.deepEqual(heard, [
      ["by a worker", "by a worker"],
      ["tls_refused", "tls_refused"],
      ["untrusted_server", "untrusted_server"],
    ]);
  },
);
