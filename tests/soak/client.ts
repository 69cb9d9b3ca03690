/**
 * One process of a soak: clients that encrypt, decrypt and make keys until they are killed, and
 * compare all that comes back. Arguments: the daemon's socket, how many clients, a name for keys.
 * Each line of standard output is a {@link Said}.
 */
import {
  connect,
  CryptoError,
  decryptStream,
  encryptStream,
  type KeyService,
} from "../../client/mod.ts";

/** What a process tells: how much was done, a key that there must be from then on, or a failure. */
export type Said =
  | { readonly done: number; readonly interrupted: number }
  | { readonly key: string; readonly message: string; readonly text: string }
  | { readonly wrong: string };

/** Messages that each client keeps, to ask for again later. */
const KEPT = 200;
/** Some chunks of a message. */
const STREAM_BYTES = 65_536;
const REPORT_EVERY = 10;
/** One act in so many makes a key, of the first client: each key takes some of the daemon's memory. */
const KEY_EVERY = 2_000;
/** What a daemon that is killed may answer; nothing is wrong then, as long as it is not often. */
const INTERRUPTED = ["outcome_unknown", "unavailable", "stopping"];

interface Kept {
  readonly text: string;
  readonly message: string;
}

class Client {
  readonly #kept: Kept[] = [];
  #done = 0;
  #interrupted = 0;

  constructor(
    private readonly service: KeyService,
    private readonly name: string,
    private readonly makesKeys: boolean,
  ) {}

  async work(): Promise<never> {
    for (;;) {
      try {
        await this.#act(++this.#done);
      } catch (error) {
        if (!(error instanceof CryptoError) || !INTERRUPTED.includes(error.code)) throw error;
        this.#interrupted++;
      }
      if (this.#done % REPORT_EVERY === 0) this.#report();
    }
  }

  #report(): void {
    say({ done: REPORT_EVERY, interrupted: this.#interrupted });
    this.#interrupted = 0;
  }

  async #act(number: number): Promise<void> {
    if (this.makesKeys && number % KEY_EVERY === 1) {
      return await this.#makeKey(`${this.name}-${number}`);
    }
    const choice = Math.random();
    if (choice < 0.05) return await this.#stream();
    if (choice < 0.5 || this.#kept.length === 0) return await this.#encrypt();
    await this.#decrypt(this.#kept[Math.floor(Math.random() * this.#kept.length)]!);
  }

  async #encrypt(): Promise<void> {
    const text = `${this.name} ${crypto.randomUUID()} `.repeat(1 + Math.floor(Math.random() * 20));
    const kept = { text, message: await this.service.encrypt(text) };
    if (this.#kept.push(kept) > KEPT) this.#kept.shift();
    await this.#decrypt(kept);
  }

  async #decrypt({ text, message }: Kept): Promise<void> {
    const opened = await this.service.decryptText(message);
    if (opened !== text) throw new Error(`another text came back: ${opened}`);
  }

  async #stream(): Promise<void> {
    const bytes = new Uint8Array(Math.floor(Math.random() * STREAM_BYTES));
    crypto.getRandomValues(bytes);
    const message = encryptStream(this.service, new Blob([bytes]).stream());
    const opened = await new Response(decryptStream(this.service, message)).bytes();
    if (opened.toHex() !== bytes.toHex()) throw new Error("other bytes came back");
  }

  /** It is told only when something can be opened by it, so it must not be lost from then on. */
  async #makeKey(key: string): Promise<void> {
    await this.service.createKey(key, "seal");
    const text = `under ${key}`;
    say({ key, text, message: await this.service.encrypt(text, { key }) });
  }
}

function say(said: Said): void {
  console.log(JSON.stringify(said));
}

const [socket = "", clients = "", name = ""] = Deno.args;
try {
  await Promise.all(Array.from({ length: Number(clients) }, async (_, i) => {
    await new Client(await connect({ socket }), `${name}-${i}`, i === 0).work();
  }));
} catch (error) {
  say({ wrong: `${error instanceof Error ? error.stack : error}` });
}
