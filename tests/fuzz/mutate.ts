/** Inputs that are nearly right: the same ones again for the same seed. */
import { type Bytes, concat, utf8 } from "../../core/bytes.ts";

/** A source of numbers that can be had again. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1: mulberry32, by Tommy Ettinger, in the public domain. */
  fraction(): number {
    let t = this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** One of some. */
  of<T>(some: readonly T[]): T {
    return some[this.below(some.length)]!;
  }
}

/** What parsers stumble over. */
const WORDS = [
  ..."{}[]\",:\\\n\r\t .=#'/%&<>~-_+".split(""),
  ...[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e309",
    "1.5",
    "9007199254740993",
    "18446744073709551616",
  ],
  ...["__proto__", "constructor", "toString", '{"a":', "[[", '""', "\\u0000", "\\ud800", "\\u202e"],
  ...["../", "..\\", "C:", "\0", "\u{1f600}", "\u202e", "%23", "%2f", "A", "==", "crypto:v1:"],
].map(utf8);
const BYTES = [0, 1, 0x0a, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0xc0, 0xed, 0xf4, 0xff];
const MOST_CHANGES = 4;
const LONGEST_REPEAT = 64;

type Change = (input: Bytes, chance: Chance, others: readonly Bytes[]) => Bytes;

function splice(input: Bytes, at: number, removed: number, added: Bytes): Bytes {
  return concat(input.subarray(0, at), added, input.subarray(at + removed));
}

function range(input: Bytes, chance: Chance): [at: number, length: number] {
  const at = chance.below(input.length + 1);
  return [at, chance.below(Math.min(input.length - at, 1 << chance.below(12)) + 1)];
}

function setByte(input: Bytes, chance: Chance, change: (byte: number) => number): Bytes {
  if (input.length === 0) return input;
  const changed = input.slice();
  const at = chance.below(input.length);
  changed[at] = change(changed[at]!);
  return changed;
}

const CHANGES: readonly Change[] = [
  (input, chance) => setByte(input, chance, (byte) => byte ^ (1 << chance.below(8))),
  (input, chance) => setByte(input, chance, () => chance.of(BYTES)),
  (input, chance) => setByte(input, chance, (byte) => byte + 1),
  (input, chance) => splice(input, ...range(input, chance), chance.of(WORDS)),
  (input, chance) => splice(input, chance.below(input.length + 1), 0, chance.of(WORDS)),
  (input, chance) => splice(input, ...range(input, chance), new Uint8Array()),
  (input, chance) => {
    const [at, length] = range(input, chance);
    const part = input.subarray(at, at + length);
    const times = 1 + chance.below(part.length > LONGEST_REPEAT ? 1 : LONGEST_REPEAT);
    return splice(input, at, 0, concat(...Array<Bytes>(times).fill(part)));
  },
  (input, chance, others) => {
    const other = chance.of(others);
    const [at, length] = range(other, chance);
    return splice(input, ...range(input, chance), other.subarray(at, at + length));
  },
  (input, chance) => input.slice(0, chance.below(input.length + 1)),
];

/** One of some inputs, changed in some places. */
export function mutate(inputs: readonly Bytes[], chance: Chance): Bytes {
  let input = chance.of(inputs);
  for (let left = 1 + chance.below(MOST_CHANGES); left > 0; left--) {
    input = chance.of(CHANGES)(input, chance, inputs);
  }
  return input;
}
