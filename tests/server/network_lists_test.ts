/** Lists, authorities and certificates that change under a daemon, or are not what they should be. */
import assert from "node:assert/strict";
import { Authority, type Certified, SERVER } from "../support/certificates.ts";
import { codeOf, request, resultOf, serveToEnd } from "../support/daemon.ts";
import { CLIENT, type NetworkDaemon, NetworkPlace, networkTest } from "../support/network.ts";
import { fileURLToPath } from "node:url";
import { pass, relay } from "../support/relay.ts";
import { eventually, soon } from "../support/wait.ts";
import { missing } from "../cli/support.ts";

const ALL = ["URI:spiffe://test/worker"];

/** Reloads; gives what the daemon has said of it. */
async function reload({ process }: NetworkDaemon): Promise<string> {
  const before = process.stderr.length;
  const said = () => process.stderr.slice(before);
  process.signal("SIGHUP");
  await eventually("it says how that went", () => /^crypto: (not )?reloaded/m.test(said()));
  return said();
}

function reasons({ process }: NetworkDaemon): (string | undefined)[] {
  return process.log().filter(({ op }) => op === "connect").map(({ reason }) => reason);
}

/** Runs with a place whose configuration names other authorities and lists. */
async function withLists(
  network: NetworkPlace,
  { ca, revoked }: { readonly ca: string; readonly revoked: string },
  use: (daemon: NetworkDaemon) => Promise<void>,
): Promise<void> {
  network.configure();
  const path = `${network.place.config}/crypto.toml`;
  const { certificate, revoked: own } = network.authority;
  const text = Deno.readTextFileSync(path).replace(`"${certificate}"`, `"${ca}"`);
  Deno.writeTextFileSync(path, text.replace(`"${own}"`, `"${revoked}"`));
  await using daemon = await network.start();
  await use(daemon);
}

/** A file of what others hold. */
function joined(path: string, ...parts: readonly string[]): string {
  Deno.writeTextFileSync(path, parts.map((part) => Deno.readTextFileSync(part)).join(""));
  return path;
}

networkTest("a handshake that a reload has overtaken goes by the new list", async (daemon) => {
  const { authority } = daemon.network;
  const victim = await authority.issue(CLIENT);
  const waiting = await Deno.connect({ hostname: "127.0.0.1", port: daemon.port });
  // Connections are accepted in their order.
  using later = await daemon.connect(victim);
  await later.sendLine(request(1, "status"));
  resultOf(await later.answer());
  await authority.revoke(victim);
  assert.match(await reload(daemon), /^crypto: reloaded/m);
  assert.equal(codeOf(await later.answer()), "tls_refused");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relaying = relay(listener, () => Promise.resolve(waiting), pass);
  const told = await daemon.fate(victim, "-connect", `localhost:${listener.addr.port}`);
  assert.equal(told, "tls_refused");
  await eventually("it is in the log", () => reasons(daemon).includes("revoked"));
  listener.close();
  await relaying.catch(() => undefined);
});

networkTest("a text of which a part is damaged is not loaded", async (daemon) => {
  const { authority } = daemon.network;
  const [victim, good] = [await authority.issue(CLIENT), await authority.issue(CLIENT)];
  const older = Deno.readTextFileSync(authority.revoked);
  // Of two lists of one authority OpenSSL takes the newer one, by the second.
  const made = Math.floor(Date.now() / 1_000);
  await eventually("another second", () => Math.floor(Date.now() / 1_000) > made);
  await authority.revoke(victim);
  const newer = Deno.readTextFileSync(authority.revoked);
  const damaged = [
    older + newer.slice(0, 300),
    older + newer.replace("-----BEGIN", "----BEGIN"),
    older + newer.replace("-----END", "-----EMD"),
    older + newer.replace(/^M/m, "$"),
    newer.slice(0, 300) + older,
  ];
  for (const text of damaged) {
    Deno.writeTextFileSync(authority.revoked, text);
    assert.match(await reload(daemon), /^crypto: not reloaded: network\.revoked/m, text);
  }
  Deno.writeTextFileSync(authority.revoked, older + newer);
  assert.match(await reload(daemon), /^crypto: reloaded/m);
  assert.deepEqual([await daemon.fate(victim), await daemon.fate(good)], ["", "served"]);
  const certificate = `${daemon.network.place.config}/server.crt`;
  Deno.writeTextFileSync(certificate, Deno.readTextFileSync(certificate) + older.slice(0, 90));
  assert.match(await reload(daemon), /^crypto: not reloaded: network\.certificate/m);
});

networkTest("what cannot work is neither loaded nor started with", async (daemon) => {
  const { network } = daemon;
  const { authority, place } = network;
  const client = await authority.issue(CLIENT);
  const other = await Authority.make(`${place.directory}/other`, "other");
  const namesake = await Authority.make(`${place.directory}/namesake`, "test");
  const list = Deno.readTextFileSync(authority.revoked);
  await authority.list(-1);
  const expired = Deno.readTextFileSync(authority.revoked);
  const lists = [expired, ...[other, namesake].map((one) => Deno.readTextFileSync(one.revoked))];
  const bad: readonly (readonly [what: RegExp, list: string, server?: Certified])[] = [
    ...lists.map((text) => [/network\.revoked/, text] as const),
    [/network\.certificate/, list, await authority.issue({ ...SERVER, days: -1 })],
    [/network\.certificate/, list, await authority.issue({ ...SERVER, usage: "clientAuth" })],
  ];
  const set = (text: string, server?: Certified) => {
    Deno.writeTextFileSync(authority.revoked, text);
    network.configure(server);
  };
  for (const [what, ...files] of bad) {
    set(...files);
    const said = await reload(daemon);
    assert.match(said, /^crypto: not reloaded: /m);
    assert.match(said, what);
    assert.equal(await daemon.fate(client), "served");
  }
  await daemon.process.stop();
  for (const [what, ...files] of bad) {
    set(...files);
    const { code, stderr } = await serveToEnd({ place });
    assert.equal(code, 78, stderr);
    assert.match(stderr, what);
  }
});

