/** Counts of what was asked and how it was answered. Nothing in them belongs to one secret. */
import type { Usage } from "./store.ts";

/** Counters by operation and HTTP status. */
export class Metrics {
  readonly #counts = new Map<string, number>();

  count(operation: string, status: number): void {
    const labels = `operation="${operation}",status="${status}"`;
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + 1);
  }

  /** All of them, in the text format of Prometheus. */
  text(usage: Usage | undefined): string {
    const lines = [...this.#counts].map(([labels, n]) =>
      `crypto_share_requests_total{${labels}} ${n}`
    );
    const counted = usage ? [...gauge("secrets", usage), ...gauge("bytes", usage)] : [];
    const total = ["# TYPE crypto_share_requests_total counter", ...lines.sort()];
    return [...total, ...counted, ""].join("\n");
  }
}

function gauge(name: keyof Usage, usage: Usage): string[] {
  return [`# TYPE crypto_share_${name} gauge`, `crypto_share_${name} ${usage[name]}`];
}
