/** The share server on its embedded store: secrets created and read, over kept connections. */
import { interleave } from "./rounds.ts";
import { benchShareFiles } from "./share_files.ts";
import { ShareLoad } from "./share_load.ts";
import { type ShareServer, startShare } from "./share_server.ts";
import type { Row } from "./table.ts";
import type { Workspace } from "./workspace.ts";

const CONNECTIONS = 8;
const BYTES = 1024;
/** What the project demands. */
const MIN_RATE = 1_000;
const MAX_P99 = 25_000;

/** Measures the server with many small secrets, and the command line with large files. */
export async function benchShare(space: Workspace): Promise<Row[]> {
  const server = await startShare(space);
  return [...await benchPairs(space, server), ...await benchShareFiles(space, server)];
}

/**
 * Measures create, take and acknowledge of 1 KiB, each after the other, on eight connections. What a
 * client would encrypt and hash for it is made before: it is the server that is measured, on a
 * machine that it shares with the clients.
 */
async function benchPairs(space: Workspace, { port }: ShareServer): Promise<Row[]> {
  const load = await ShareLoad.prepare(space, { port, connections: CONNECTIONS, bytes: BYTES });
  const seconds = space.quick ? 2 : 5;
  await load.run(1);
  const { ours } = await interleave(space, space.quick ? 3 : 7, { ours: () => load.run(seconds) });
  const row = { part: "share", against: "embedded store, one process" };
  const what = `create, take, acknowledge ${BYTES / 1024} KiB, ${CONNECTIONS} clients`;
  const seconds1000 = ours.map(({ rate }) => MIN_RATE / rate);
  return [
    { ...row, what, unit: "rate", ours: ours.map(({ rate }) => rate) },
    {
      ...row,
      what: "  seconds for 1,000",
      unit: "seconds",
      ours: seconds1000,
      target: { below: 1 },
    },
    {
      ...row,
      what: "  p99 of all three",
      unit: "micros",
      ours: ours.map(({ p99 }) => p99),
      target: { below: MAX_P99 },
    },
  ];
}
