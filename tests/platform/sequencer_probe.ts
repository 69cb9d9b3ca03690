/** A thread that takes turns with others, as it is told by its message. */
import { Sequencer } from "../../platform/sequencer.ts";

/** What the thread works on: all of it shared with the others, and nothing of it atomic. */
export interface SequencerTask {
  readonly shared: SharedArrayBuffer;
  /** How many pieces were read; what was written, by number, behind how much there is. */
  readonly read: Int32Array;
  readonly written: Int32Array;
  readonly pieces: number;
  /** How many threads have a first piece, and of how many: they go on together, or alone with 0. */
  readonly begun: Int32Array;
  readonly threads: number;
  /** The piece that cannot be worked on, if any. */
  readonly bad: number | undefined;
}

const FULL = 10;
const SHORT = 3;

const scope = globalThis as unknown as Worker;
scope.onmessage = ({ data }: MessageEvent<SequencerTask>) => {
  const { shared, read, written, pieces, begun, threads, bad } = data;
  const sequencer = new Sequencer(shared);
  let own = 0;
  const next = () => ++read[0]! < pieces ? FULL : SHORT;
  for (let piece; (piece = sequencer.read(FULL, next)); own++) {
    if (own === 0) meet(begun, threads);
    if (piece.number === bad) {
      sequencer.fail();
      break;
    }
    const { number } = piece;
    sequencer.write(piece, () => written[++written[0]!] = number);
  }
  scope.postMessage(own);
};

/** Waits until so many have come. */
function meet(begun: Int32Array, threads: number): void {
  Atomics.add(begun, 0, 1);
  Atomics.notify(begun, 0);
  for (let here; (here = Atomics.load(begun, 0)) < threads;) Atomics.wait(begun, 0, here);
}
