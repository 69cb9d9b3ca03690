/** Whether two lists of figures differ: the rank sum test of Mann and Whitney. */

/**
 * How many standard deviations the ranks of `b` lie from those of `a`: 0 where neither tends to be
 * larger.
 */
export function rankDifference(a: readonly number[], b: readonly number[]): number {
  const all = [
    ...a.map((value) => ({ value, own: false })),
    ...b.map((value) => ({ value, own: true })),
  ];
  all.sort((x, y) => x.value - y.value);
  let sum = 0;
  for (const [rank, { own }] of all.entries()) if (own) sum += rank + 1;
  const u = sum - b.length * (b.length + 1) / 2;
  const pairs = a.length * b.length;
  return (u - pairs / 2) / Math.sqrt(pairs * (a.length + b.length + 1) / 12);
}
