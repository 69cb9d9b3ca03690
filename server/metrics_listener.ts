/** Answers `GET /metrics` on a socket of its own: as much of HTTP/1.1 as that takes. */
import { type Bytes, concat, EMPTY, utf8 } from "../core/bytes.ts";
import { Acceptor } from "./acceptor.ts";
import { Channel, type ChannelParts } from "./channel.ts";

/** What such a listener works with. */
export interface MetricsListenerParts extends ChannelParts {
  /** What is answered. */
  readonly text: () => string;
}

/** Who asks, asks rarely: Prometheus once in some seconds. */
const MAX_CONNECTIONS = 16;
/** Bytes of a request's head. */
const MAX_HEAD = 8_192;
/** Milliseconds for a request and its answer. */
const PATIENCE = 10_000;
const HEAD_END = "\r\n\r\n";
const TEXT = "text/plain; version=0.0.4; charset=utf-8";

/** Serves one listening descriptor until it is told to stop. */
export class MetricsListener {
  readonly #acceptor: Acceptor;
  readonly #channels = new Set<Channel>();

  constructor(private readonly fd: number, private readonly parts: MetricsListenerParts) {
    this.#acceptor = new Acceptor(fd, parts, (accepted) => this.#admit(accepted));
  }

  /** Accepts no more, and hangs up. */
  stop(): void {
    this.#acceptor.stop();
    for (const channel of this.#channels) channel.destroy();
    this.parts.sockets.close(this.fd);
  }

  /** From here on the channel owns the descriptor. */
  #admit(fd: number): void {
    const channel = new Channel(fd, this.parts);
    if (this.#channels.size >= MAX_CONNECTIONS) return channel.destroy();
    const timer = setTimeout(() => channel.destroy(), PATIENCE);
    let head: Bytes = EMPTY;
    channel.tell({
      willing: true,
      data: (bytes) => {
        head = concat(head, bytes);
        const answer = this.#answer(new TextDecoder("latin1").decode(head));
        if (answer === undefined) return;
        channel.send(utf8(answer));
        channel.end();
      },
      end: () => channel.end(),
      closed: () => {
        clearTimeout(timer);
        this.#channels.delete(channel);
      },
    });
    this.#channels.add(channel);
  }

  /** The answer, once the head of the request is there. */
  #answer(head: string): string | undefined {
    if (head.length > MAX_HEAD) return response("431 Request Header Fields Too Large");
    if (!head.includes(HEAD_END)) return undefined;
    const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/.exec(head) ?? [];
    if (method === undefined) return response("400 Bad Request");
    if (target !== "/metrics") return response("404 Not Found");
    if (method !== "GET") return response("405 Method Not Allowed", "", "Allow: GET\r\n");
    return response("200 OK", this.parts.text());
  }
}

/** A response whose body is ASCII. */
function response(status: string, body = `${status}\n`, headers = ""): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: ${TEXT}\r\nContent-Length: ${body.length}\r\n` +
    `${headers}X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n` +
    `Connection: close\r\n\r\n${body}`;
}
