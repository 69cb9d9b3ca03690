/** Runs on a machine: takes what is sent to a socket, as the journal does, and appends it to a file. */
const [socket = "", file = ""] = Deno.args;

const listener = Deno.listenDatagram({ transport: "unixpacket", path: socket });
// nginx's workers are another user's.
Deno.chmodSync(socket, 0o666);
for await (const [line] of listener) {
  Deno.writeTextFileSync(file, `${new TextDecoder().decode(line)}\n`, { append: true });
}
