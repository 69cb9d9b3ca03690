/** What a daemon takes of Windows: TLS on loopback is all that it is reached by. */
import { CryptoError } from "../core/errors.ts";
import { EventLoop } from "../platform/eventloop.ts";
import { holdFile } from "../platform/hold.ts";
import { SelectPoller } from "../platform/select.ts";
import { prepareToAsk } from "../platform/trust_windows.ts";
import { WindowsSockets } from "../platform/winsock.ts";
import type { MetricsAddress } from "./config.ts";
import { loadDpapi } from "./dpapi.ts";
import { type DaemonSockets, listenForMetrics } from "./socket.ts";
import type { System, SystemOptions } from "./system.ts";

/** Makes it. It needs `ffi`. */
export function windowsSystem({ credential }: SystemOptions): System {
  const sockets = new WindowsSockets();
  prepareToAsk();
  return {
    sockets,
    loop: new EventLoop(new SelectPoller()),
    credential: credential === undefined ? undefined : loadDpapi()(credential),
    claim: (metrics) => ({ metrics: metrics && claimMetrics(metrics, sockets) }),
    lock: (path) => void holdFile(path),
    openTcp: () => sockets,
  };
}

function claimMetrics(address: MetricsAddress, tcp: WindowsSockets): DaemonSockets["metrics"] {
  if (address !== "unix") return listenForMetrics(address, tcp);
  const hint = "there are no such sockets on Windows: give 127.0.0.1:PORT or [::1]:PORT";
  throw new CryptoError("config", { subject: "metrics.listen", hint });
}
