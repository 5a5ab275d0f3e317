"""Releases held mail one by one: `postsuper -H`, a delivery at once, and the decision is recorded.

    decide.py CONFIG_DIRECTORY DATABASE < queue IDs, one a line
"""

import subprocess
import sys

import psycopg2

DECIDE = "update capture set decision = 'release', decided_at = now() where queue_id = %s"


def main():
    config_directory, database = sys.argv[1:]
    connection = psycopg2.connect(database)
    connection.autocommit = True
    cursor = connection.cursor()
    for line in sys.stdin:
        queue_id = line.strip()
        run("/usr/sbin/postsuper", "-c", config_directory, "-H", queue_id)
        run("/usr/sbin/postqueue", "-c", config_directory, "-i", queue_id)
        cursor.execute(DECIDE, (queue_id,))


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


main()
