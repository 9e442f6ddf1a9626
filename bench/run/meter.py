"""meter.py RESULT COMMAND…: runs a command and writes what it cost to RESULT as JSON.

wait4() gives the sums of user and system time over the process and all it waited for, and the peak memory of the
largest single one of them (never less than this program's own 10 MB or so).
"""

import json
import os
import sys
import time

result, command = sys.argv[1], sys.argv[2:]
begun = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - begun
code = os.waitstatus_to_exitcode(status)
unit = 1 if sys.platform == "darwin" else 1024
with open(result, "w") as out:
    json.dump(
        {
            "wall": wall,
            "user": usage.ru_utime,
            "system": usage.ru_stime,
            "peak": usage.ru_maxrss * unit,
            "exit": code,
        },
        out,
    )
