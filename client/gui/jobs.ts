/**
 * Files on their way through. Browsers send a request's whole body before they read the answer, so
 * a file goes in by one request and comes out by another, as a download that goes to the disk: what
 * is not fetched holds up what is sent, and memory stays constant. The page asks by a third when
 * there is something to fetch, so that what fails at once makes no download.
 */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { newSecret } from "./guard.ts";
import type { FileJob, SendJob } from "./wire.ts";

/** Jobs that have not ended, at most: a page has one at a time, and one that was left ends here. */
const MAX_JOBS = 16;

/** What a job is done by. */
export interface Work {
  /** The bytes that come out. */
  crypt(job: FileJob, input: ReadableStream<Uint8Array>): ReadableStream<Bytes>;
  /** What becomes of what is sent. */
  send(job: SendJob, input: ReadableStream<Uint8Array>): Promise<unknown>;
}

/** The jobs of one page. What goes in and what comes out is asked for once each. */
export class Jobs {
  readonly #waiting = new Map<string, FileJob | SendJob>();
  readonly #passages = new Map<string, Passage>();

  constructor(private readonly work: Work) {}

  /** What it is called in addresses. */
  create(job: FileJob | SendJob): string {
    forgetOldest(this.#waiting);
    forgetOldest(this.#passages)?.abandon();
    const id = newSecret();
    this.#waiting.set(id, job);
    if (job.do !== "send") this.#passages.set(id, new Passage(job));
    return id;
  }

  /** Takes what goes in, to the end. @throws {CryptoError} what failed */
  async input(id: string, body: ReadableStream<Uint8Array>): Promise<unknown> {
    const job = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!job) throw new CryptoError("gui_refused");
    if (job.do === "send") return await this.work.send(job, body);
    await this.#passages.get(id)?.run(this.work.crypt(job, body));
    // One that has failed stays a while: this answer may be lost with what the browser still sends.
    this.#passages.delete(id);
    return {};
  }

  /** Waits until something comes out. @throws {CryptoError} what failed, also afterwards */
  async begun(id: string): Promise<void> {
    const passage = this.#passages.get(id);
    if (!passage) throw new CryptoError("gui_refused");
    await passage.begun;
  }

  /** What comes out, and its name; once. */
  output(
    id: string,
  ): { readonly name: string; readonly stream: ReadableStream<Bytes> } | undefined {
    const passage = this.#passages.get(id);
    const stream = passage?.take();
    return stream && { name: passage!.job.name, stream };
  }
}

/** Makes room where there is none. */
function forgetOldest<V>(jobs: Map<string, V>): V | undefined {
  const [oldest] = jobs;
  if (jobs.size < MAX_JOBS || !oldest) return undefined;
  jobs.delete(oldest[0]);
  return oldest[1];
}

/** One file's way. */
class Passage {
  readonly #begun = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #output: ReadableStream<Bytes> | undefined;

  constructor(readonly job: FileJob) {
    // Whoever asks is told; that nobody does is no second failure.
    this.#ended.promise.catch(() => {});
  }

  /** Settles when something comes out. Rejects with what failed, also what failed afterwards. */
  get begun(): Promise<void> {
    return Promise.race([this.#ended.promise, this.#begun.promise]);
  }

  take(): ReadableStream<Bytes> | undefined {
    const taken = this.#output;
    this.#output = undefined;
    return taken;
  }

  /** Ends with what nobody waits for any more. */
  abandon(): void {
    this.#fail(new CryptoError("io", { hint: "it was ended before all of it was there" }));
  }

  /** Has the stream taken to its end. */
  async run(stream: ReadableStream<Bytes>): Promise<void> {
    const reader = stream.getReader();
    try {
      const first = await Promise.race([reader.read(), this.#ended.promise]);
      if (!first) return;
      this.#output = this.#passing(first, reader);
      this.#begun.resolve();
      await this.#ended.promise;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  #passing(
    first: ReadableStreamReadResult<Bytes>,
    reader: ReadableStreamDefaultReader<Bytes>,
  ): ReadableStream<Bytes> {
    let next: Promise<ReadableStreamReadResult<Bytes>> | undefined = Promise.resolve(first);
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const { done, value } = await (next ?? reader.read());
          next = undefined;
          if (!done) return controller.enqueue(value);
          controller.close();
          this.#ended.resolve();
        } catch (error) {
          // The connection is cut, so that no browser takes the part for the whole.
          controller.error(error);
          this.#fail(error);
        }
      },
      cancel: () => this.abandon(),
    }, { highWaterMark: 0 });
  }

  #fail(error: unknown): void {
    this.#ended.reject(error);
  }
}
