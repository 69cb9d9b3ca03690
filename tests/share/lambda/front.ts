/** HTTP for functions in the emulator: what a function URL does, over several instances. */
import { Buffer } from "node:buffer";
import type { Answer } from "../../../share/lambda/event.ts";
import type { AwsServices } from "../../support/aws.ts";
import { type InstanceOptions, LambdaInstance, type LambdaParts } from "../../support/lambda.ts";
import { KINDS } from "./support.ts";

/** What Lambda itself takes in one event. */
const LARGEST_EVENT = 6_291_456;

/** What the front is made of. */
export interface FrontOptions extends Omit<InstanceOptions, "env"> {
  readonly parts: LambdaParts;
  readonly services: AwsServices;
  /** The name of the table and of the bucket. */
  readonly name: string;
  readonly instances?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly kind?: keyof typeof KINDS;
}

/** A function behind an address. */
export class LambdaFront implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #make: (typeof KINDS)[keyof typeof KINDS]["make"];
  instances: readonly LambdaInstance[] = [];
  /** What the function is told by its environment. */
  env: Readonly<Record<string, string>> = {};
  #idle: LambdaInstance[] = [];
  readonly #waiting: ((instance: LambdaInstance) => void)[] = [];

  private constructor({ kind = "a function URL's" }: FrontOptions) {
    this.#make = KINDS[kind].make;
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request, { remoteAddr }) => {
      return this.#answer(request, remoteAddr.hostname);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  static async start(options: FrontOptions): Promise<LambdaFront> {
    const front = new LambdaFront(options);
    const { parts, directory, timeout, services, name, instances = 1 } = options;
    const env = {
      ...services.env,
      DYNAMODB_TABLE: name,
      S3_BUCKET: name,
      CRYPTO_SHARE_ORIGIN: front.url,
      CRYPTO_SHARE_REQUESTS_PER_MINUTE: "10000000",
      CRYPTO_SHARE_CREATIONS_PER_MINUTE: "10000000",
      ...options.env,
    };
    front.env = env;
    const one = { directory, env, ...timeout === undefined ? {} : { timeout } };
    front.instances = await Promise.all(
      Array.from({ length: instances }, () => LambdaInstance.start(parts, one)),
    );
    front.#idle = [...front.instances];
    return front;
  }

  async #answer(request: Request, peer: string): Promise<Response> {
    const event = this.#eventOf(request, await request.bytes(), peer);
    if (JSON.stringify(event).length > LARGEST_EVENT) return new Response(null, { status: 413 });
    const text = await this.invoke(event);
    const answer = text.startsWith("{") ? JSON.parse(text) as Partial<Answer> : {};
    if (answer.statusCode === undefined) return new Response(text, { status: 502 });
    const { body = "", isBase64Encoded, headers = {}, statusCode: status } = answer;
    const bytes = new Uint8Array(Buffer.from(body, isBase64Encoded ? "base64" : "utf8"));
    return new Response(bytes.length === 0 ? null : bytes, { status, headers });
  }

  #eventOf({ method, url, headers }: Request, bytes: Uint8Array, peer: string) {
    const { pathname: path, searchParams } = new URL(url);
    const isText = /^(text\/|application\/json)/.test(headers.get("content-type") ?? "");
    const body = Buffer.from(bytes).toString(isText ? "utf8" : "base64");
    return this.#make({
      ...{ method, path, peer, query: [...searchParams], isBase64Encoded: !isText },
      headers: Object.fromEntries(Array.from(headers, ([name, value]) => [name, [value]])),
      body: bytes.length === 0 ? undefined : body,
    });
  }

  /** Gives an event to an instance that is idle, as soon as there is one. */
  async invoke(event: unknown): Promise<string> {
    const instance = this.#idle.pop() ??
      await new Promise<LambdaInstance>((resolve) => this.#waiting.push(resolve));
    try {
      return await instance.invoke(event);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(instance);
      else this.#idle.push(instance);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const instance of this.instances) await instance[Symbol.asyncDispose]();
    await this.#server.shutdown();
  }
}
