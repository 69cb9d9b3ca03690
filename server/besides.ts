/** What a daemon listens for besides requests. */
import type { Engine } from "../core/engine.ts";
import type { Layout } from "../core/layout.ts";
import { PURPOSES } from "../core/lifecycle.ts";
import type { KeyRing } from "../core/ring.ts";
import { CredentialListener, type CredentialListenerParts } from "./credential_listener.ts";
import { Credentials } from "./credentials.ts";
import type { KeyStore } from "./keystore.ts";
import type { Gauges, Metrics } from "./metrics.ts";
import { MetricsListener } from "./metrics_listener.ts";
import type { Reloads } from "./reloads.ts";
import type { Service } from "./service.ts";
import type { Settings } from "./settings.ts";
import type { DaemonSockets } from "./socket.ts";

/** What the listeners besides the one for requests need. */
export interface BesidesParts extends Omit<CredentialListenerParts, "credentials" | "peers"> {
  readonly layout: Layout;
  readonly version: string;
  readonly service: Service;
  readonly engine: Engine;
  readonly store: KeyStore;
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly reloads: Reloads;
}

/** What listens for other things than requests. */
export interface Beside {
  /** Accepts no more. When it settles, nobody waits for an answer. */
  stop(): void | Promise<void>;
}

/** Listens at those sockets that there are. */
export function listenBesides(claimed: DaemonSockets, parts: BesidesParts): Beside[] {
  const { service, engine, settings, layout, metrics } = parts;
  const { local } = claimed;
  const units = () => settings.current.credentials;
  const credentials = new Credentials({ service, engine, directory: layout.credentials, units });
  const gauges = readGauges(parts);
  return [
    ...local?.credentials === undefined
      ? []
      : [new CredentialListener(local.credentials, { ...parts, credentials, peers: local.peers })],
    ...claimed.metrics === undefined
      ? []
      : [new MetricsListener(claimed.metrics.fd, { ...parts, text: () => metrics.text(gauges()) })],
  ];
}

function readGauges({ version, engine, admission, store, reloads }: BesidesParts): () => Gauges {
  const started = Math.floor(Date.now() / 1_000);
  return () => ({
    version,
    engine: engine.name,
    connections: admission.connections,
    inFlight: admission.unanswered,
    sealed: store.sealed,
    keys: store.sealed ? new Map() : countKeys(store.ring),
    stale: reloads.stale,
    started,
    resident: Deno.memoryUsage().rss,
  });
}

function countKeys({ keys }: KeyRing): Gauges["keys"] {
  return new Map(PURPOSES.map((purpose) => {
    const those = keys.filter((key) => key.purpose === purpose);
    const versions = those.reduce((sum, { versions }) => sum + versions.length, 0);
    return [purpose, { keys: those.length, versions }];
  }));
}
