/** The network mode of an installed service, as docs/network.md says to make it. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { BootedSystem } from "../support/booted.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram } from "../support/process.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/network.md", import.meta.url));

/** The block of the page that begins with a line, without what indents it. */
function block(first: string): string {
  const lines = PAGE.slice(PAGE.indexOf(`    ${first}\n`)).split("\n");
  const end = lines.findIndex((line) => !line.startsWith("    "));
  return lines.slice(0, end).map((line) => `${line.slice(4)}\n`).join("");
}

/** The page's examples, for a machine that is alone. */
function local(text: string): string {
  return text.replace("192.0.2.0/24", "localhost").replace("192.0.2.1", "127.0.0.1");
}

await linuxTest("what the page says to do gives the installed service a network", [
  "root",
  "systemd",
], async () => {
  await using system = await BootedSystem.boot({ "crypto": compiledProgram() });
  const write = async (path: string, text: string) => {
    await system.sh(`umask 022; mkdir -p ${dirname(path)}; cat >${path}`, { stdin: text });
  };
  await system.must(["/opt/crypto", "install"]);
  await system.sh(`cd /root; umask 077; echo correct horse battery staple >passphrase
    pki() { crypto pki "$@" --directory pki --passphrase-file passphrase; }
    pki init
    pki issue --server keys IP:127.0.0.1
    pki issue build URI:spiffe://example.org/build
    ${block("install -d -m 755 /etc/crypto/network")}`);
  const config = block("[network]").replace(/"pki\/(?:.*\/)?(?=\w+\.pem)/g, '"network/');
  await write("/etc/crypto/crypto.toml", local(config));
  await write("/etc/systemd/system/crypto.service.d/override.conf", local(block("[Service]")));
  await system.sh("systemctl daemon-reload; systemctl restart crypto.service");
  const remote = "--server tls://127.0.0.1:7400 --identity /root/pki/issued/build --quiet";
  const told = await system.sh(
    `printf secret | crypto encrypt ${remote} | crypto decrypt ${remote}`,
  );
  assert.equal(told, "secret");
  const log = await system.sh("grep certificate /var/lib/crypto/audit.log | tail -1");
  assert.equal(JSON.parse(log).certificate, "URI:spiffe://example.org/build");
  assert.equal(await system.sh("printf secret | crypto encrypt | crypto decrypt"), "secret");
});
