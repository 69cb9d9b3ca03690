/** The two servers: the daemon, and the one in Python that it is measured against. */
import { fileURLToPath } from "node:url";
import { cryptographyPython } from "./python.ts";
import type { Companion, Workspace } from "./workspace.ts";

/** How to speak with a server. Requests and answers are lines without their line breaks. */
export interface Dialect {
  encrypt(text: string): string;
  decrypt(message: string): string;
  /** The message that an answer holds. Throws if there is none. */
  message(answer: string): string;
  /** What every answer to a good request of encryption contains. */
  readonly encrypted: string;
  /** What every answer to a good request of decryption contains. */
  decrypted(text: string): string;
}

/** A server that runs. */
export interface Server {
  readonly name: string;
  readonly socket: string;
  readonly pid: number;
  readonly dialect: Dialect;
}

const NATIVE: Dialect = {
  encrypt: (text) => rpc("encrypt", { text }),
  decrypt: (message) => rpc("decrypt", { message, as: "text" }),
  message: (answer) => found(answer, (JSON.parse(answer) as RpcAnswer).result?.message),
  encrypted: '"message":"crypto:v1:',
  decrypted: (text) => `"text":${JSON.stringify(text)}`,
};

const PYTHON: Dialect = {
  encrypt: (payload) => JSON.stringify({ command: "encrypt", payload }),
  decrypt: (payload) => JSON.stringify({ command: "decrypt", payload }),
  message: (answer) => found(answer, (JSON.parse(answer) as PythonAnswer).encrypted),
  encrypted: '"status": "success", "encrypted": "gAAAAA',
  decrypted: (text) => `"status": "success", "decrypted": ${JSON.stringify(text)}`,
};

interface RpcAnswer {
  readonly result?: { readonly message?: string };
}

interface PythonAnswer {
  readonly encrypted?: string;
}

function rpc(method: string, params: Record<string, string>): string {
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
}

function found(answer: string, message: string | undefined): string {
  if (message === undefined) throw new Error(`no message in the answer ${answer.slice(0, 500)}`);
  return message;
}

/** The environment of a daemon of its own directories, which stand in one. */
export async function daemonHome(space: Workspace) {
  const home = space.path(`daemon-${crypto.randomUUID().slice(0, 8)}`);
  await Deno.mkdir(home, { mode: 0o700 });
  return {
    HOME: home,
    XDG_CONFIG_HOME: `${home}/config`,
    XDG_STATE_HOME: `${home}/state`,
    XDG_RUNTIME_DIR: home,
  };
}

/** How a daemon is started. */
export interface DaemonOptions {
  /** Another program than the one that is measured. */
  readonly program?: string;
  /** Text of its policy file, if it is to have one. */
  readonly policy?: string;
  /** Directories in which something has been prepared. */
  readonly prepared?: Awaited<ReturnType<typeof daemonHome>>;
}

/** Starts a daemon of its own directories and waits until it answers. */
export async function startDaemon(
  space: Workspace,
  { program = space.crypto, policy, prepared }: DaemonOptions = {},
): Promise<Server> {
  const env = prepared ?? await daemonHome(space);
  const home = env.HOME;
  if (policy !== undefined) {
    await Deno.mkdir(`${home}/config/crypto`, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(`${home}/config/crypto/policy.toml`, policy, { mode: 0o600 });
  }
  const socket = `${home}/crypto/crypto.sock`;
  const child = space.start(program, ["serve"], { env });
  return await ready({ name: "crypto", socket, dialect: NATIVE }, child);
}

/** Starts the server in Python, or says why it cannot be. */
export async function startPeer(space: Workspace): Promise<Server | { readonly skip: string }> {
  const python = await cryptographyPython();
  if ("skip" in python) return python;
  const script = fileURLToPath(new URL("peer.py", import.meta.url));
  const socket = space.path(`peer-${crypto.randomUUID().slice(0, 8)}.sock`);
  const child = space.start(python.program, [script, socket], { env: python.env });
  return await ready({ name: "Python", socket, dialect: PYTHON }, child);
}

async function ready(
  about: Omit<Server, "pid">,
  { process, complaint }: Companion,
): Promise<Server> {
  const { name, socket, dialect } = about;
  let ended: string | undefined;
  void complaint.then((text) => ended = text);
  for (let i = 0; i < 500 && ended === undefined; i++) {
    const answer = await ask(socket, dialect.encrypt("ready?")).catch(() => "");
    if (answer.includes(dialect.encrypted)) return { ...about, pid: process.pid };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(
    `the ${name} server ${ended === undefined ? "does not answer" : `ended: ${ended}`}`,
  );
}

/** Sends a line over a connection of its own and gives the line that comes back. */
export async function ask(socket: string, line: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path: socket });
  const request = new TextEncoder().encode(line + "\n");
  for (let sent = 0; sent < request.length;) {
    sent += await connection.write(request.subarray(sent));
  }
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  for (let answer = "";;) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error("the server hung up");
    answer += decoder.decode(buffer.subarray(0, length), { stream: true });
    if (answer.endsWith("\n")) return answer.trimEnd();
  }
}

/** Bytes of memory that a process has in use. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
