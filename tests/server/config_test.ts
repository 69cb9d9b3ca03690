import assert from "node:assert/strict";
import { type CryptoError, ERRORS } from "../../core/errors.ts";
import {
  type Config,
  defaultOf,
  type NumberSection,
  parseConfig,
  readConfig,
  SETTINGS,
} from "../../server/config.ts";
import { DEFAULT_AUDIT_LIMITS } from "../../server/audit/files.ts";
import { DEFAULT_LIMITS, type Limits } from "../../server/limits.ts";
import { placeNetwork, readAddress } from "../../server/network.ts";
import { failsWith } from "../core/support.ts";
import { Place, serveToEnd } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";

const PATH = "/etc/crypto/crypto.toml";
const UID = Deno.uid() ?? 0;

function limits(text: string): Limits {
  return parseConfig(text, PATH).limits;
}

/** The error of a configuration that is wrong. */
function refused(text: string): CryptoError {
  try {
    parseConfig(text, PATH);
  } catch (error) {
    assert.equal((error as CryptoError).code, "config", text);
    return error as CryptoError;
  }
  throw new Error(`taken: ${text}`);
}

Deno.test("what the file does not set is the default", () => {
  for (const text of ["", "# nothing", "[limits]", "[limits]\n# idle_seconds = 5"]) {
    assert.deepEqual(limits(text), DEFAULT_LIMITS);
  }
});

Deno.test("a setting changes its limit alone; seconds are milliseconds there", () => {
  assert.deepEqual(limits("[limits]\nidle_seconds = 60"), { ...DEFAULT_LIMITS, idle: 60_000 });
  assert.deepEqual(limits("limits.connections = 2_000"), { ...DEFAULT_LIMITS, connections: 2_000 });
});

const DEFAULTS: Config = {
  limits: DEFAULT_LIMITS,
  audit: DEFAULT_AUDIT_LIMITS,
  credentials: new Map(),
  metrics: undefined,
  network: { clients: [] },
};
const SECTIONS = Object.keys(SETTINGS) as NumberSection[];

/** The value of a field of a section. */
function fieldOf(text: string, section: NumberSection, field: string): number | undefined {
  return new Map(Object.entries(parseConfig(text, PATH)[section])).get(field);
}

Deno.test("every field has one setting, and its default is within its bounds", () => {
  for (const section of SECTIONS) {
    const fields = Object.values(SETTINGS[section]).map(({ field }) => field);
    assert.deepEqual(fields.toSorted(), Object.keys(DEFAULTS[section]).toSorted());
    for (const [name, setting] of Object.entries(SETTINGS[section])) {
      const value = defaultOf(section, setting);
      assert.ok(value >= setting.min && value <= setting.max, name);
      assert.deepEqual(parseConfig(`[${section}]\n${name} = ${value}`, PATH), DEFAULTS, name);
    }
  }
});

Deno.test("a setting is taken at its bounds and refused beyond them", () => {
  for (const section of SECTIONS) {
    for (const [name, { field, min, max }] of Object.entries(SETTINGS[section])) {
      const scale = name.endsWith("_seconds") ? 1_000 : 1;
      for (const value of [min, max]) {
        assert.equal(fieldOf(`[${section}]\n${name} = ${value}`, section, field), value * scale);
      }
      for (const value of [min - 1, max + 1, -min, `${max}${"0".repeat(30)}`]) {
        const { subject, hint } = refused(`[${section}]\n${name} = ${value}`);
        assert.equal(subject, `${PATH}:2: ${section}.${name}`);
        assert.ok(hint.includes(`${min} to ${max}`), hint);
      }
    }
  }
});

Deno.test("what is no whole number is refused", () => {
  for (const value of ["60.0", '"60"', "true", "[60]", "{ a = 1 }", "inf", "nan", "1979-05-27"]) {
    assert.equal(
      refused(`[limits]\nidle_seconds = ${value}`).subject,
      `${PATH}:2: limits.idle_seconds`,
    );
  }
});

