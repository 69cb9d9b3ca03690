/**
 * Runs on a machine: connects to a port at each of some addresses, which are the machine's own, so
 * that it comes from there; sends some bytes, and holds on until the other end hangs up.
 */
const [port = "", sent = "", ...hostnames] = Deno.args;

/** How many bytes are answered. */
async function hold(hostname: string): Promise<number> {
  using connection = await Deno.connect({ hostname, port: Number(port) });
  let answered = 0;
  try {
    await connection.write(Uint8Array.fromHex(sent));
    const buffer = new Uint8Array(4_096);
    for (let count; (count = await connection.read(buffer)) !== null;) answered += count;
  } catch {
    // Hung up on without a farewell.
  }
  return answered;
}

console.log(JSON.stringify(await Promise.all(hostnames.map(hold))));
