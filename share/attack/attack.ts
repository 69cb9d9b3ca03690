/** What an attack is. Each gets servers, and throws a {@link Finding} if it succeeds. */

/** What is attacked, and how hard. */
export interface Target {
  /** Base addresses of servers over one store. */
  readonly urls: readonly [string, ...string[]];
  /** Races of each kind. */
  readonly rounds: number;
  /** Attempts by somebody who has the address only. */
  readonly attempts: number;
}

/** One attack. */
export interface Attack {
  /** What must hold in spite of it. */
  readonly name: string;
  readonly run: (target: Target) => Promise<void>;
}

/** An attack that succeeded. */
export class Finding extends Error {}

/** An attack that teaches nothing: the server only says that it is asked too often. */
export class Untried extends Error {}

/** An attack on a part that a server does not have: there is nothing to be tried. */
export class Absent extends Error {}

/** @throws {Finding} */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Finding(otherwise);
}