Deno.test("an error names the file, the line, the key and what is allowed", () => {
  const unknown = refused("# limits\n\n[limits]\nconnections = 5\nidle = 5\n");
  assert.equal(unknown.subject, `${PATH}:5: limits.idle`);
  for (const name of Object.keys(SETTINGS.limits)) assert.ok(unknown.hint.includes(name));
  assert.equal(refused("\n[limit]\n").subject, `${PATH}:2: limit`);
  assert.equal(refused("idle_seconds = 5").subject, `${PATH}:1: idle_seconds`);
  assert.equal(refused("\nlimits = 5").subject, `${PATH}:2: limits`);
  assert.equal(refused("[[limits]]").subject, `${PATH}:1: limits`);
  assert.equal(refused("\nlimits.'odd' = 5").subject, `${PATH}:2: limits.odd`);
});

Deno.test("what is no TOML is refused with its line", () => {
  for (const line of ["idle_seconds 5", "idle_seconds = ", "= 5", "[limits", "a = 1\na = 2"]) {
    const { subject } = refused(`[limits]\n# fine\n${line}`);
    assert.match(subject!, /^\/etc\/crypto\/crypto\.toml:[34]$/, line);
  }
});

Deno.test("names that every object has are no settings", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    refused(`[limits]\n${name} = 5`);
    refused(`[${name}]\nconnections = 5`);
  }
});

Deno.test("credentials are for units that are named in full", () => {
  const text = '[credentials]\ndb-password = ["app.service", "a@b\\\\x2d1.service"]\nnone = []\n';
  const { credentials } = parseConfig(text, PATH);
  assert.deepEqual(Object.fromEntries(credentials), {
    "db-password": ["app.service", "a@b\\x2d1.service"],
    "none": [],
  });
  const wrong = [
    '"app.service"',
    "[1]",
    '["app"]',
    '["*.service"]',
    '["/app.service"]',
    '["x.timer"]',
  ];
  for (const units of wrong) {
    const { subject } = refused(`[credentials]\nok = []\ndb = ${units}`);
    assert.equal(subject, `${PATH}:3: credentials.db`, units);
  }
  for (const name of ['".hidden"', '"a/b"', '""', '"a b"', `"${"x".repeat(65)}"`]) {
    refused(`[credentials]\n${name} = []`);
  }
});

Deno.test("metrics are for this machine alone", () => {
  const listen = (value: string) => parseConfig(`[metrics]\nlisten = ${value}`, PATH).metrics;
  assert.equal(parseConfig("[metrics]", PATH).metrics, undefined);
  assert.equal(listen('"unix"'), "unix");
  assert.deepEqual(listen('"127.0.0.1:9187"'), { host: "127.0.0.1", port: 9_187 });
  assert.deepEqual(listen('"[::1]:0"'), { host: "[::1]", port: 0 });
  const wrong = ["9187", '""', '"127.0.0.1"', '"127.0.0.1:65536"', '"0.0.0.0:1"', '"[::]:1"'];
  for (const value of [...wrong, '"localhost:1"', '"unix:/run/x"', "true", '["127.0.0.1:1"]']) {
    assert.equal(
      refused(`[metrics]\nlisten = ${value}`).subject,
      `${PATH}:2: metrics.listen`,
      value,
    );
  }
  assert.equal(refused("[metrics]\nport = 1").subject, `${PATH}:2: metrics.port`);
});

