/** Other ways to set it up: the page by nginx, a function's URL behind it, OCSP answers. */
import assert from "node:assert/strict";
import { eventually } from "../support/wait.ts";
import { DOMAIN, type Machine } from "./machine.ts";
import { nginxTest } from "./support.ts";

const FUNCTION = "abc.lambda-url.example.org";

await nginxTest(
  "nginx serves a static page as the application does, and nothing else of it",
  async (machine) => {
    await machine.serve();
    const own = await machine.ask([`https://${DOMAIN}/s`]);
    await Deno.mkdir(machine.at("/srv/page"), { recursive: true });
    await Deno.writeTextFile(machine.at("/srv/page/index.html"), "<p>static</p>");
    await Deno.writeTextFile(machine.at("/srv/page/page.css"), "p {}");
    await machine.serve(["--page", "/srv/page"]);
    const varying = [
      "content-length",
      "date",
      "content-type",
      "last-modified",
      "etag",
      "accept-ranges",
      "vary",
    ];
    const fixed = ({ headers }: { headers: Headers }) =>
      [...headers].filter(([name]) => !varying.includes(name)).sort();
    for (const path of ["/", "/s", "/s%23abc", "/secret/x"]) {
      const page = await machine.ask([`https://${DOMAIN}${path}`]);
      assert.deepEqual([page.status, page.body], [200, "<p>static</p>"], path);
      assert.equal(page.headers.get("content-type"), "text/html");
      assert.deepEqual(fixed(page), fixed(own));
    }
    const style = await machine.ask([`https://${DOMAIN}/page.css`]);
    assert.deepEqual([style.status, style.body], [200, "p {}"]);
    assert.equal((await machine.ask([`https://${DOMAIN}/nothing`])).status, 404);
    assert.equal((await machine.post("look", "{}")).status, 400);
    assert.equal((await machine.ask([`https://${DOMAIN}/healthz`])).body, "ok\n");
  },
);

/** A second site of nginx's that stands for a function's URL, and tells what it was asked. */
function functionSite(certificate: string): string {
  return `server {
    listen 443 ssl;
    server_name ${FUNCTION};
    ssl_certificate ${certificate}.pem;
    ssl_certificate_key ${certificate}.key;
    location / {
        return 200 "$host $request_uri $http_x_forwarded_for $http_x_real_ip $http_forwarded";
    }
}
`;
}

/** How the machine's CA signs. */
const BY_CA = ["-CA", "/etc/ssl/certs/ca-certificates.crt", "-CAkey", "/root/ca.key"];

/** A certificate, by itself unless somebody signs. */
async function certify(machine: Machine, path: string, name: string, ...more: string[]) {
  await machine.must([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-noenc", "-days", "9", "-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", `${path}.key`, "-out", `${path}.pem`, ...more],
  ]);
}

await nginxTest(
  "a function's URL is looked up, and asked over TLS only if its certificate is right",
  async (machine) => {
    await using _names = await machine.startDeno("names.ts");
    const site = machine.at("/etc/nginx/conf.d/function.conf");
    const flags = ["--upstream", `https://${FUNCTION}`, "--resolver", "127.0.0.1"];
    try {
      await certify(machine, "/root/right", FUNCTION, ...BY_CA);
      await Deno.writeTextFile(site, functionSite("/root/right"));
      await machine.serve(flags);
      const spoofed = [
        "--header",
        "x-real-ip: 203.0.113.1",
        "--header",
        "forwarded: for=203.0.113.1",
      ];
      const { status, body } = await machine.ask([...spoofed, `https://${DOMAIN}/s%23x?y`]);
      assert.deepEqual([status, body], [200, `${FUNCTION} /s%23x?y 127.0.0.1  `]);
      await certify(machine, "/root/wrong", FUNCTION);
      await Deno.writeTextFile(site, functionSite("/root/wrong"));
      await machine.serve(flags);
      const refused = await machine.post("look", "{}");
      assert.deepEqual([refused.status, JSON.parse(refused.body).error], [
        502,
        "share_unreachable",
      ]);
    } finally {
      await Deno.remove(site);
    }
  },
);

/** What the CA says of a certificate: that it is valid. */
async function startResponder(machine: Machine, certificate: string) {
  const serial = await machine.must(["openssl", "x509", "-noout", "-serial", "-in", certificate]);
  const line = ["V", "991231235959Z", "", serial.trim().split("=")[1], "unknown", `/CN=${DOMAIN}`];
  await Deno.writeTextFile(machine.at("/root/index.txt"), `${line.join("\t")}\n`);
  const ca = "/etc/ssl/certs/ca-certificates.crt";
  const keys = ["-CA", ca, "-rsigner", ca, "-rkey", "/root/ca.key", "-index", "/root/index.txt"];
  return machine.start(["openssl", "ocsp", "-port", "8888", "-ndays", "1", ...keys]);
}

await nginxTest("OCSP answers are stapled where a CA gives them", async (machine) => {
  const aia = ["-addext", "authorityInfoAccess=OCSP;URI:http://127.0.0.1:8888"];
  await certify(machine, "/root/stapled", DOMAIN, ...BY_CA, ...aia);
  await using _responder = await startResponder(machine, "/root/stapled.pem");
  const pair = ["--certificate", "/root/stapled.pem", "--certificate-key", "/root/stapled.key"];
  const chain = ["--ocsp-chain", "/etc/ssl/certs/ca-certificates.crt", "--resolver", "127.0.0.1"];
  await machine.serve([...pair, ...chain]);
  const status = ["openssl", "s_client", "-connect", "127.0.0.1:443", "-servername", DOMAIN];
  // nginx asks when it is asked, and has the answer for the next.
  await eventually("it is stapled", async () => {
    const { stdout } = await machine.run([...status, "-status"], { stdin: "" });
    return stdout.includes("OCSP Response Status: successful") && stdout.includes("good");
  });
});
