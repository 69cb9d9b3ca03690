"""Runs a program whose standard input and output are non-blocking pipes, slowly fed and read.

Usage: nonblocking.py INPUT OUTPUT COMMAND... Ends with the program's status.
"""

import os
import subprocess
import sys
import threading

source, target, *command = sys.argv[1:]
PIECE = 50_000


def pipe(end):
    """A pipe of which one end, the program's, does not block."""
    ends = os.pipe()
    os.set_blocking(ends[end], False)
    return ends


input_read, input_write = pipe(0)
output_read, output_write = pipe(1)
child = subprocess.Popen(command, stdin=input_read, stdout=output_write)
os.close(input_read)
os.close(output_write)


def feed():
    with open(source, "rb") as file, os.fdopen(input_write, "wb", buffering=0) as to:
        while piece := file.read(PIECE):
            to.write(piece)


feeding = threading.Thread(target=feed)
feeding.start()
with os.fdopen(output_read, "rb", buffering=0) as output, open(target, "wb") as file:
    while piece := output.read(PIECE):
        file.write(piece)
        # A slow reader: what it has read is on the disk before it reads on.
        os.fsync(file.fileno())
feeding.join()
sys.exit(child.wait())
