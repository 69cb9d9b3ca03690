/**
 * Nothing of a secret in any file: a marker goes through every way in which a request can fail, in
 * path, query, header and body, and then everything that was written on the machine is searched.
 */
import assert from "node:assert/strict";
import { eventually } from "../support/wait.ts";
import { DOMAIN, type Machine } from "./machine.ts";
import { filesWith, newMarker } from "./marker.ts";
import { nginxTest } from "./support.ts";

/** Requests that are well formed, by every way in, all at once. */
async function ask(machine: Machine, marker: string): Promise<void> {
  const json = JSON.stringify({ id: marker });
  const long = marker.repeat(20_000);
  const asked = ["--http1.1", "--http2"].flatMap((version) => {
    const args = [version, "--header", `crypto-share: ${marker}`, "--header", "expect:"];
    const paths = [`/s%23${marker}`, `/s?${marker}`, `/${marker}`, `/managed?${marker}`];
    return [
      ...paths.map((path) => machine.ask([...args, `https://${DOMAIN}${path}`])),
      ...paths.map((path) => {
        return machine.ask([...args, "--data", marker, `https://${DOMAIN}${path}`]);
      }),
      machine.post("look", json, ...args),
      machine.post("upload", long, ...args),
      // Too long for any call.
      machine.post("look", long, ...args),
      machine.ask([...args, "--request", "DELETE", `https://${DOMAIN}/s%23${marker}`]),
      machine.ask([...args, `http://${DOMAIN}/s%23${marker}`]),
    ];
  });
  // Too long for any upload.
  const huge = ["--http1.1", "--header", "content-length: 9000000000000"];
  await Promise.all([...asked, machine.post("upload", marker, ...huge)]);
}

/** What is no request, or too much of one. */
function malformed(marker: string): string[] {
  const host = `Host: ${DOMAIN}\r\n`;
  return [
    `GET /s%23${marker}%00 HTTP/1.1\r\n${host}\r\n`,
    `GET /s%zz${marker} HTTP/1.1\r\n${host}\r\n`,
    `GET /../../s%23${marker} HTTP/1.1\r\n${host}\r\n`,
    `GET /s%23${marker}\r\n`,
    `GET /s%23${marker} HTTP/9.9\r\n${host}\r\n`,
    `${marker} /s HTTP/1.1\r\n${host}\r\n`,
    `GET /s%23${marker} HTTP/1.1\r\n\r\n`,
    `GET /s%23${marker} HTTP/1.1\r\nHost: ${marker}\r\n\r\n`,
    `GET /s%23${marker} HTTP/1.1\r\n${host}${host}\r\n`,
    `GET /s HTTP/1.1\r\n${host}${marker}\r\n\r\n`,
    `GET /s HTTP/1.1\r\n${host}cookie: ${marker.repeat(2_000)}\r\n\r\n`,
    `GET /s%23${marker.repeat(2_000)} HTTP/1.1\r\n${host}\r\n`,
    `GET https://${DOMAIN}/s%23${marker} HTTP/1.1\r\n${host}\r\n`,
    `POST /api/look HTTP/1.1\r\n${host}content-length: x${marker}\r\n\r\n`,
    `POST /api/upload HTTP/1.1\r\n${host}transfer-encoding: chunked\r\n\r\n${marker}\r\n`,
    // Cut off before the end.
    `POST /api/upload HTTP/1.1\r\n${host}content-length: 900000\r\n\r\n${marker}`,
    `GET /s%23${marker}`,
  ];
}

/** Sends all of it as it is. Most of it is answered, with what is wrong. */
async function sendRaw(machine: Machine, texts: readonly string[]): Promise<void> {
  const answers = await machine.deno("raw.ts", [DOMAIN], { stdin: JSON.stringify(texts) });
  const lengths: number[] = JSON.parse(answers);
  assert.equal(lengths.length, 3 * texts.length);
  assert.ok(lengths.filter((length) => length > 0).length > 2 * texts.length, answers);
}

/** Handshakes that fail. */
async function failHandshakes(machine: Machine, marker: string): Promise<void> {
  const connect = ["openssl", "s_client", "-connect", "127.0.0.1:443"];
  const name = `${marker}.example.org`.toLowerCase();
  for (
    const args of [["-servername", name], ["-tls1_2", "-servername", DOMAIN], ["-alpn", marker]]
  ) {
    await machine.run([...connect, ...args], { stdin: "" });
  }
}

/** The managed mode: what is sent there is plain, and so is what comes back. */
async function shareManaged(machine: Machine, marker: string): Promise<void> {
  const url = `https://${DOMAIN}/managed`;
  const plain = ["--header", "content-type: application/octet-stream", "--data-binary", marker];
  const kept = await machine.ask([...plain, url]);
  assert.equal(kept.status, 201, kept.body);
  const opening = kept.body.trim().split(" ").at(-1)!;
  const given = await machine.ask(["--data", opening, `${url}/open`]);
  assert.deepEqual([given.status, given.body], [200, marker]);
}

/** Everything that can be asked, and what cannot. */
async function tryEverything(machine: Machine, marker: string): Promise<void> {
  await ask(machine, marker);
  await sendRaw(machine, malformed(marker));
  await failHandshakes(machine, marker);
}

/** nginx's own limits are a minute; these are for all sites. */
const IMPATIENT = "proxy_read_timeout 500ms;\nproxy_send_timeout 500ms;\n";

/** Asks a server that connects and says nothing. */
async function askSilent(machine: Machine, marker: string): Promise<void> {
  const socket = "/run/crypto-share/silent.sock";
  const limits = machine.at("/etc/nginx/conf.d/impatient.conf");
  await Deno.writeTextFile(limits, IMPATIENT);
  await using silent = await machine.startShare([], socket);
  await silent.pause();
  await machine.serve(["--upstream", `unix:${socket}`]);
  await ask(machine, marker);
  await Deno.remove(limits);
}

await nginxTest("a marker that went through every failure is in no file", async (machine) => {
  const marker = newMarker();
  await machine.serve();
  await shareManaged(machine, marker);
  await tryEverything(machine, marker);
  await machine.serve(["--requests-per-minute", "1"]);
  await ask(machine, marker);
  await machine.serve(["--upstream", "unix:/run/nothing.sock"]);
  await ask(machine, marker);
  await askSilent(machine, marker);
  await machine.serve(["--page", "/var/www/html"]);
  await tryEverything(machine, marker);
  assert.deepEqual(await filesWith(machine, marker), []);
});

await nginxTest("the search finds what a configuration that logs has written", async (machine) => {
  const marker = newMarker();
  await machine.serve([], (text) => {
    return text.replaceAll(/^ *(access_log off|error_log .*);\n/gm, "");
  });
  await tryEverything(machine, marker);
  await eventually("it is logged", async () => {
    const names = (await filesWith(machine, marker)).map((path) => path.split("/").at(-1));
    return ["access.log", "error.log"].every((name) => names.includes(name));
  });
});
