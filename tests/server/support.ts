/** A daemon inside the test's own process, with limits small enough to reach. */
import { EMPTY } from "../../core/bytes.ts";
import { userLayout } from "../../core/layout.ts";
import { NO_LINE } from "../../server/audit/chain.ts";
import { HeadPublisher } from "../../server/audit/heads.ts";
import { AuditLog, type AuditTarget } from "../../server/audit/log.ts";
import { Daemon } from "../../server/daemon.ts";
import { DEFAULT_LIMITS, type Limits } from "../../server/limits.ts";
import { type LogLine, Peer, Place, request, type WireAnswer } from "../support/daemon.ts";
import { soon } from "../support/wait.ts";

/** The daemon, its socket and its files. */
export class LocalDaemon implements AsyncDisposable {
  #stopped = false;

  private constructor(
    readonly place: Place,
    private readonly daemon: Daemon,
    /** What it has said by itself. */
    readonly said: readonly string[],
  ) {}

  static async start(limits: Partial<Limits> = {}): Promise<LocalDaemon> {
    const place = new Place();
    place.makeOwn();
    const said: string[] = [];
    const daemon = await Daemon.start({
      layout: userLayout((name) => place.env[name]),
      owner: { uid: Deno.uid() ?? 0 },
      overflow: { uid: 65_534, gid: 65_534 },
      version: "test",
      supervision: { listeners: [] },
      warnings: [],
      limits: { ...DEFAULT_LIMITS, ...limits },
    }, (line) => said.push(line));
    return new LocalDaemon(place, daemon, said);
  }

  get socket(): string {
    return this.place.socket;
  }

  log(): LogLine[] {
    return this.place.log();
  }

  connect(): Promise<Peer> {
    return Peer.connect(this.socket);
  }

  /** Calls methods one after the other on one connection. */
  async call(...calls: readonly (readonly [method: string, params?: object | undefined])[]) {
    using peer = await this.connect();
    const answers: WireAnswer[] = [];
    for (const [i, [method, params]] of calls.entries()) {
      await peer.sendLine(request(i + 1, method, params));
      answers.push(await peer.answer());
    }
    return answers;
  }

  /** Calls one method on a connection of its own. */
  async one(method: string, params?: object): Promise<WireAnswer> {
    return (await this.call([method, params]))[0]!;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await soon("the daemon's stop", this.daemon.stop());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) await this.stop();
    this.place[Symbol.dispose]();
  }
}

/** Takes an audit log's lines in place of a file. */
export function targetOf(write: AuditTarget["write"]): AuditTarget {
  return {
    resume: () => ({ head: NO_LINE, torn: EMPTY, unended: false }),
    write,
    isFull: () => false,
    rotate: () => undefined,
    removeBefore() {},
    sync: () => Promise.resolve(),
    close() {},
  };
}

/** base64url without padding of a text. */
export function base64Url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** For changes of the ring that no log is told of. */
export const unannounced = (): Promise<void> => Promise.resolve();

/**
 * Writes some lines of an audit log, each of which fills a file, of which one older is kept.
 * @param publish takes the heads
 */
export async function goOn(path: string, publish: (line: string) => void): Promise<void> {
  const log = AuditLog.open(path, { limits: { fileBytes: 1, files: 1 } });
  const heads = new HeadPublisher(log, publish, 3_600_000);
  for (let i = 0; i < 2; i++) {
    await log.note({ event: "start", version: "test", pid: Deno.pid });
    await heads.publishNow();
  }
  await heads.stop();
  log.close();
}
