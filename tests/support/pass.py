"""Becomes a program that is passed something as its first descriptor, as a service manager would.
Arguments: what, how many it is said to be, the program and its arguments."""
import os, socket, sys


def unix(kind, listens):
    one = socket.socket(socket.AF_UNIX, kind)
    one.bind(f"\0crypto-test-{os.getpid()}")
    if listens:
        one.listen()
    return one.detach()


what, count, *command = sys.argv[1:]
passed = {
    "a listener": lambda: unix(socket.SOCK_STREAM, True),
    "datagrams": lambda: unix(socket.SOCK_DGRAM, False),
    "packets": lambda: unix(socket.SOCK_SEQPACKET, True),
    "a socket that does not listen": lambda: unix(socket.SOCK_STREAM, False),
    "a TCP listener for everybody": lambda: socket.create_server(("", 0)).detach(),
    "a TCP listener": lambda: socket.create_server(("127.0.0.1", 0)).detach(),
    "a file": lambda: os.open("/dev/null", os.O_RDWR),
    "nothing": lambda: None,
}[what]()
if passed is None:
    os.closerange(3, 64)
elif passed != 3:
    os.dup2(passed, 3)
os.set_inheritable(3, True) if passed is not None else None
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count)
os.execvp(command[0], command)
