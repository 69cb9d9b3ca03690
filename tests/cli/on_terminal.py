"""Runs a program on a terminal of its own, types at it, and tells what became of both.

Reads from standard input {"command", "env", "cwd", "redirect", "steps", "patience"}: "redirect"
maps descriptors to files that replace the terminal, "steps" is a list of {"expect", "send"}, or of
{"expect", "signal"} for what is sent to the program instead.
Writes {"output", "code", "signal", "echo"}; "echo" is whether the terminal shows what is typed.
"""

import json
import os
import pty
import select
import signal
import sys
import termios
import time

job = json.load(sys.stdin)
deadline = time.monotonic() + job["patience"] / 1000


def become_the_program():
    os.chdir(job["cwd"])
    for descriptor, path in job["redirect"].items():
        flags = os.O_RDONLY if descriptor == "0" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, flags, 0o600), int(descriptor))
    os.execvpe(job["command"][0], job["command"], job["env"])


pid, terminal = pty.fork()
if pid == 0:
    become_the_program()

output, steps = b"", list(job["steps"])


def read_some():
    """One piece of what the program writes; none at its end."""
    if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        os.kill(pid, signal.SIGKILL)
        raise SystemExit("waited in vain; so far: " + output.decode(errors="replace"))
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


seen = 0
while piece := read_some():
    output += piece
    while steps and (at := output.find(steps[0]["expect"].encode(), seen)) >= 0:
        step = steps.pop(0)
        seen = at + len(step["expect"].encode())
        if "signal" in step:
            os.kill(pid, signal.Signals[step["signal"]])
        else:
            os.write(terminal, step["send"].encode())

status = os.waitpid(pid, 0)[1]
echo = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
died = os.WIFSIGNALED(status)
json.dump(
    {
        "output": output.decode(errors="replace"),
        "code": None if died else os.WEXITSTATUS(status),
        "signal": signal.Signals(os.WTERMSIG(status)).name if died else None,
        "echo": echo,
        "left": len(steps),
    },
    sys.stdout,
)
