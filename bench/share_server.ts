/** A share server to be measured. */
import type { Workspace } from "./workspace.ts";

/** One that runs. */
export interface ShareServer {
  readonly port: number;
  readonly pid: number;
}

/** Starts one over a store in the workspace, and waits until it listens. */
export async function startShare(space: Workspace): Promise<ShareServer> {
  const limits = ["--requests-per-minute", "10000000", "--creations-per-minute", "10000000"];
  const where = ["--listen", "127.0.0.1:0", "--data", space.path("data")];
  const { process } = space.start(space.crypto, ["share", "serve", ...where, ...limits]);
  return { port: await portOf(process.pid), pid: process.pid };
}

/** The port that a process listens on, once it does. */
export async function portOf(pid: number): Promise<number> {
  for (let i = 0; i < 500; i++) {
    const port = await listeningPort(pid).catch(() => undefined);
    if (port !== undefined) return port;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the server does not listen");
}

async function listeningPort(pid: number): Promise<number | undefined> {
  const links = Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => {
    return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
  });
  const lines = (await Deno.readTextFile("/proc/net/tcp")).split("\n").map((l) =>
    l.trim().split(/\s+/)
  );
  const LISTEN = "0A";
  const own = lines.find((l) => l[3] === LISTEN && links.includes(`socket:[${l[9]}]`));
  return own && parseInt(own[1]!.split(":")[1]!, 16);
}
