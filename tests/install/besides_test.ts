/** What the service does besides answering requests, on a real systemd: secrets for units, and metrics. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { BootedSystem } from "../support/booted.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram } from "../support/process.ts";

const SETTING = "LoadCredential=db-password:/run/crypto/credentials.sock";
const CONFIG = '[credentials]\ndb-password = ["app.service"]\n';

/** A unit that gives away the hash of its secret. */
const UNIT = `[Service]
Type=oneshot
${SETTING}
DynamicUser=yes
ExecStart=sh -c "sha256sum <$CREDENTIALS_DIRECTORY/db-password"
`;
/** As docs/operations.md has it: in a network of its own, the port is free. */
const METRICS = `[Socket]
ListenStream=127.0.0.1:9187
FileDescriptorName=metrics
Service=crypto.service
`;
/** EXIT_CREDENTIALS of systemd.exec(5). */
const NO_CREDENTIALS = "243";

await linuxTest(
  "a unit starts with its secret, no other does; metrics are had by a socket that is handed over",
  ["root", "systemd", "python3"],
  async () => {
    await using system = await BootedSystem.boot({
      "crypto": compiledProgram(),
      "credential.py": fileURLToPath(new URL("../support/credential.py", import.meta.url)),
    });
    await system.must(["/opt/crypto", "install"]);
    const message = "/etc/crypto/credentials/db-password.crypto";
    const encrypt = `crypto encrypt --context credential/db-password --output ${message}`;
    await system.sh(`mkdir /etc/crypto/credentials; printf secret | ${encrypt}`);
    await system.sh(`printf '%s' '${CONFIG}' >/etc/crypto/crypto.toml`);
    for (const name of ["app.service", "other.service"]) {
      await system.sh(`printf '%s' '${UNIT}' >/etc/systemd/system/${name}`);
    }
    await system.sh("systemctl reload crypto.service; systemctl daemon-reload");
    await system.must(["systemctl", "start", "app.service"]);
    const hash = (await system.sh("printf secret | sha256sum")).trim();
    assert.ok((await system.sh("journalctl -q -o cat -u app.service")).includes(hash));

    assert.notEqual((await system.run(["systemctl", "start", "other.service"])).code, 0);
    assert.equal(await system.property("other.service", "ExecMainStatus"), NO_CREDENTIALS);

    const forge = ["python3", "/opt/credential.py", "/run/crypto/credentials.sock"];
    const address = "f3a5cf2b05b7d1a6/unit/app.service/db-password";
    const group = (await system.sh("getent group crypto-service")).split(":")[2]!;
    const member = await system.must([...forge, address, "61100", group]);
    assert.deepEqual(JSON.parse(member), { length: 0, text: "" });
    assert.notEqual((await system.run([...forge, address, "61100", "61100"])).code, 0);

    const log = await system.sh("grep credential /var/lib/crypto/audit.log");
    const told = log.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(told.map(({ uid, unit, error }) => [uid, unit, error]), [
      [0, "app.service", undefined],
      [0, "other.service", "denied"],
      [61_100, undefined, "denied"],
    ]);

    // The service that is not there is started for it.
    await system.sh("systemctl stop crypto.service; systemctl start app.service");
    await system.must(["systemctl", "is-active", "crypto.service"]);

    await system.sh(`printf '%s' '${METRICS}' >/etc/systemd/system/crypto-metrics.socket`);
    await system.sh(
      "systemctl daemon-reload; systemctl stop crypto.service; " +
        "systemctl start crypto-metrics.socket crypto.service",
    );
    const read =
      "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9187/metrics').read().decode())";
    const metrics = await system.must(["python3", "-c", read]);
    assert.match(metrics, /^crypto_keys\{purpose="seal"\} 1$/m);
    await system.sh(
      "systemctl stop crypto-metrics.socket; rm /etc/systemd/system/crypto-metrics.socket",
    );

    const said = await system.run(["/opt/crypto", "uninstall"]);
    assert.equal(said.code, 0, said.stderr);
    assert.match(said.stderr, /\/etc\/crypto\/credentials/);
    await system.must(["test", "-e", "/etc/crypto/credentials/db-password.crypto"]);
    assert.notEqual((await system.run(["test", "-e", "/run/crypto"])).code, 0);
  },
);
