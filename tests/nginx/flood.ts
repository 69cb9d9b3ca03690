/**
 * Runs on a machine: sends a daemon a line that is far longer than any may be, and only then reads.
 * Prints the answer, and whether the other end listened so long.
 */
const [hostname = "", port = "", identity = ""] = Deno.args;
const [cert = "", key = "", ca = ""] = ["cert", "key", "ca"].map((name) => {
  return Deno.readTextFileSync(`${identity}/${name}.pem`);
});
const PIECE = new Uint8Array(65_536).fill(0x78);
/** More than the buffers on the way hold. */
const PIECES = 200;

const connection = await Deno.connectTls({
  hostname,
  port: Number(port),
  cert,
  key,
  caCerts: [ca],
});
const buffer = new Uint8Array(65_536);
let [answer, listened] = ["", false];
try {
  for (let i = 0; i < PIECES; i++) await connection.write(PIECE);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    answer += new TextDecoder().decode(buffer.subarray(0, count));
  }
  listened = true;
} catch {
  // Reset: what is not listened to is answered so.
}
console.log(JSON.stringify([listened, answer]));
Deno.exit();
