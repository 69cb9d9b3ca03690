/** The rows of the report: two sets of figures, the ratio of their medians, and the target. */

/** What must hold for a row, if anything. */
export type Target =
  /** Ours must be at least this many times as good as the peer's. */
  | { readonly ratio: number }
  /** Ours must be below this. */
  | { readonly below: number }
  /** Ours should be below this; nothing depends on it. */
  | { readonly aim: number };

/** Something measured, here and in a peer, some rounds each. */
export interface Row {
  readonly part: string;
  readonly what: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  /** Absent where there is nothing to compare with. */
  readonly peer?: readonly number[] | undefined;
  /** Who the peer is, or why there is none. */
  readonly against?: string | undefined;
  readonly target?: Target | undefined;
}

/** What figures are stored as, and whether more of it is better. */
const UNITS = {
  rate: { more: true, show: (perSecond: number) => `${group(Math.round(perSecond))}/s` },
  micros: { more: false, show: (us: number) => us < 1000 ? `${us.toFixed(0)} µs` : millis(us) },
  seconds: { more: false, show: (s: number) => s < 0.1 ? millis(s * 1e6) : `${s.toFixed(2)} s` },
  bytes: { more: false, show: (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB` },
  times: { more: false, show: (times: number) => `${times.toFixed(2)}×` },
} as const;

/** The kinds of figures that there are. */
export type Unit = keyof typeof UNITS;

/** A row with what follows from it. */
export interface Result extends Row {
  readonly median: number;
  readonly peerMedian?: number | undefined;
  /** How many times as good ours is: above 1 is better than the peer. */
  readonly ratio?: number | undefined;
  /** Undefined where there is no target, or no peer to compare with. */
  readonly met?: boolean | undefined;
}

/** The middle one, or the mean of the two in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Works out medians, ratio and verdict. */
export function evaluate(row: Row): Result {
  const own = median(row.ours);
  const peerMedian = row.peer && row.peer.length > 0 ? median(row.peer) : undefined;
  const ratio = peerMedian === undefined
    ? undefined
    : UNITS[row.unit].more
    ? own / peerMedian
    : peerMedian / own;
  return { ...row, median: own, peerMedian, ratio, met: verdict(own, ratio, row.target) };
}

function verdict(own: number, ratio: number | undefined, target: Target | undefined) {
  if (target === undefined) return undefined;
  if ("below" in target) return own < target.below;
  if ("aim" in target) return own < target.aim;
  return ratio === undefined ? undefined : ratio >= target.ratio;
}

/** The table as text, with a heading. */
export function format(heading: string, results: readonly Result[]): string {
  const head = ["", "crypto", "peer", "", "ratio", "target", "met"];
  const lines = [head, ...results.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => width(line[column]))));
  const text = lines.map((line) => line.map((cell, i) => pad(cell, widths[i] ?? 0, i)).join("  "));
  return [heading, ...text.map((line) => `  ${line}`.trimEnd())].join("\n") + "\n";
}

function cells({ what, unit, median, peerMedian, ratio, target, met, against }: Result): string[] {
  const { show } = UNITS[unit];
  return [
    what,
    show(median),
    peerMedian === undefined ? "" : show(peerMedian),
    against ?? "",
    ratio === undefined ? "" : ratio.toFixed(2),
    target === undefined ? "" : describe(target, show),
    target === undefined ? "" : met === undefined ? "?" : met ? "yes" : isAim(target) ? "no" : "NO",
  ];
}

function describe(target: Target, show: (figure: number) => string): string {
  if ("ratio" in target) return `≥ ${target.ratio}`;
  return "below" in target ? `< ${show(target.below)}` : `aim: ${show(target.aim)}`;
}

/** Whether a target is only aimed at. */
export function isAim(target: Target | undefined): boolean {
  return target !== undefined && "aim" in target;
}

function width(cell: string | undefined): number {
  return cell?.length ?? 0;
}

/** Words to the left, figures to the right. */
function pad(cell: string, to: number, column: number): string {
  return [0, 3, 6].includes(column) ? cell.padEnd(to) : cell.padStart(to);
}

function millis(us: number): string {
  return `${(us / 1000).toFixed(us < 100_000 ? 2 : 0)} ms`;
}

function group(whole: number): string {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}
