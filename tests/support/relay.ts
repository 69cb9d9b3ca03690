/**
 * Passes connections on from one address to another. As a program it listens on a Unix socket and
 * connects to a port of the loopback interface: the way into a network namespace.
 *
 * @module
 */

/** What a connection goes through: all of it, unless a test says otherwise. */
export type Line = (from: Deno.Conn, to: Deno.Conn) => Promise<void>;

/** Passes all bytes on in both directions, until both sides have ended. */
export async function pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  await Promise.allSettled([from.readable.pipeTo(to.writable), to.readable.pipeTo(from.writable)]);
}

/** Serves a listener until it is closed. */
export async function relay(
  listener: Deno.Listener,
  connect: () => Promise<Deno.Conn>,
  line: Line = pass,
): Promise<void> {
  for await (const from of listener) void connected(from, connect, line);
}

async function connected(from: Deno.Conn, connect: () => Promise<Deno.Conn>, line: Line) {
  try {
    await line(from, await connect());
  } catch {
    // Who asks sees that the line is cut.
    closeQuietly(from);
  }
}

/** Writes all of the bytes. */
export async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}

/** Closes a connection, which may have been closed. */
export function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It has been.
  }
}

if (import.meta.main) {
  const [path = "", port = ""] = Deno.args;
  const listener = Deno.listen({ transport: "unix", path });
  // It ends with whoever started it, and with it all that runs in its namespace.
  void new Response(Deno.stdin.readable).bytes().then(() => Deno.exit());
  await relay(listener, () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
}
