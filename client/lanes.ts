/**
 * One message on two threads, between ends that never make anybody wait: each thread reads a piece,
 * encrypts or decrypts it and writes it, in turns (`platform/sequencer.ts`). What comes out of a
 * message is the same as on one thread, and of a bad one no more.
 */
import type { Engine } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import { LANE } from "../core/privileges.ts";
import { LANE_WORKER } from "../core/roles.ts";
import { Pipes } from "../platform/files.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { dropLibraryPermission } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { Sequencer } from "../platform/sequencer.ts";
import { RoleWorker, runRole } from "../platform/worker.ts";
import type { Job } from "./crypt.ts";
import { transformOf } from "./message.ts";
import { type Body, type Flow, pump, readFullNow } from "./stream.ts";

/** What a thread works with. */
export interface LaneTools {
  readonly engine: Engine;
  readonly pipes: Pipes;
  /** Told of the bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** Where a message comes from or goes to, for any thread. */
interface End {
  readonly fd: number;
  /** For messages to people. */
  readonly name: string;
}

/** What a thread is to do. */
interface LaneTask {
  readonly body: Body;
  readonly input: End;
  readonly output: End;
  /** What the threads' {@link Sequencer}s share. */
  readonly shared: SharedArrayBuffer;
}

/** Runs in the worker. */
export function runLaneRole(): void {
  forbidCoreDumps();
  const pipes = new Pipes();
  const engine = loadLibcrypto();
  dropLibraryPermission();
  // The main thread works with this one, and another would take other pieces.
  if (!engine) throw new CryptoError("config", { subject: "libcrypto" });
  runRole<LaneTask, void>((lane) => run(lane, new Sequencer(lane.shared), { engine, pipes }));
}

/** The other thread. */
export class SecondLane {
  private constructor(private readonly role: RoleWorker<LaneTask, void>) {}

  /** Starts it, where there is a processor for it and it can be: without it all works as well. */
  static async start(script: string): Promise<SecondLane | undefined> {
    if (Deno.build.os !== "linux" || navigator.hardwareConcurrency < 2) return undefined;
    const options = { script, name: LANE_WORKER, permissions: LANE };
    try {
      return new SecondLane(await RoleWorker.startFirst<LaneTask, void>(options));
    } catch {
      return undefined;
    }
  }

  /** As {@link pump}, on both threads if the ends and the message allow it. */
  async pump(flow: Flow, { input, output }: Job, tools: LaneTools): Promise<void> {
    const [from, to] = [flow.source.fd, output.fd];
    const body = flow.transform.body?.();
    if (!body || from === undefined || to === undefined) {
      return await pump(flow, output, tools.onProgress);
    }
    await output.write(flow.transform.prefix);
    const ends = { input: { fd: from, name: input.name }, output: { fd: to, name: output.name } };
    const sequencer = new Sequencer();
    const lane = { body, ...ends, shared: sequencer.shared };
    const outcomes = await Promise.allSettled([
      this.role.ask(lane),
      run(lane, sequencer, tools),
    ]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** Takes one piece after the other, until there is none or a thread has failed. */
async function run(
  { body, input, output }: LaneTask,
  sequencer: Sequencer,
  { engine, pipes, onProgress }: LaneTools,
): Promise<void> {
  try {
    const transform = transformOf(body, engine);
    const buffer = new Uint8Array(transform.piece);
    const room = new Uint8Array(transform.room);
    const fill = () => readFullNow((rest) => pipes.readNow(input.fd, rest, input.name), buffer);
    for (let piece; (piece = sequencer.read(buffer.length, fill));) {
      onProgress?.(piece.number * buffer.length + piece.length);
      transform.seek(piece.number);
      const parts = [await transform.update(buffer.subarray(0, piece.length), room)];
      if (piece.isLast) parts.push(await transform.finish());
      sequencer.write(piece, () => {
        for (const part of parts) pipes.writeNow(output.fd, part, output.name);
      });
    }
  } catch (error) {
    sequencer.fail();
    throw error;
  }
}
