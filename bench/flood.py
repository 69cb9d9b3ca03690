"""Floods the daemon as another user: sends without end, on many connections, and reads what comes.

Arguments: socket, user id, connections, a file with what each sends over and over. Writes a line to
standard output when the first answers have come, and runs until it is ended.
"""

import os
import selectors
import socket
import sys

PIECE = 1 << 16
# So many bytes of answers mean that the daemon is at work for it.
BUSY = 1 << 18


def connect(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.setblocking(False)
    return connection


def send(connection, text, at):
    try:
        return (at + connection.send(text[at : at + PIECE])) % len(text)
    except BlockingIOError:
        return at


def receive(connection):
    try:
        received = len(connection.recv(PIECE))
    except BlockingIOError:
        return 0
    if received == 0:
        sys.exit("flood: the daemon hung up")
    return received


def flood(path, connections, text):
    selector = selectors.DefaultSelector()
    at = {}
    for _ in range(connections):
        connection = connect(path)
        at[connection] = 0
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
    received = 0
    while True:
        for key, events in selector.select():
            connection = key.fileobj
            if events & selectors.EVENT_WRITE:
                at[connection] = send(connection, text, at[connection])
            if events & selectors.EVENT_READ:
                before, received = received, received + receive(connection)
                if before < BUSY <= received:
                    print("flooding", flush=True)


def main(path, uid, connections, file):
    with open(file, "rb") as lines:
        text = lines.read()
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    flood(path, int(connections), memoryview(text))


main(*sys.argv[1:])
