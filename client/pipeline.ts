/** Asking about many values: several at once, answers in order, in constant memory. */

/** The most values that wait for their answers, and the most bytes of them. */
const MAX_WAITING = 256;
const MAX_BYTES = 8_388_608;

/** Values that come at once or one after the other. */
export type Values<T> = Iterable<T> | AsyncIterable<T>;

/** What to do with each value. */
export interface Work<T, R> {
  readonly act: (value: T) => Promise<R>;
  /** Bytes of a value, about. */
  readonly size: (value: T) => number;
}

interface Waiting<R> {
  readonly outcome: Promise<PromiseSettledResult<R>>;
  readonly size: number;
}

/**
 * Gives what becomes of each value, in the order of the values, as soon as it is known: one that
 * fails does not stop the others, and who waits for an answer before the next value gets it.
 */
export async function* pipelined<T, R>(
  values: Values<T>,
  { act, size }: Work<T, R>,
): AsyncGenerator<PromiseSettledResult<R>> {
  const waiting: Waiting<R>[] = [];
  let bytes = 0;
  const iterator = each(values);
  let next: Promise<IteratorResult<T>> | undefined = iterator.next();
  try {
    while (next || waiting.length > 0) {
      const full = waiting.length >= MAX_WAITING || bytes >= MAX_BYTES;
      const turn = await firstOf(full ? undefined : next, waiting[0]?.outcome);
      if ("status" in turn) {
        bytes -= waiting.shift()!.size;
        yield turn;
      } else if (turn.done) {
        next = undefined;
      } else {
        waiting.push({ outcome: settled(act(turn.value)), size: size(turn.value) });
        bytes += waiting.at(-1)!.size;
        next = iterator.next();
      }
    }
  } finally {
    next?.catch(() => {});
    // Not waited for: a source that gives nothing would never end.
    iterator.return(undefined).catch(() => {});
  }
}

async function* each<T>(values: Values<T>): AsyncGenerator<T, undefined> {
  for await (const value of values) yield value;
}

/** What is there first. One of the two is. */
function firstOf<A, B>(one: Promise<A> | undefined, other: Promise<B> | undefined) {
  return Promise.race([one, other].filter((promise) => promise !== undefined));
}

async function settled<R>(promise: Promise<R>): Promise<PromiseSettledResult<R>> {
  const [outcome] = await Promise.allSettled([promise]);
  return outcome;
}
