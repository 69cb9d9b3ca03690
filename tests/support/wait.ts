/** Waiting for conditions, never for a time. */

/** How long tests wait for what must happen, in milliseconds. */
export const PATIENCE = 20_000;

const POLL = 5;
const TICK = 100;

/**
 * Calls back when something takes too long, unless it is disposed of before. Only time in which
 * this process ran is counted: a machine that stands still, as busy virtual ones do, does not
 * make anything late.
 */
export function whenLate(patience: number, act: () => void): Disposable {
  let left = Math.ceil(patience / TICK);
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    act();
  }, TICK);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Waits until a condition holds. Throws, naming it, when that takes too long. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patience: number = PATIENCE,
): Promise<void> {
  let late = false;
  using _ = whenLate(patience, () => late = true);
  while (!await condition()) {
    if (late) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL));
  }
}

/** What a promise gives. Throws, naming it, when that takes too long. */
export async function soon<T>(
  what: string,
  promise: Promise<T>,
  patience: number = PATIENCE,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  using _ = whenLate(patience, () => late.reject(new Error(`waited in vain for ${what}`)));
  return await Promise.race([promise, late.promise]);
}
