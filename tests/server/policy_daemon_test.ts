/** A policy in force: the compiled daemon, asked by several users. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import type { StatusResult } from "../../core/rpc.ts";
import { callAs, type Heard } from "../support/caller.ts";
import {
  codeOf,
  type DaemonProcess,
  Peer,
  Place,
  request,
  resultOf,
  rpc,
  serveToEnd,
  startDaemon,
  type User,
} from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { SERVICE, startSystemDaemon, SystemPlace } from "../support/system.ts";
import { eventually } from "../support/wait.ts";

const PRODUCER: User = { uid: 61_011, gid: 61_011 };
const READERS = 61_020;
const CONSUMER: User = { uid: 61_012, gid: 61_012, groups: [READERS] };
const MEMBER: User = { uid: 61_013, gid: SERVICE.gid };

const POLICY = `
[keys.default]
encrypt.users = ["producer"]
decrypt.groups = ["readers"]
`;

/** A system with users and groups of these names. */
class PolicyPlace extends SystemPlace {
  constructor(policy?: string) {
    super();
    const users = `producer:x:61011:61011::/:/bin/false\nconsumer:x:61012:61012::/:/bin/false\n`;
    Deno.writeTextFileSync(`${this.directory}/root/etc/passwd`, users, { append: true });
    this.writeGroups("consumer");
    if (policy !== undefined) this.write(policy);
  }

  get policy(): string {
    return `${this.config}/policy.toml`;
  }

  write(policy: string): void {
    Deno.writeTextFileSync(this.policy, policy, { mode: 0o644 });
  }

  /** Gives the group `readers` these members. */
  writeGroups(readers: string): void {
    const path = `${this.directory}/root/etc/group`;
    const others = Deno.readTextFileSync(path).replace(/^readers:.*\n/m, "");
    Deno.writeTextFileSync(path, `${others}readers:x:${READERS}:${readers}\n`);
  }
}

function outcomes({ answers }: Heard): string[] {
  return answers.map(({ error }) => error?.data.code ?? "done");
}

/** Sends SIGHUP and gives what the daemon says of it. */
async function reload(daemon: DaemonProcess): Promise<string> {
  const before = daemon.stderr.length;
  daemon.signal("SIGHUP");
  await eventually("it says what became of it", () => /reloaded/.test(daemon.stderr.slice(before)));
  return daemon.stderr.slice(before);
}

/** What `status` says to somebody that a reload could not take, and where. */
async function staleFor({ socket }: DaemonProcess, user: User | undefined): Promise<string[]> {
  const { answers } = await callAs({ user }, socket, request(1, "status"));
  const { stale } = resultOf(answers[0]) as unknown as Pick<StatusResult, "stale">;
  return stale.map(({ part, since, problem }) => {
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 600_000, since);
    const place = /\/etc\/\S+:\d+/.exec(problem ?? "")?.[0];
    return place === undefined ? part : `${part} ${place}`;
  });
}

const ENCRYPT = request(1, "encrypt", { text: "x" });

await linuxTest(
  "each may what the policy says of it, and nobody else may connect",
  ["setpriv", "mounts"],
  async () => {
    using place = new PolicyPlace(POLICY);
    await using daemon = await startSystemDaemon(place);
    place.openToAll();
    const sealed = await callAs({ user: PRODUCER }, daemon.socket, ENCRYPT);
    const { message } = resultOf(sealed.answers[0]);
    const lines = [
      ENCRYPT,
      request(2, "decrypt", { message, as: "text" }),
      request(3, "envelope.create"),
      request(4, "key.create", { name: "new" }),
      request(5, "key.list"),
    ];
    const ask = async (user?: User) => outcomes(await callAs({ user }, daemon.socket, ...lines));
    assert.deepEqual(await ask(PRODUCER), ["done", "denied", "done", "denied", "done"]);
    assert.deepEqual(await ask(CONSUMER), ["denied", "done", "denied", "denied", "done"]);
    assert.deepEqual(await ask(), ["denied", "denied", "denied", "done", "done"], "root");
    assert.deepEqual(await ask({ ...CONSUMER, groups: [] }), ["denied"], "without the group");
    assert.deepEqual(await ask(MEMBER), ["denied"], "the group of the socket opens no key");
  },
);

