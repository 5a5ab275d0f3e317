"""Held mail without a milter: every few seconds the queue is listed, and what is new on hold is recorded.

Each pass prints one line of JSON: messages on hold, new ones, and the time it took, its commands'
CPU time included.

    poll.py CONFIG_DIRECTORY DATABASE SECONDS    a pass every so many seconds
    poll.py CONFIG_DIRECTORY DATABASE once       one pass over everything that is on hold
"""

import hashlib
import json
import re
import resource
import subprocess
import sys
import time

import psycopg2

KEEP = """
insert into capture (queue_id, sender, recipients, size_bytes, digest, message)
values (%s, %s, %s, %s, %s, %s)
on conflict do nothing
"""
# The mark behind a queue ID tells the queue: `!` is hold (postqueue(1)).
ON_HOLD = re.compile(rb"^([0-9A-Za-z]+)!", re.MULTILINE)
CONTENT = re.compile(rb"^\*\*\* MESSAGE CONTENTS .* \*\*\*\n", re.MULTILINE)
END = re.compile(rb"^\*\*\* HEADER EXTRACTED .* \*\*\*\n", re.MULTILINE)


def main():
    config_directory, database, every = sys.argv[1:]
    connection = psycopg2.connect(database)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("select queue_id from capture")
    known = {queue_id for (queue_id,) in cursor}
    while True:
        began, cpu_before = time.monotonic(), cpu_seconds()
        n_held, n_new = take(config_directory, cursor, known)
        seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu_before
        line = {"held": n_held, "new": n_new, "seconds": seconds, "cpu_seconds": cpu}
        print(json.dumps(line), flush=True)
        if every == "once":
            return
        time.sleep(float(every))


def take(config_directory, cursor, known):
    """One pass: all that is on hold is listed, only what is new is read."""
    listing = run("/usr/sbin/postqueue", "-c", config_directory, "-p")
    held = {queue_id.decode() for queue_id in ON_HOLD.findall(listing)}
    new = held - known
    for queue_id in new:
        try:
            printed = run("/usr/sbin/postcat", "-c", config_directory, "-q", queue_id)
        except subprocess.CalledProcessError:
            # It has left since it was listed.
            continue
        cursor.execute(KEEP, row(queue_id, printed))
        known.add(queue_id)
    # A message that has left never comes back under its ID.
    known &= held
    return len(held), len(new)


def row(queue_id, printed):
    """The envelope stands first, the content between two marks."""
    begin = CONTENT.search(printed)
    # The mark at the end may stand in the content as well.
    end = list(END.finditer(printed))[-1]
    envelope = printed[: begin.start()].splitlines() + printed[end.end() :].splitlines()
    message = printed[begin.end() : end.start()]
    digest = hashlib.sha256(message).digest()
    sender = values(envelope, b"sender: ")[0]
    recipients = values(envelope, b"recipient: ")
    return queue_id, sender, recipients, len(message), digest, message


def values(lines, name):
    """What follows a name, as text: other bytes are shown by their numbers."""
    found = [line.removeprefix(name) for line in lines if line.startswith(name)]
    return [value.decode(errors="backslashreplace") for value in found]


def run(*command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def cpu_seconds():
    """Of this process and of the commands that it ran to their end."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


main()
