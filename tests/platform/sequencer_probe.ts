/** A thread that takes turns with others, as it is told by its message. */
import { Sequencer } from "../../platform/sequencer.ts";

/** What the thread works on: all of it shared with the others, and nothing of it atomic. */
export interface SequencerTask {
  readonly shared: SharedArrayBuffer;
  /** How many pieces were read; what was written, by number, behind how much there is. */
  readonly read: Int32Array;
  readonly written: Int32Array;
  readonly pieces: number;
  /** The piece that cannot be worked on, if any. */
  readonly bad: number | undefined;
}

const FULL = 10;
const SHORT = 3;

const scope = globalThis as unknown as Worker;
scope.onmessage = ({ data }: MessageEvent<SequencerTask>) => {
  const { shared, read, written, pieces, bad } = data;
  const sequencer = new Sequencer(shared);
  let own = 0;
  const next = () => ++read[0]! < pieces ? FULL : SHORT;
  for (let piece; (piece = sequencer.read(FULL, next)); own++) {
    if (piece.number === bad) {
      sequencer.fail();
      break;
    }
    const { number } = piece;
    sequencer.write(piece, () => written[++written[0]!] = number);
  }
  scope.postMessage(own);
};
