"""A notify socket: prints each datagram as a line of JSON, until standard input ends.
Argument: a path, or an abstract name after @."""
import json, os, socket, struct, sys, threading, time

name = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind("\0" + name[1:] if name.startswith("@") else name)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print("{}", flush=True)
while True:
    data, ancillary, _, _ = receiver.recvmsg(65536, socket.CMSG_SPACE(12))
    pid = struct.unpack("3i", ancillary[0][2])[0]
    at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    print(json.dumps({"text": data.decode(), "pid": pid, "at": at}), flush=True)
