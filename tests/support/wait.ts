/** Waiting for conditions, never for a time. */

/** How long tests wait for what must happen, in milliseconds. */
export const PATIENCE = 20_000;

/** Waits until a condition holds. Throws, naming it, when that takes too long. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patience: number = PATIENCE,
): Promise<void> {
  const deadline = Date.now() + patience;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a promise gives. Throws, naming it, when that takes too long. */
export async function soon<T>(
  what: string,
  promise: Promise<T>,
  patience: number = PATIENCE,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
