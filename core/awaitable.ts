/**
 * Values that may be there already. Waiting for such a one takes longer than much of what is done
 * with it.
 */

/** A value that is there, or will be. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Goes on with a value: at once if it is there.
 * @throws whatever `next` does, if it goes on at once; else the promise rejects with that
 */
export function after<T, R>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<R>,
): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
