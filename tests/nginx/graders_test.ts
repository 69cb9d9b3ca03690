/**
 * What others say of the configuration: sslyze against Mozilla's profile, gixy, testssl.sh. What
 * they find and we keep stands in docs/operations.md, "Findings that stay".
 */
import assert from "node:assert/strict";
import { printedFront, readFront } from "../../nginx/front.ts";
import { type NginxFlags, readSite } from "../../nginx/options.ts";
import { siteText } from "../../nginx/site.ts";
import { installed, testIf } from "../cli/support.ts";
import { run } from "../support/process.ts";
import { pythonWith } from "../support/python.ts";
import { RELEASES } from "./debian.ts";
import { DOMAIN, KEYS, type Machine } from "./machine.ts";
import { nginxTest, noMachine } from "./support.ts";

const PATIENCE = 300_000;
const CA = "/etc/ssl/certs/ca-certificates.crt";
const python = await pythonWith("sslyze==6.3.1", "gixy-ng==0.2.59");
const withoutPython = typeof python === "string" ? undefined : python.skip;
const withoutTestssl = await noMachine(RELEASES.trixie) ??
  await installed("testssl", "testssl.sh");

/** Runs one of the graders, which see the machine's network and this one's files. */
async function grade(machine: Machine, command: readonly string[]) {
  const env = Deno.env.toObject();
  return await run(machine.connected(command), { patience: PATIENCE, env });
}

/** What sslyze says of a server and one of Mozilla's profiles. */
async function compliance(machine: Machine, profile: string): Promise<string> {
  const trust = `--certinfo_ca_file=${machine.at(CA)}`;
  const sslyze = [`${python}/python`, "-m", "sslyze", `--mozilla_config=${profile}`, trust];
  const { stdout, stderr } = await grade(machine, [...sslyze, `${DOMAIN}:443{127.0.0.1}`]);
  return `${stdout}${stderr}`;
}

await nginxTest("sslyze finds each profile compliant with Mozilla's", async (machine) => {
  await machine.serve();
  assert.match(await compliance(machine, "modern"), /OK - Compliant/);
  await machine.serve(["--profile", "intermediate"]);
  assert.match(await compliance(machine, "intermediate"), /OK - Compliant/);
  assert.match(
    await compliance(machine, "modern"),
    /FAILED - Not compliant/,
    "it tells them apart",
  );
}, { missing: withoutPython });

/** Ways to print a site, each with what gixy finds in it and we keep. */
const SITES: readonly (readonly [NginxFlags, ...string[]])[] = [
  [{ domain: DOMAIN }],
  [{ domain: DOMAIN, profile: "intermediate", nginx: "1.22.1", openssl: "3.0" }],
  [{ domain: DOMAIN, upstream: "https://a.on.aws", resolver: "127.0.0.53" }],
  [{ domain: DOMAIN, certificate: "/etc/ssl/a.pem", ocspChain: "/b.pem", resolver: "127.0.0.53" }],
  [{ domain: DOMAIN, page: "/srv/page" }, "try_files_is_evil_too"],
];

/** The plugins of gixy's that find something in a file of nginx's. */
async function findings(text: string): Promise<string[]> {
  const path = await Deno.makeTempFile({ prefix: "ctn-", suffix: ".conf" });
  await Deno.writeTextFile(path, text);
  const { stdout, stderr } = await run([
    `${python}/python`,
    "-m",
    "gixy",
    "--format",
    "json",
    path,
  ]);
  await Deno.remove(path);
  assert.notEqual(stdout.trim(), "", stderr);
  return (JSON.parse(stdout) as { plugin: string }[]).map(({ plugin }) => plugin);
}

testIf(withoutPython, "gixy finds nothing but what the documentation explains", async () => {
  for (const [flags, ...kept] of SITES) {
    const site = siteText(readSite(flags));
    assert.deepEqual(await findings(`events {}\nhttp {\n${site}}\n`), kept, site);
  }
  const front = printedFront(readFront({ domain: KEYS }));
  assert.deepEqual(await findings(`events {}\n${front}`), []);
  const wrong = [
    "http { server { listen 443 ssl; } }",
    front.replace("access_log off;", "resolver 8.8.8.8;"),
  ];
  for (const one of wrong) {
    assert.notDeepEqual(await findings(`events {}\n${one}\n`), [], "it does find something");
  }
});

/** What testssl.sh does not like and the guideline wants so: the client chooses the cipher. */
const KEPT = ["cipher_order"];
const UNLIKED = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

await nginxTest("testssl.sh finds nothing but what the documentation explains", async (machine) => {
  await machine.serve(["--profile", "intermediate", "--requests-per-minute", "10000000"]);
  const report = await Deno.makeTempDir({ prefix: "ctn-" });
  const parts = ["--protocols", "--std", "--server-preference", "--headers"];
  const options = [
    "--quiet",
    "--warnings",
    "off",
    "--color",
    "0",
    "--ip",
    "127.0.0.1",
    "--nodns",
    "none",
  ];
  const files = ["--jsonfile", `${report}/found.json`, "--add-ca", machine.at(CA)];
  await grade(machine, ["testssl", ...options, ...files, ...parts, `https://${DOMAIN}/`]);
  const found: { id: string; severity: string; finding: string }[] = JSON.parse(
    await Deno.readTextFile(`${report}/found.json`),
  );
  await Deno.remove(report, { recursive: true });
  assert.ok(found.length > 30, "it looked");
  const unliked = found.filter(({ severity }) => UNLIKED.includes(severity));
  assert.deepEqual(unliked.filter(({ id }) => !KEPT.includes(id)), []);
}, { releases: [RELEASES.trixie], missing: withoutTestssl });
