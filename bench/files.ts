/** A large file through whole processes, side by side with age. */
import { type Age, prepareAge } from "./age.ts";
import { interleave } from "./rounds.ts";
import { type Job, Runner } from "./runner.ts";
import { type Server, startDaemon } from "./servers.ts";
import type { Row } from "./table.ts";
import { output, type Workspace } from "./workspace.ts";

export const SIZE = 1 << 30;
export const QUICK_SIZE = 1 << 28;
const PIECE = 1 << 24;

/** A program's two commands: each reads standard input or the file that comes last. */
interface Program {
  readonly encrypt: readonly string[];
  readonly decrypt: readonly string[];
  /** What each operation reads. */
  readonly plain: string;
  readonly sealed: string;
  /** The option that names the output, and what it writes for standard output. */
  readonly toFile: (path: string) => readonly string[];
  readonly toStandard: readonly string[];
}

type Operation = "encrypt" | "decrypt";
const OPERATIONS = ["encrypt", "decrypt"] as const satisfies Operation[];

/** A way that data goes in and out. */
interface Way {
  readonly name: string;
  readonly target: number;
  readonly job: (program: Program, operation: Operation, target: string) => Job;
}

const WAYS: readonly Way[] = [
  {
    name: "file to /dev/null",
    target: 1.3,
    job: (program, operation) => ({
      pipeline: [[...program[operation], ...program.toStandard, input(program, operation)]],
    }),
  },
  {
    name: "file to file",
    target: 1.3,
    job: (program, operation, target) => ({
      pipeline: [[...program[operation], ...program.toFile(target), input(program, operation)]],
    }),
  },
  {
    name: "pipe to pipe",
    target: 1,
    job: (program, operation) => ({
      pipeline: [["cat", input(program, operation)], program[operation], ["cat"]],
    }),
  },
];

function input({ plain, sealed }: Program, operation: Operation): string {
  return operation === "encrypt" ? plain : sealed;
}

/** Measures the seconds that a file takes. */
export async function benchFiles(space: Workspace): Promise<Row[]> {
  const size = space.quick ? QUICK_SIZE : SIZE;
  const daemon = await startDaemon(space);
  const age = await prepareAge(space);
  const runner = await Runner.start(space);
  const plain = space.path("plain");
  await writeRandom(plain, size);
  const against = "skip" in age ? `skipped: ${age.skip}` : `age ${age.version}`;
  const programs = {
    ours: ourProgram(space, daemon, plain),
    ...("skip" in age ? {} : { peer: ageProgram(space, age, plain) }),
  };
  for (const program of Object.values(programs)) await prepare(runner, program, space);
  const kind = (await output("stat", ["-f", "-c", "%T", space.directory])).trim();
  console.error(`  ${size / (1 << 20)} MiB of random bytes on ${kind}`);

  const rows: Row[] = [];
  for (const way of WAYS) {
    for (const operation of OPERATIONS) {
      const figures = await measure(space, runner, programs, { way, operation });
      const what = `${operation} ${size / (1 << 20)} MiB, ${way.name}`;
      const target = { ratio: way.target };
      const { ours = [], peer } = figures;
      rows.push({ part: "files", what, unit: "seconds", ours, peer, against, target });
    }
  }
  await runner.stop();
  return rows;
}

/**
 * Else the writing of earlier files to the disk goes on while others are measured, and who writes a
 * file pays for memory that a virtual machine has given back to its host: a second or three for a
 * gigabyte, at random, which says nothing of the program. After a copy it is there.
 */
async function settle(space: Workspace, { plain }: Program): Promise<void> {
  await output("sync", ["-f", space.directory], 120);
  const copy = space.path("copy");
  await output("cp", [plain, copy], 120);
  await removeAll(copy);
}

async function measure(
  space: Workspace,
  runner: Runner,
  programs: Readonly<Record<string, Program>>,
  { way, operation }: { readonly way: Way; readonly operation: Operation },
): Promise<Record<string, number[]>> {
  const target = space.path("output");
  const measures = Object.entries(programs).map(([name, program]) => {
    const job = way.job(program, operation, target);
    return [name, async () => {
      await settle(space, program);
      const { seconds } = await runner.run(job);
      await removeAll(target);
      return seconds;
    }] as const;
  });
  return await interleave(space, space.quick ? 3 : 7, Object.fromEntries(measures));
}

function ourProgram(space: Workspace, { socket }: Server, plain: string): Program {
  return {
    encrypt: [space.crypto, "encrypt", "--socket", socket],
    decrypt: [space.crypto, "decrypt", "--socket", socket],
    plain,
    sealed: space.path("sealed.crypto"),
    toFile: (path) => ["--output", path],
    toStandard: ["--output", "-"],
  };
}

function ageProgram(space: Workspace, { encrypt, decrypt }: Age, plain: string): Program {
  const toFile = (path: string) => ["-o", path];
  return { encrypt, decrypt, plain, sealed: space.path("sealed.age"), toFile, toStandard: [] };
}

/** Makes the encrypted file and checks that it opens to the same bytes. Both are then cached. */
async function prepare(runner: Runner, program: Program, space: Workspace): Promise<void> {
  const opened = space.path("opened");
  const { plain, sealed, encrypt, decrypt, toFile } = program;
  await runner.run({ pipeline: [[...encrypt, ...toFile(sealed), plain]] });
  await runner.run({ pipeline: [[...decrypt, ...toFile(opened), sealed]] });
  await output("cmp", [plain, opened], 120);
  await removeAll(opened);
}

/** Writes a file of random bytes. */
export async function writeRandom(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const piece = new Uint8Array(PIECE);
  for (let written = 0; written < size; written += PIECE) {
    for (let at = 0; at < PIECE; at += 65_536) {
      crypto.getRandomValues(piece.subarray(at, at + 65_536));
    }
    for (let done = 0; done < PIECE;) done += await file.write(piece.subarray(done));
  }
}

async function removeAll(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await Deno.remove(path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}
