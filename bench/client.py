"""One request to peer.py as a whole process, with the standard library alone.

    python3 client.py SOCKET encrypt|decrypt [TEXT]    without TEXT: standard input
"""

import json
import socket
import sys


def main():
    path, command, *text = sys.argv[1:]
    payload = text[0] if text else sys.stdin.read()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        connection.sendall(json.dumps({"command": command, "payload": payload}).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline())
    if answer["status"] != "success":
        sys.exit(answer["message"])
    print(answer["encrypted" if command == "encrypt" else "decrypted"])


main()
