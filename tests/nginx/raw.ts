/**
 * Runs on a machine: sends each text that standard input lists (JSON) as it is, over TLS, over HTTP,
 * and without TLS where that is spoken; all at once, and takes what comes within a second.
 */
const ENOUGH = 1_000;
const [hostname = ""] = Deno.args;
const caCerts = [Deno.readTextFileSync("/etc/ssl/certs/ca-certificates.crt")];

const WAYS: readonly (() => Promise<Deno.Conn>)[] = [
  () => Deno.connectTls({ hostname, port: 443, caCerts }),
  () => Deno.connect({ hostname, port: 443 }),
  () => Deno.connect({ hostname, port: 80 }),
];

/** How many bytes are answered. */
async function send(connect: () => Promise<Deno.Conn>, text: string): Promise<number> {
  const connection = await connect();
  const timer = setTimeout(() => connection.close(), ENOUGH);
  let answered = 0;
  try {
    await connection.write(new TextEncoder().encode(text));
    for await (const piece of connection.readable) answered += piece.length;
  } catch {
    // Closed, by us or by nginx.
  }
  clearTimeout(timer);
  return answered;
}

const texts = JSON.parse(await new Response(Deno.stdin.readable).text()) as string[];
const sent = texts.flatMap((text) => WAYS.map((connect) => send(connect, text)));
console.log(JSON.stringify(await Promise.all(sent)));
