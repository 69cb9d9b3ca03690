import assert from "node:assert/strict";
import {
  clientSocket,
  type Env,
  parent,
  SYSTEM_LAYOUT,
  userLayout,
  withSocket,
} from "../../core/layout.ts";
import { failsWith } from "./support.ts";

function environment(variables: Record<string, string>): Env {
  return (name) => Object.hasOwn(variables, name) ? variables[name] : undefined;
}

const HOME = environment({ HOME: "/home/a", XDG_RUNTIME_DIR: "/run/user/7" });

Deno.test("the system's layout keeps key, ring and socket in three directories", () => {
  assert.equal(SYSTEM_LAYOUT.mode, "system");
  assert.equal(SYSTEM_LAYOUT.sealingKey, "/etc/crypto/sealing.key");
  assert.equal(SYSTEM_LAYOUT.ring, "/var/lib/crypto/ring");
  assert.equal(SYSTEM_LAYOUT.auditLog, "/var/lib/crypto/audit.log");
  assert.equal(SYSTEM_LAYOUT.socket, "/run/crypto/crypto.sock");
});

Deno.test("a user's layout has the XDG defaults below the home directory", () => {
  const layout = userLayout(HOME);
  assert.equal(layout.mode, "user");
  assert.equal(layout.sealingKey, "/home/a/.config/crypto/sealing.key");
  assert.equal(layout.ring, "/home/a/.local/state/crypto/ring");
  assert.equal(layout.socket, "/run/user/7/crypto/crypto.sock");
  assert.equal(layout.runtimeDirectory, "/run/user/7/crypto");
});

Deno.test("the XDG variables win over the defaults, with or without a slash at the end", () => {
  const layout = userLayout(environment({
    XDG_CONFIG_HOME: "/c/",
    XDG_STATE_HOME: "/s//",
    XDG_RUNTIME_DIR: "/r/",
  }));
  assert.equal(layout.configDirectory, "/c/crypto");
  assert.equal(layout.stateDirectory, "/s/crypto");
  assert.equal(layout.runtimeDirectory, "/r/crypto");
});

Deno.test("relative and empty XDG variables are ignored", () => {
  for (const bad of ["", "relative", "./x", "~/x"]) {
    const layout = userLayout(environment({
      HOME: "/home/a",
      XDG_CONFIG_HOME: bad,
      XDG_STATE_HOME: bad,
      XDG_RUNTIME_DIR: "/r",
    }));
    assert.equal(layout.configDirectory, "/home/a/.config/crypto");
    assert.equal(layout.stateDirectory, "/home/a/.local/state/crypto");
  }
});

Deno.test("without a home directory there is no user layout, unless nothing needs it", () => {
  for (const home of [{}, { HOME: "" }, { HOME: "relative" }]) {
    const env = environment({ ...home, XDG_RUNTIME_DIR: "/r" });
    failsWith("config", () => userLayout(env), JSON.stringify(home));
  }
  const env = environment({ XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s", XDG_RUNTIME_DIR: "/r" });
  assert.equal(userLayout(env).ring, "/s/crypto/ring");
});

Deno.test("without a runtime directory a socket must be named", () => {
  for (const runtime of [{}, { XDG_RUNTIME_DIR: "" }, { XDG_RUNTIME_DIR: "run" }]) {
    const env = environment({ HOME: "/home/a", ...runtime });
    failsWith("config", () => userLayout(env));
    failsWith("config", () => clientSocket(env, { systemConfigured: false }));
    assert.equal(userLayout(env, "/x/y/s.sock").runtimeDirectory, "/x/y");
  }
});

Deno.test("a socket elsewhere moves the runtime directory with its sockets, and nothing else", () => {
  const base = userLayout(HOME);
  const moved = userLayout(HOME, "/else/where.sock");
  assert.deepEqual(moved, {
    ...{ ...base, socket: "/else/where.sock", runtimeDirectory: "/else" },
    ...{ credentialsSocket: "/else/credentials.sock", metricsSocket: "/else/metrics.sock" },
  });
  assert.deepEqual(withSocket(base, "/else/where.sock"), moved);
  assert.equal(withSocket(SYSTEM_LAYOUT, undefined), SYSTEM_LAYOUT);
});

Deno.test("the directory of a path at the root is the root", () => {
  assert.equal(parent("/crypto.sock"), "/");
  assert.equal(parent("/a/b"), "/a");
});

Deno.test("a client goes where it is told, then by environment, then by set-up", () => {
  const both = environment({ CRYPTO_SOCKET: "/env.sock", XDG_RUNTIME_DIR: "/r" });
  const runtime = environment({ XDG_RUNTIME_DIR: "/r" });
  for (const systemConfigured of [true, false]) {
    assert.equal(clientSocket(both, { told: "/told.sock", systemConfigured }), "/told.sock");
    assert.equal(clientSocket(both, { systemConfigured }), "/env.sock");
  }
  assert.equal(clientSocket(runtime, { systemConfigured: true }), SYSTEM_LAYOUT.socket);
  assert.equal(clientSocket(runtime, { systemConfigured: false }), "/r/crypto/crypto.sock");
  assert.equal(
    clientSocket(runtime, { systemConfigured: false }),
    userLayout(withHome(runtime)).socket,
  );
});

/** The same environment with a home directory. */
function withHome(env: Env): Env {
  return (name) => name === "HOME" ? "/home/a" : env(name);
}

Deno.test("an empty CRYPTO_SOCKET is as good as none", () => {
  const env = environment({ CRYPTO_SOCKET: "", XDG_RUNTIME_DIR: "/r" });
  assert.equal(clientSocket(env, { systemConfigured: false }), "/r/crypto/crypto.sock");
});

Deno.test("a configured system is used whatever the environment lacks", () => {
  assert.equal(clientSocket(environment({}), { systemConfigured: true }), SYSTEM_LAYOUT.socket);
});
