/** The last lines of an audit log, and those that come. */
import { type Bytes, concat, EMPTY, fromUtf8 } from "../../core/bytes.ts";
import { openRegular } from "../durable.ts";
import { readLines } from "./lines.ts";
import { type OpenLog, readLine } from "./read.ts";
import { type Filter, matches, showLine } from "./show.ts";

const FIRST_PIECE = 65_536;
const LINE_FEED = 0x0a;
/** How often a followed log is looked at, in milliseconds. */
const LOOK = 200;

/** Which lines are wanted, and how they are shown. */
export interface Selection {
  readonly filter: Filter;
  /** Names of users; without, lines are given as they are. */
  readonly names: ReadonlyMap<number, string> | undefined;
}

/** The line to be shown, if it is wanted. What the daemon did not write is never given as it is. */
function shown(bytes: Bytes, { filter, names }: Selection): string | undefined {
  const line = readLine(bytes);
  if (!line) return names && "(no line of this log: see `crypto audit verify`)";
  if (!matches(filter, line)) return undefined;
  return names ? showLine(line, names) : fromUtf8(bytes).trimEnd();
}

/** The last lines that are wanted. Leaves the newest file at its end. */
export function latest(logs: readonly OpenLog[], count: number, selection: Selection): string[] {
  let found: string[] = [];
  for (const { file } of logs.toReversed()) {
    if (found.length >= count) break;
    found = [...lastOf(file, count - found.length, selection), ...found];
  }
  logs.at(-1)?.file.seekSync(0, Deno.SeekMode.End);
  return found;
}

function lastOf(file: Deno.FsFile, count: number, selection: Selection): string[] {
  const { size } = file.statSync();
  for (let length = FIRST_PIECE;; length *= 4) {
    const start = Math.max(0, size - length);
    file.seekSync(start, Deno.SeekMode.Start);
    const lines = [...readLines(file)].filter((line) => line.at(-1) === LINE_FEED);
    const whole = start === 0 ? lines : lines.slice(1);
    const found = whole.flatMap((line) => shown(line, selection) ?? []);
    if (start === 0 || found.length >= count) return count > 0 ? found.slice(-count) : [];
  }
}

/** Tells lines as they come, also those of the files that come after this one. Never ends. */
export async function follow(
  path: string,
  log: OpenLog,
  selection: Selection,
  tell: (line: string) => void,
): Promise<never> {
  let file = log.file;
  let begun: Bytes = EMPTY;
  for (;;) {
    const next = nextFile(path, file);
    // All of a file is read after it was found to be the last but one.
    for (const piece of readLines(file)) {
      begun = concat(begun, piece);
      if (begun.at(-1) !== LINE_FEED) continue;
      const line = shown(begun, selection);
      if (line !== undefined) tell(line);
      begun = EMPTY;
    }
    if (next) file = next;
    else await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

/** The file that has the name now, if it is another one. */
function nextFile(path: string, file: Deno.FsFile): Deno.FsFile | undefined {
  try {
    const { ino, dev } = file.statSync();
    const now = Deno.lstatSync(path);
    return now.ino === ino && now.dev === dev ? undefined : openRegular(path);
  } catch (error) {
    // Between two files there is none.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
