/** Files that have changed, where no signal says so: on Windows, which has none for that. */
import { ifThere } from "../platform/durable.ts";

/** How often they are looked at, in milliseconds. */
const INTERVAL = 2_000;

/** Looks at files again and again until it is told to stop. */
export class Changes {
  readonly #timer: ReturnType<typeof setInterval>;
  #state: string;

  /** @param onChange is called after one of them was made, changed or removed */
  constructor(
    private readonly paths: readonly string[],
    onChange: () => void,
    interval = INTERVAL,
  ) {
    this.#state = this.#look();
    this.#timer = setInterval(() => {
      const state = this.#look();
      if (state === this.#state) return;
      this.#state = state;
      onChange();
    }, interval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Changes whenever one of the files does. */
  #look(): string {
    return this.paths.map((path) => {
      const { ino, size, mtime } = ifThere(() => Deno.statSync(path)) ?? {};
      return [ino, size, mtime?.getTime()].join(" ");
    }).join(";");
  }
}
