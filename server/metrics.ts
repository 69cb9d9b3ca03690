/**
 * What the daemon counts of itself, for Prometheus (its text format, version 0.0.4). Names of
 * methods, codes and purposes are all that is in it: no key's name, no user, no byte of a request.
 */
import type { ErrorCode } from "../core/errors.ts";
import type { Purpose } from "../core/lifecycle.ts";
import type { ReloadedPart, Stale } from "../core/rpc.ts";
import type { Decision, DecisionLog } from "./audit/log.ts";

/** Upper ends of the buckets of answering times, in seconds. */
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1, Infinity];

/** What is looked up when somebody asks. */
export interface Gauges {
  readonly version: string;
  readonly engine: string;
  readonly connections: number;
  readonly inFlight: number;
  readonly sealed: boolean;
  /** How many keys there are of each purpose, and how many versions of these. */
  readonly keys: ReadonlyMap<Purpose, { readonly keys: number; readonly versions: number }>;
  readonly stale: readonly Stale[];
  /** Seconds since 1970. */
  readonly started: number;
  /** Bytes of memory. */
  readonly resident: number;
}

/** Counters that only grow. */
export class Metrics {
  readonly #requests = new Map<string, Map<ErrorCode | "ok", number>>();
  readonly #answered = BUCKETS.map(() => 0);
  #seconds = 0;
  #logFailures = 0;

  /** Counts what was decided. What could not be written was answered with an error, all of it. */
  logged(decisions: readonly Decision[], isWritten: boolean): void {
    if (!isWritten) this.#logFailures++;
    for (const decision of decisions) {
      const code = isWritten ? decision.error ?? "ok" : "log_unavailable";
      let codes = this.#requests.get(decision.op);
      if (!codes) this.#requests.set(decision.op, codes = new Map());
      codes.set(code, (codes.get(code) ?? 0) + (decision.requests ?? 1));
    }
  }

  /** So many requests were answered that long after they had come. */
  answered(seconds: number, requests: number): void {
    this.#answered[BUCKETS.findIndex((end) => seconds <= end)]! += requests;
    this.#seconds += seconds * requests;
  }

  /** All of it as text. */
  text(gauges: Gauges): string {
    return [
      ...metric("crypto_info", "gauge", "What runs; always 1.", [[
        { version: gauges.version, engine: gauges.engine },
        1,
      ]]),
      ...metric("crypto_requests_total", "counter", "Decisions by method and code.", this.#rows()),
      ...this.#histogram(),
      ...metric("crypto_log_failures_total", "counter", "Groups of lines the log did not take.", [
        [{}, this.#logFailures],
      ]),
      ...gaugeLines(gauges),
      "",
    ].join("\n");
  }

  #rows(): Row[] {
    return [...this.#requests].flatMap(([method, codes]) => {
      return [...codes].map(([code, count]): Row => [{ method, code }, count]);
    });
  }

  #histogram(): string[] {
    const name = "crypto_request_seconds";
    let sum = 0;
    const buckets = BUCKETS.map((end, i) => {
      sum += this.#answered[i]!;
      return `${name}_bucket{le="${end === Infinity ? "+Inf" : end}"} ${sum}`;
    });
    return [
      ...head(name, "histogram", "Time from a request's arrival to its answer."),
      ...buckets,
      `${name}_sum ${this.#seconds}`,
      `${name}_count ${sum}`,
    ];
  }
}

const PARTS: readonly ReloadedPart[] = ["configuration", "policy", "certificates"];
const STALE = "Since when it is older than its file, which has a mistake; 0 if it is not.";

type Row = readonly [labels: Readonly<Record<string, string>>, value: number];

function gaugeLines(gauges: Gauges): string[] {
  const keys = [...gauges.keys];
  const single = (name: string, help: string, value: number) => {
    return metric(name, "gauge", help, [[{}, value]]);
  };
  return [
    ...single("crypto_connections", "Open connections.", gauges.connections),
    ...single("crypto_requests_in_flight", "Requests without an answer.", gauges.inFlight),
    ...single("crypto_sealed", "1 while the key ring is sealed.", Number(gauges.sealed)),
    ...metric(
      "crypto_keys",
      "gauge",
      "Keys.",
      keys.map(([purpose, { keys }]) => {
        return [{ purpose }, keys];
      }),
    ),
    ...metric(
      "crypto_key_versions",
      "gauge",
      "Their versions.",
      keys.map(([purpose, { versions }]) => {
        return [{ purpose }, versions];
      }),
    ),
    ...metric(
      "crypto_stale_since_seconds",
      "gauge",
      STALE,
      PARTS.map((part): Row => {
        const since = gauges.stale.find((one) => one.part === part)?.since;
        return [{ part }, since === undefined ? 0 : Math.floor(Date.parse(since) / 1_000)];
      }),
    ),
    ...single("process_start_time_seconds", "Start, since 1970.", gauges.started),
    ...single("process_resident_memory_bytes", "Memory.", gauges.resident),
  ];
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function metric(name: string, type: string, help: string, rows: readonly Row[]): string[] {
  return [
    ...head(name, type, help),
    ...rows.map(([labels, value]) => {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`;
    }),
  ];
}

/** A log whose decisions are counted, as those that they were answered with. */
export function countedLog(log: DecisionLog, metrics: Metrics): DecisionLog {
  return {
    write(who, decisions) {
      const written = log.write(who, decisions);
      void written.then((isWritten) => metrics.logged(decisions, isWritten));
      return written;
    },
  };
}
