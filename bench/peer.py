"""The server that the daemon is measured against: the same job, made as one would in Python.

A Unix socket, the peer's credentials from the kernel, lines of JSON, Fernet of pyca/cryptography, a
thread for each connection. It writes no log and has one key, in memory.

    python peer.py SOCKET
"""

import json
import os
import socket
import struct
import sys
import threading

from cryptography.fernet import Fernet, InvalidToken

CREDENTIALS = struct.Struct("iII")


def answer(fernet, line):
    try:
        request = json.loads(line)
        payload = request["payload"].encode()
        if request["command"] == "encrypt":
            return {"status": "success", "encrypted": fernet.encrypt(payload).decode()}
        if request["command"] == "decrypt":
            return {"status": "success", "decrypted": fernet.decrypt(payload).decode()}
        return {"status": "error", "message": "unknown command"}
    except InvalidToken:
        return {"status": "error", "message": "decryption failed"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"status": "error", "message": "invalid request"}


def is_allowed(connection):
    option = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _pid, uid, _gid = CREDENTIALS.unpack(option)
    return uid in (0, os.getuid())


def serve(fernet, connection):
    with connection, connection.makefile("rb") as lines:
        try:
            for line in lines:
                connection.sendall(json.dumps(answer(fernet, line)).encode() + b"\n")
        except OSError:
            pass  # The peer has gone.


def main():
    fernet = Fernet(Fernet.generate_key())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(sys.argv[1])
        listener.listen(1024)
        while True:
            connection, _ = listener.accept()
            if is_allowed(connection):
                threading.Thread(target=serve, args=(fernet, connection), daemon=True).start()
            else:
                connection.close()


main()
