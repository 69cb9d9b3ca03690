/** How long a server goes on that nobody uses. */

/** How long is waited for the first page at least, in milliseconds. */
const FIRST = 60_000;

/** Counts the pages that are open, and tells once when none has been for a while. */
export class Life {
  #pages = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param idle milliseconds
   * @param first milliseconds until the first is there, since a browser may have to start
   */
  constructor(
    private readonly idle: number,
    private readonly onUnused: () => void,
    first: number = Math.max(idle, FIRST),
  ) {
    this.#timer = setTimeout(onUnused, first);
  }

  /** A page is open. */
  open(): void {
    clearTimeout(this.#timer);
    this.#pages++;
  }

  /** It is open no more. */
  close(): void {
    if (--this.#pages === 0) this.#wait();
  }

  #wait(): void {
    this.#timer = setTimeout(this.onUnused, this.idle);
  }

  /** Tells nothing any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#pages = Infinity;
  }
}

/** How often a page is told that the server is there, in milliseconds: so a dead one is found. */
const BEAT = 5_000;

/** A response that goes on as long as a page is open, and uses the server meanwhile. */
export function heartbeat(life: Life): ReadableStream<Uint8Array> {
  life.open();
  const beat = new TextEncoder().encode("\n");
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(beat);
      timer = setInterval(() => controller.enqueue(beat), BEAT);
    },
    cancel() {
      clearInterval(timer);
      life.close();
    },
  });
}
