/** Runs on a machine: a name server (RFC 1035) to which every name is the machine itself. */
const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 53 });
const HEADER = 12;
const A_RECORD = 1;
/** A pointer to the name that was asked, type A, class IN, a minute, four bytes: 127.0.0.1. */
const RECORD = [0xc0, HEADER, 0, A_RECORD, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];

for await (const [query, from] of socket) {
  const end = query.indexOf(0, HEADER) + 5;
  const answers = query[end - 3] === A_RECORD ? 1 : 0;
  const head = [...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0];
  const question = query.subarray(HEADER, end);
  await socket.send(new Uint8Array([...head, ...question, ...(answers ? RECORD : [])]), from);
}
