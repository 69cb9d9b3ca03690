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
  text({ secrets, bytes }: Usage): string {
    const lines = [...this.#counts].map(([labels, n]) =>
      `crypto_share_requests_total{${labels}} ${n}`
    );
    return [
      "# TYPE crypto_share_requests_total counter",
      ...lines.sort(),
      "# TYPE crypto_share_secrets gauge",
      `crypto_share_secrets ${secrets}`,
      "# TYPE crypto_share_bytes gauge",
      `crypto_share_bytes ${bytes}`,
      "",
    ].join("\n");
  }
}