networkTest("what soon cannot work, or for some alone, is told", async (daemon) => {
  const { authority, place, server } = daemon.network;
  const client = await authority.issue(CLIENT);
  const said = async (what: RegExp) => {
    assert.match(await reload(daemon), what);
    assert.equal(await daemon.fate(client), "served");
    using peer = await daemon.connect(client);
    await peer.sendLine(request(1, "status"));
    const { warnings } = resultOf(await peer.answer()) as { warnings: string[] };
    assert.ok(warnings.some((one) => what.test(`crypto: ${one}`)), warnings.join("\n"));
  };
  const soonOver = await authority.issue({ ...SERVER, days: 0.5 });
  daemon.network.configure(soonOver);
  await said(/^crypto: network\.certificate: by this time tomorrow /m);
  daemon.network.configure();
  await authority.list(0.5);
  await said(/^crypto: network\.revoked: by this time tomorrow /m);
  const other = await Authority.make(`${place.directory}/other`, "other");
  await authority.list();
  const own = Deno.readTextFileSync(authority.certificate);
  joined(authority.certificate, authority.certificate, other.certificate);
  await said(/^crypto: network\.revoked: .*other/m);
  Deno.writeTextFileSync(authority.certificate, own);
  await authority.revoke(server);
  await said(/^crypto: network\.certificate: .*revoked/m);
});

networkTest("an intermediate authority needs its own list, and no root's", async (daemon) => {
  await daemon.process.stop();
  const { network } = daemon;
  const { authority: root, place: { directory } } = network;
  const inter = await Authority.make(`${directory}/inter`, "inter", root);
  const [leaf, victim] = [await inter.issue(CLIENT), await inter.issue(CLIENT)];
  const others = await root.issue(CLIENT);
  await inter.revoke(victim);
  const chain = ["-cert_chain", inter.certificate];
  await withLists(network, { ca: inter.certificate, revoked: inter.revoked }, async (daemon) => {
    const fates = await Promise.all([leaf, victim, others].map((one) => daemon.fate(one)));
    assert.deepEqual(fates, ["served", "", ""]);
    assert.equal(await daemon.fate(leaf, ...chain), "served");
  });
  const both = joined(`${directory}/both.crl`, inter.revoked, root.revoked);
  await withLists(network, { ca: root.certificate, revoked: both }, async (daemon) => {
    assert.equal(await daemon.fate(leaf, ...chain), "served");
    assert.equal(await daemon.fate(victim, ...chain), "");
    Deno.copyFileSync(root.revoked, both);
    assert.match(await reload(daemon), /^crypto: reloaded/m);
    assert.equal(await daemon.fate(leaf, ...chain), "");
    using there = await daemon.connect(others);
    await root.revoke(inter);
    joined(both, inter.revoked, root.revoked);
    assert.match(await reload(daemon), /^crypto: reloaded/m);
    assert.equal(await daemon.fate(leaf, ...chain), "tls_refused");
    await there.sendLine(request(1, "status"));
    resultOf(await there.answer());
    assert.equal(reasons(daemon).at(-1), "revoked");
  });
});

networkTest("a certificate is known by any of many names", async (daemon) => {
  const names = Array.from({ length: 100 }, (_, i) => i % 2 ? `IP:192.0.2.${i}` : `DNS:h${i}.test`);
  const client = await daemon.network.authority.issue({ ...CLIENT, names: names.join() });
  daemon.network.configure(undefined, [...ALL, "DNS:h98.test"]);
  assert.match(await reload(daemon), /^crypto: reloaded/m);
  assert.equal(await daemon.fate(client), "served");
});

const NO_PYTHON = missing("python3");
if (NO_PYTHON) {
  console.log(`SKIP: a client that only asks for new keys costs nothing: ${NO_PYTHON}`);
} else {
  networkTest("a client that only asks for new keys soon costs nothing", async (daemon) => {
    const { certificate, key } = await daemon.network.authority.issue(CLIENT);
    const script = fileURLToPath(new URL("key_updates.py", import.meta.url));
    const args = [script, `${daemon.port}`, certificate, key];
    const command = new Deno.Command("python3", { args, stdin: "piped", stdout: "piped" });
    await using child = command.spawn();
    const { value } = await soon("it is stuck", child.stdout.getReader().read(), 120_000);
    // The end of the line may be written by itself.
    assert.equal(new TextDecoder().decode(value).trim(), "stuck");
    await eventually("the daemon rests", async () => {
      const before = ticks(daemon.process.pid);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return ticks(daemon.process.pid) - before <= 5;
    });
    using peer = await daemon.connect({ certificate, key });
    await peer.sendLine(request(1, "status"));
    resultOf(await peer.answer());
    await child.stdin.close();
  });
}

/** The processor time of a process so far, in hundredths of a second: proc(5). */
function ticks(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
