#!/usr/bin/env python3
"""Reads Varve repositories of format 1. Written from docs/format-v1.md alone; shares no code with the program.

Needs Python 3.9 and the zstd command. Exit codes are those of the program: 0, 2, 4, 6, 10, 14.
"""

import argparse
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from reader.check import Check  # noqa: E402
from reader.contents import roots_of, walk  # noqa: E402
from reader.encoding import Damaged, Newer  # noqa: E402
from reader.repository import NoRepository, Repository, Usage, warn  # noqa: E402
from reader.restore import Restore  # noqa: E402

KINDS = "?-dlpscb"


def list_snapshots(repository, _):
    for name, record in repository.records():
        now = repository.labelled(name, record)
        roots = [os.fsdecode(root.path) for root in roots_of(record)]
        print(json.dumps({"id": name, "time": record["time"], "host": record["host"], "roots": roots, **now}))
    return 0


def list_entries(repository, arguments):
    _, record = repository.find(arguments.snapshot)
    roots = roots_of(record)
    code = 0

    def damage(path, error):
        nonlocal code
        code = 4
        warn(f"{os.fsdecode(path)}: {error}")

    for entry in walk(repository, [(root.index, b"", root.node.tree) for root in roots], damage):
        node = entry.node
        size = node.size() if KINDS[node.kind] == "-" else 0
        path = b"/".join([b"", *roots[entry.root].names, entry.path])
        line = f"{KINDS[node.kind]} {node.mode:04o} {node.uid} {node.gid} {size} {node.mtime_ns()} "
        sys.stdout.buffer.write(line.encode() + path + b"\n")
    return code


def restore(repository, arguments):
    _, record = repository.find(arguments.snapshot)
    path = None if arguments.path is None else os.fsencode(arguments.path)
    return Restore(repository, record, arguments.target).run(path)


def check(repository, arguments):
    run = Check(repository, arguments.cut)
    problems = run.run()
    print(json.dumps(run.counts))
    for problem in problems:
        print(problem)
    return 4 if problems else 0


def parse_arguments():
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument("--no-segments", action="store_true", help="never look at segments, but at directories of packs")
    options.add_argument("--salvage", action="store_true", help="look at neither, but at every frame")
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, arguments in (
        ("list", list_snapshots, ["repo"]),
        ("ls", list_entries, ["repo", "snapshot"]),
        ("restore", restore, ["repo", "snapshot", "target"]),
        ("check", check, ["repo"]),
    ):
        command = commands.add_parser(name, parents=[options])
        command.set_defaults(action=action)
        for argument in arguments:
            command.add_argument(argument)
        if name == "restore":
            command.add_argument("--path", help="only what lies there; absolute")
        if name == "check":
            command.add_argument("--cut", action="store_true", help="cut all content again and compare; slow")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        repository = Repository(arguments.repo, not arguments.no_segments, arguments.salvage)
        return arguments.action(repository, arguments)
    except Newer as error:
        warn(f"the repository needs a newer program: {error.args[0]}")
        return 14
    except Damaged as error:
        warn(f"damaged: {error}")
        return 4
    except NoRepository as error:
        warn(str(error))
        return 10
    except Usage as error:
        warn(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