await linuxTest(
  "a reload changes what open connections may, and drops none; a broken file changes nothing",
  ["setpriv", "mounts"],
  async () => {
    using place = new PolicyPlace(`[keys.default]\nencrypt.users = ["root"]`);
    await using daemon = await startSystemDaemon(place);
    place.openToAll();
    using peer = await Peer.connect(daemon.socket);
    let id = 0;
    const ask = async () => {
      await peer.sendLine(request(++id, "encrypt", { text: "x" }));
      return await peer.answer();
    };
    resultOf(await ask());
    place.write(`[keys.default]\ndecrypt.users = ["root", "producer"]`);
    resultOf(await ask());
    assert.match(await reload(daemon), /^crypto: reloaded$/m);
    assert.equal(codeOf(await ask()), "denied");
    place.write(`[keys.default]\nencrypt.users = ["root"]\nencrypt.groups = ["nowhere"]`);
    const said = await reload(daemon);
    assert.match(said, /not reloaded: \/etc\/crypto\/policy\.toml:3: /);
    assert.equal(codeOf(await ask()), "denied", "the old one holds");
    assert.deepEqual(await staleFor(daemon, undefined), ["policy /etc/crypto/policy.toml:3"]);
    assert.deepEqual(await staleFor(daemon, PRODUCER), ["policy"], "what is in it is not theirs");
    place.write(`[keys.default]\nencrypt.users = ["root"]`);
    Deno.chmodSync(place.policy, 0o666);
    assert.match(await reload(daemon), /not reloaded: \/etc\/crypto\/policy\.toml: /);
    assert.equal(codeOf(await ask()), "denied", "so it does where others could write the file");
    Deno.removeSync(place.policy);
    assert.match(await reload(daemon), /not reloaded: \/etc\/crypto\/policy\.toml: /);
    assert.equal(codeOf(await ask()), "denied", "and where the file has vanished");
    place.write(`[keys.default]\nencrypt.users = ["root"]`);
    assert.match(await reload(daemon), /^crypto: reloaded$/m);
    assert.deepEqual(await staleFor(daemon, undefined), []);
    resultOf(await ask());
  },
);

await linuxTest(
  "who is taken out of a group keeps it while the process lives, unless groups are checked",
  ["setpriv", "mounts"],
  async () => {
    using place = new PolicyPlace(`[keys.default]\nencrypt.groups = ["readers"]`);
    await using daemon = await startSystemDaemon(place);
    place.openToAll();
    const ask = async () => outcomes(await callAs({ user: CONSUMER }, daemon.socket, ENCRYPT))[0];
    assert.equal(await ask(), "done");
    place.writeGroups("");
    assert.equal(await ask(), "done", "the kernel's word alone");
    place.write(`check_groups = true\n[keys.default]\nencrypt.groups = ["readers"]`);
    assert.match(await reload(daemon), /^crypto: reloaded$/m);
    assert.equal(await ask(), "denied");
    place.writeGroups("consumer");
    await eventually("the group database is read again", async () => await ask() === "done");
    place.writeGroups("producer");
    await eventually("and again", async () => await ask() === "denied");
  },
);

await linuxTest(
  "a daemon does not start with a policy that is broken, or that others could write",
  ["setpriv", "mounts"],
  async () => {
    const start = async (policy: string, mode: number) => {
      using place = new PolicyPlace(policy);
      Deno.chmodSync(place.policy, mode);
      return await serveToEnd({ place, user: SERVICE, wrapper: place.wrapper, args: ["--system"] });
    };
    const broken = await start(`[keys.a]\nencrypt.users = ["nobody-here"]\nx.users = [1]`, 0o644);
    assert.equal(broken.code, ERRORS.config.exit);
    assert.match(broken.stderr, /\/etc\/crypto\/policy\.toml:2: .*\n.* 1 more/);
    const open = await start(POLICY, 0o666);
    assert.equal(open.code, ERRORS.unsafe_path.exit);
    assert.ok(open.stderr.includes(ERRORS.unsafe_path.message), open.stderr);
  },
);

Deno.test("a user's own daemon has its policy in the user's configuration", async () => {
  using place = new Place();
  place.makeOwn();
  const uid = Deno.uid() ?? 0;
  Deno.writeTextFileSync(`${place.config}/policy.toml`, `[keys.other]\nencrypt.users = [${uid}]`);
  await using daemon = await startDaemon({ place });
  assert.equal(codeOf(await rpc(daemon.socket, "encrypt", { text: "x" })), "denied");
  resultOf(await rpc(daemon.socket, "key.create", { name: "other" }));
  resultOf(await rpc(daemon.socket, "encrypt", { text: "x", key: "other" }));
});
