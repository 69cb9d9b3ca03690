/** A share server on this machine: the application over a store, and its sweep. */
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { type AppFailure, appFailure, ShareApp } from "./app.ts";
import type { ServerOptions } from "./prepare.ts";
import { type Address, formatAddress, UNIX_PEER } from "./settings.ts";
import { SOCKET_MODE } from "./socket.ts";
import type { Store } from "./store.ts";

/** Well within the ten seconds in which what is erased is to be gone. */
const SWEEP_MILLISECONDS = 3_000;
/** How long a stop waits for what has begun. */
const STOP_MILLISECONDS = 10_000;

/** What failed here, and whether the server is to end for it. */
export interface Failure extends AppFailure {
  readonly isFinal: boolean;
}

type Handler = (request: Request, peer: string) => Promise<Response>;

/** Serves until it is stopped. */
export class ShareServer {
  readonly #app: ShareApp;
  readonly #servers: Deno.HttpServer<Deno.Addr>[];
  readonly origin: string;
  /** Where it listens, with the port that it was given. */
  readonly listening: string;
  /** The same of the second listener. */
  readonly metrics: string | undefined;
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #sweeping: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: Store,
    storage: string | undefined,
    options: ServerOptions,
    private readonly tell: (failure: Failure) => void,
  ) {
    const main = this.#listen(options.listen, (request, peer) => this.#app.handle(request, peer));
    this.listening = formatAddress(main.addr);
    this.origin = options.origin ?? `http://${this.listening}`;
    this.#app = new ShareApp({ ...appSettings(options), ...this.#context(), storage });
    const second = options.metrics &&
      this.#listen(options.metrics, (request) => this.#app.metrics(request));
    this.metrics = second && formatAddress(second.addr);
    this.#servers = second ? [main, second] : [main];
    this.#sweepAndAgain();
  }

  /**
   * Opens the store and listens.
   * @param tell is told of whatever fails here
   * @throws {CryptoError} `io`, `config` where the store or the address cannot be used
   */
  static async start(
    options: ServerOptions,
    tell: (failure: Failure) => void,
  ): Promise<ShareServer> {
    const store = await openStore(options);
    return new ShareServer(store, await store.storageOrigin(), options, tell);
  }

  #context() {
    const onFailure = (failure: AppFailure) => this.#fail(failure);
    return { store: this.store, origin: this.origin, clock: Date.now, onFailure };
  }

  #fail(failure: AppFailure): void {
    this.tell({ ...failure, isFinal: this.store.failed !== undefined });
  }

  #listen(address: Address, handler: Handler): Deno.HttpServer<Deno.NetAddr | Deno.UnixAddr> {
    const onError = (thrown: unknown) => {
      this.#fail(appFailure(asCryptoError(thrown)));
      return new Response(null, { status: 500 });
    };
    const options = { onListen: () => {}, onError };
    try {
      return "path" in address
        ? listenUnix({ ...options, ...address }, handler)
        : Deno.serve({ ...options, ...address }, (request, { remoteAddr }) => {
          return handler(request, remoteAddr.hostname);
        });
    } catch (cause) {
      const hint = "it cannot be listened on: another program may, or you may not use this port";
      throw new CryptoError("config", { subject: formatAddress(address), hint, cause });
    }
  }

  #sweepAndAgain(): void {
    this.#sweeping = this.store.sweep(Date.now()).catch((error) => {
      this.#fail(appFailure(asCryptoError(error)));
    });
    void this.#sweeping.then(() => {
      this.#sweep = setTimeout(() => this.#sweepAndAgain(), SWEEP_MILLISECONDS);
    });
  }

  /** Answers what has begun, and closes the store. */
  async stop(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, STOP_MILLISECONDS);
    await Promise.race([
      Promise.all(this.#servers.map((server) => server.shutdown())),
      late.promise,
    ]);
    clearTimeout(timer);
    await this.#sweeping;
    clearTimeout(this.#sweep);
    await this.store.sweep(Date.now());
    await this.store.close();
  }
}

function listenUnix(options: Deno.ServeUnixOptions, handler: Handler) {
  const server = Deno.serve(options, (request) => handler(request, UNIX_PEER));
  Deno.chmodSync(options.path, SOCKET_MODE);
  return server;
}

/** What only one kind of store needs is loaded for that one. */
async function openStore({ store, settings }: ServerOptions): Promise<Store> {
  if ("aws" in store) {
    const { openAwsStore } = await import("./aws/open.ts");
    return await openAwsStore(store.aws, settings.clientBytes);
  }
  const { EmbeddedStore } = await import("./embedded/store.ts");
  const quotas = { total: settings.diskBytes, perClient: settings.clientBytes };
  return new EmbeddedStore(store.directory, quotas);
}

function appSettings({ settings, proxies }: ServerOptions) {
  const { maxTtl: ttl, maxViews: views, maxBytes: size } = settings;
  const { requestsPerMinute: requests, creationsPerMinute: creations } = settings;
  return {
    allowed: { ttl, views, size },
    managed: settings.managed,
    rates: { requests, creations },
    proxies,
  };
}