/** A file as one finds it, at its path. */
async function withFile(text: string | Uint8Array, use: (path: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctc-" });
  try {
    const path = `${directory}/crypto.toml`;
    if (typeof text === "string") await Deno.writeTextFile(path, text);
    else await Deno.writeFile(path, text);
    use(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a file that is not there sets nothing", () =>
  withFile("", (path) => {
    assert.deepEqual(readConfig(`${path}.absent`, UID), parseConfig("", PATH));
    assert.deepEqual(readConfig(`${path}.absent`, UID).limits, DEFAULT_LIMITS);
  }));

Deno.test("a file that others could write, or that is none, is refused", () =>
  withFile("[limits]\nconnections = 7\n", (path) => {
    assert.equal(readConfig(path, UID).limits.connections, 7);
    for (const mode of [0o620, 0o602, 0o666]) {
      Deno.chmodSync(path, mode);
      failsWith("unsafe_path", () => readConfig(path, UID), mode.toString(8));
    }
    Deno.chmodSync(path, 0o644);
    Deno.symlinkSync(path, `${path}.link`);
    failsWith("unsafe_path", () => readConfig(`${path}.link`, UID));
    Deno.mkdirSync(`${path}.directory`);
    failsWith("unsafe_path", () => readConfig(`${path}.directory`, UID));
  }));

await linuxTest(
  "a file of another user is refused, and root's is taken",
  ["root"],
  () =>
    withFile("", (path) => {
      Deno.chownSync(path, 61_009, 0);
      failsWith("unsafe_path", () => readConfig(path, 61_001));
      readConfig(path, 61_009);
      Deno.chownSync(path, 0, 0);
      readConfig(path, 61_001);
    }),
);

Deno.test("what is no text, or far too long, is refused", async () => {
  await withFile(new Uint8Array([0x23, 0xff]), (path) => {
    failsWith("config", () => readConfig(path, UID));
  });
  await withFile("#".repeat(65_537), (path) => failsWith("config", () => readConfig(path, UID)));
});

Deno.test("a daemon does not start with a configuration that is wrong, and says where", async () => {
  using place = new Place();
  place.makeOwn();
  Deno.writeTextFileSync(`${place.config}/crypto.toml`, "[limits]\nidle_seconds = 0\n");
  const { code, stderr } = await serveToEnd({ place });
  assert.equal(code, ERRORS.config.exit);
  assert.ok(stderr.includes(`${place.config}/crypto.toml:2: limits.idle_seconds`), stderr);
});

Deno.test("the table of docs/operations.md is the table of settings", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (\S+) \| (\S+) to (\S+) \| (.+) \|$/gm)];
  const number = (text = "") => Number(text.replaceAll(",", ""));
  const documented = rows.map(([, name, value, min, max, meaning]) => {
    return [name, number(value), number(min), number(max), meaning];
  });
  const settings = SECTIONS.flatMap((section) => {
    return Object.entries(SETTINGS[section]).map(([name, setting]) => {
      const { unit, min, max, meaning } = setting;
      return [name, defaultOf(section, setting), min, max, `${unit} ${meaning}`];
    });
  });
  assert.deepEqual(documented, settings);
});

Deno.test("the section of the network says where, with which files and for whom", () => {
  const text = `[network]
listen = "tls://[::1]:7400"
certificate = "server.crt"
clients = ["URI:spiffe://a/b", "DNS:b.test", "SHA256:${"0a".repeat(32)}"]`;
  const { network } = parseConfig(text, PATH);
  assert.equal(network.listen, "tls://[::1]:7400");
  assert.deepEqual([network.certificate, network.key], ["server.crt", undefined]);
  assert.equal(network.clients.length, 3);
  assert.deepEqual(parseConfig("", PATH).network, { clients: [] });
});

Deno.test("what is wrong in the section of the network is named with its line", () => {
  const wrong = [
    'listen = "tls://localhost:1"',
    'listen = "127.0.0.1:1"',
    "listen = 7400",
    "certificate = 1",
    'key = ""',
    'lists = "x"',
    'clients = "URI:x"',
    'clients = ["worker"]',
    'clients = ["DNS:"]',
    'clients = ["SHA256:00"]',
  ];
  for (const line of wrong) {
    const { subject } = refused(`[network]\n${line}`);
    assert.ok(subject?.startsWith(`${PATH}:2: network.`), subject);
  }
  refused("network = 1");
});

Deno.test("where to listen is an address and a port, and every file is named", () => {
  const place = (config: object, told?: string) => {
    return placeNetwork({ clients: [], ...config }, told, { directory: "/nowhere", uid: UID });
  };
  assert.equal(place({}), undefined);
  assert.deepEqual(readAddress("tls://[::]:0"), { host: "::", port: 0 });
  for (
    const told of ["tls://localhost:1", "tls://1.2.3.4", "tls://1.2.3.4:65536", "1.2.3.4:5", ""]
  ) {
    failsWith("usage", () => readAddress(told));
  }
  failsWith("config", () => place({ listen: "tls://127.0.0.1:0" }));
  const missing = { certificate: "a/b", key: "a/b", ca: "a/b" };
  failsWith("config", () => place(missing, "tls://127.0.0.1:0"));
});
