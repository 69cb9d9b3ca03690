/** Moving bytes of any amount through a transformation, in constant memory. */
import { type Bytes, concat, EMPTY } from "../core/bytes.ts";
import type { MessageKeys } from "../core/cobblestone.ts";

/** Bytes to be read, in pieces of any size. */
export interface Source {
  /** Whether reading never waits for anybody, as that of a file. */
  readonly ready?: boolean | undefined;
  /** What any thread may read from instead, if it is ready and the system knows such a number. */
  readonly fd?: number | undefined;
  /** Reads into the buffer: how many bytes, or null at the end. */
  read(buffer: Bytes): Promise<number | null>;
}

/** Where bytes go. The next write comes after the last one has settled. */
export interface Sink {
  /** Whether writing never waits for anybody, as that to a file. */
  readonly ready?: boolean | undefined;
  /** What any thread may write to instead, as in {@link Source}. */
  readonly fd?: number | undefined;
  write(bytes: Bytes): Promise<void>;
}

/** What makes a message of a plaintext, or a plaintext of a message. */
export interface Transform {
  /** What comes out before anything has gone in. */
  readonly prefix: Bytes;
  /** Bytes of input that are best given at once: whole chunks. */
  readonly piece: number;
  /** The most bytes that come out for so many: what `into` has to take. */
  readonly room: number;
  update(bytes: Bytes, into?: Bytes): Promise<Bytes>;
  finish(): Promise<Bytes>;
  /** What another thread makes the same transformation of, if it can work on any piece. */
  readonly body?: (() => Body) | undefined;
}

/** The chunks of a message, and whether they are made or read. */
export interface Body {
  readonly operation: "seal" | "open";
  readonly keys: MessageKeys;
}

/** Reads until the buffer is full or the source has ended. Gives the number of bytes. */
export async function readFull(source: Source, buffer: Bytes): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const n = await source.read(buffer.subarray(length));
    if (n === null) break;
    length += n;
  }
  return length;
}

/** The same at once, from what gives 0 at its end. */
export function readFullNow(read: (buffer: Bytes) => number, buffer: Bytes): number {
  for (let length = 0;;) {
    const n = length < buffer.length ? read(buffer.subarray(length)) : 0;
    if (n === 0) return length;
    length += n;
  }
}

/** Reads at most `length` bytes: fewer only at the end. */
export async function readUpTo(source: Source, length: number): Promise<Bytes> {
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, await readFull(source, buffer));
}

/** A source that gives some bytes first. */
export function prepend(bytes: Bytes, source: Source): Source {
  let rest = bytes;
  return {
    ready: source.ready,
    get fd() {
      return rest.length === 0 ? source.fd : undefined;
    },
    read(buffer) {
      if (rest.length === 0) return source.read(buffer);
      const taken = rest.subarray(0, buffer.length);
      buffer.set(taken);
      rest = rest.subarray(taken.length);
      return Promise.resolve(taken.length);
    },
  };
}

/** A source that can be told that nobody reads on. */
export interface StreamSource extends Source {
  cancel(): Promise<void>;
}

/** The pieces of a web stream as a source. */
export function sourceOf(stream: ReadableStream<Uint8Array>): StreamSource {
  const reader = stream.getReader();
  let rest: Uint8Array = EMPTY;
  return {
    async read(buffer) {
      while (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return null;
        rest = value;
      }
      const taken = rest.subarray(0, buffer.length);
      buffer.set(taken);
      rest = rest.subarray(taken.length);
      return taken.length;
    },
    cancel: () => reader.cancel(),
  };
}

/**
 * Moves everything from a source through a transformation to a sink. `onProgress` is told of the
 * bytes read so far. While one piece is being transformed the next is being read and the last one
 * written, each in a buffer of its own, but for what is ready: there nothing is gained, and what
 * is read or written beside would push the piece out of the cache.
 */
export async function pump(
  { source, transform }: Flow,
  sink: Sink,
  onProgress: (bytes: number) => void = () => {},
): Promise<void> {
  const { piece, room } = transform;
  const inputs = new Buffers(piece, source);
  const outputs = new Buffers(room, sink);
  const read = () => watched(readFull(source, inputs.next()));
  let total = 0;
  let writing = watched(sink.write(transform.prefix));
  let ahead: Promise<number> | undefined = read();
  try {
    for (let length: number; (length = await unlessFailed(ahead ?? read(), writing)) > 0;) {
      const input = inputs.current.subarray(0, length);
      ahead = length < piece ? Promise.resolve(0) : source.ready ? undefined : read();
      const output = await transform.update(input, outputs.next());
      await writing;
      writing = watched(sink.write(output));
      onProgress(total += length);
    }
    const last = await transform.finish();
    await writing;
    await sink.write(last);
  } finally {
    // Nobody may close what is being written to. A read may stay: its source may never go on.
    await Promise.allSettled([writing]);
  }
}

/** The promise itself, whose failure is seen to when its turn comes, not by the runtime. */
export function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** What a promise gives, unless the other fails before. */
function unlessFailed<T>(promise: Promise<T>, other: Promise<unknown>): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    other.catch(reject);
  });
}

/** Two buffers that take turns, or for an end that is ready the same one always. */
class Buffers {
  readonly #buffers: readonly Bytes[];
  #turn = 0;

  constructor(length: number, { ready }: { readonly ready?: boolean | undefined }) {
    this.#buffers = Array.from({ length: ready ? 1 : 2 }, () => new Uint8Array(length));
  }

  get current(): Bytes {
    return this.#buffers[this.#turn]!;
  }

  next(): Bytes {
    this.#turn = (this.#turn + 1) % this.#buffers.length;
    return this.current;
  }
}

/** A transformation and what is to go through it. */
export interface Flow {
  readonly source: Source;
  readonly transform: Transform;
}

/**
 * The result of a transformation as a web stream. It starts when the stream is first read; however
 * it ends, the source is then let go.
 */
export function streamOf(
  source: StreamSource,
  start: (source: Source) => Promise<Flow>,
): ReadableStream<Bytes> {
  return ReadableStream.from(pieces(source, start));
}

async function* pieces(
  input: StreamSource,
  start: (source: Source) => Promise<Flow>,
): AsyncGenerator<Bytes> {
  try {
    const { transform, source } = await start(input);
    if (transform.prefix.length > 0) yield transform.prefix;
    // Used again for each piece. What comes out is the reader's to keep.
    const buffer = new Uint8Array(transform.piece);
    for (let length; (length = await readFull(source, buffer)) > 0;) {
      const output = await transform.update(buffer.subarray(0, length));
      if (output.length > 0) yield output;
    }
    const last = await transform.finish();
    if (last.length > 0) yield last;
  } finally {
    await input.cancel().catch(() => {});
  }
}

/** All bytes of a source, if they are not more than `limit`; undefined if they are. */
export async function readAll(source: Source, limit: number): Promise<Bytes | undefined> {
  const parts: Bytes[] = [];
  for (let length = 0;;) {
    const part = await readUpTo(source, 65_536);
    if (part.length === 0) return concat(...parts);
    parts.push(part);
    if ((length += part.length) > limit) return undefined;
  }
}
