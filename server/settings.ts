/** What the configuration file says, now. */
import type { Config } from "./config.ts";

/** The configuration in use, and how it is read again. */
export class Settings {
  #current: Config;

  constructor(private readonly read: () => Config) {
    this.#current = read();
  }

  get current(): Config {
    return this.#current;
  }

  /** @throws {CryptoError} `config`, `unsafe_path`; then the old one stays in use */
  reload(): Config {
    return this.#current = this.read();
  }
}
