"""Runs programs for the benchmarks and measures them, with little of its own in the figures.

Reads jobs from standard input, one line of JSON each, and writes a line for each. A job:

    pipeline  list of command lines; the output of one is the input of the next
    stdin     file to read from [/dev/null], or
    text      what to read
    stdout    file to make and write to [/dev/null], or
    capture   true: give back the output

The answer: seconds, from before the first start to after the last end; processes, a list of status,
rss (its peak, bytes) and cpu (seconds); output and errors as text.
"""

import json
import os
import sys
import time

KIB = 1024
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def open_input(job):
    if "text" not in job:
        return os.open(job.get("stdin", os.devnull), os.O_RDONLY)
    reader, writer = os.pipe()
    os.write(writer, job["text"].encode())
    os.close(writer)
    return reader


def open_output(job):
    if job.get("capture"):
        return os.memfd_create("output")
    return os.open(job.get("stdout", os.devnull), NEW_FILE, 0o600)


def start(command, source, target, errors):
    actions = [(os.POSIX_SPAWN_DUP2, fd, at) for at, fd in enumerate((source, target, errors))]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions)


def start_all(pipeline, source, target, errors):
    pids = []
    for command in pipeline[:-1]:
        reader, writer = os.pipe()
        pids.append(start(command, source, writer, errors))
        os.close(writer)
        os.close(source)
        source = reader
    pids.append(start(pipeline[-1], source, target, errors))
    os.close(source)
    return pids


def wait(pid):
    _, status, usage = os.wait4(pid, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "rss": usage.ru_maxrss * KIB,
        "cpu": usage.ru_utime + usage.ru_stime,
    }


def text_of(fd):
    text = os.pread(fd, 1 << 20, 0).decode(errors="replace")
    os.close(fd)
    return text


def run(job):
    source, target, errors = open_input(job), open_output(job), os.memfd_create("errors")
    started = time.perf_counter()
    pids = start_all(job["pipeline"], source, target, errors)
    processes = [wait(pid) for pid in pids]
    seconds = time.perf_counter() - started
    result = {"seconds": seconds, "processes": processes, "errors": text_of(errors)}
    if job.get("capture"):
        result["output"] = text_of(target)
    else:
        os.close(target)
    return result


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
