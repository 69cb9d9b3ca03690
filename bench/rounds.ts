/** Measuring side by side: one round of each, then again, so that a slow minute slows both. */
import { busySeconds, processSeconds } from "./processors.ts";
import type { Workspace } from "./workspace.ts";

/** Something to be measured: each call gives the figures of one round. */
export type Measure<T> = () => Promise<T>;

/** What other programs may take of the processors in a round: a share, and some for rounding. */
const QUIET_SHARE = 0.05;
const QUIET_SECONDS = 0.03;

interface Round<K extends string, T> {
  readonly figures: Record<K, T>;
  /** Seconds of processor time that other programs took, beyond what is quiet. */
  readonly disturbance: number;
}

/**
 * Measures every one of `measures` in turn, `rounds` times over. Every other round goes backwards,
 * so that none always has the same one before it. A round in which other programs were busy is
 * measured again, up to twice as many in all; the quietest count.
 */
export async function interleave<K extends string, T>(
  space: Workspace,
  rounds: number,
  measures: Readonly<Record<K, Measure<T>>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(measures) as K[];
  const all: Round<K, T>[] = [];
  const quiet = () => all.filter(({ disturbance }) => disturbance <= 0).length;
  while (quiet() < rounds && all.length < 2 * rounds) {
    const order = all.length % 2 === 0 ? names : names.toReversed();
    all.push(await measureRound(space, order, measures));
  }
  const kept = all.toSorted((a, b) => a.disturbance - b.disturbance).slice(0, rounds);
  space.disturbed += kept.filter(({ disturbance }) => disturbance > 0).length;
  space.rounds += kept.length;
  const pick = (name: K) => [name, kept.map(({ figures }) => figures[name])] as const;
  return Object.fromEntries(names.map(pick)) as Record<K, T[]>;
}

async function measureRound<K extends string, T>(
  space: Workspace,
  order: readonly K[],
  measures: Readonly<Record<K, Measure<T>>>,
): Promise<Round<K, T>> {
  const figures: Partial<Record<K, T>> = {};
  const before = await others(space);
  const started = performance.now();
  for (const name of order) figures[name] = await measures[name]();
  const available = (performance.now() - started) / 1000 * navigator.hardwareConcurrency;
  const taken = await others(space) - before;
  const disturbance = Math.max(0, taken - available * QUIET_SHARE - QUIET_SECONDS);
  return { figures: figures as Record<K, T>, disturbance };
}

/** Seconds of processor time that went to what is not part of this run. */
async function others(space: Workspace): Promise<number> {
  const own = await Promise.all([Deno.pid, ...space.pids].map(processSeconds));
  return await busySeconds() - own.reduce((sum, seconds) => sum + seconds, 0);
}
