"""Runs a program and writes the most memory it had, in bytes, to a file.

Usage: peak.py FILE COMMAND...
"""

import os
import sys

target, *command = sys.argv[1:]
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
with open(target, "w") as file:
    file.write(str(usage.ru_maxrss * 1024))
sys.exit(os.waitstatus_to_exitcode(status))
