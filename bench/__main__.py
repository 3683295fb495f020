"""Run the benchmarks that are named, or all of them."""

import asyncio
import importlib
import sys

import uvloop

NAMES = (
    "channels",
    "connections",
    "directory",
    "edge",
    "fleet",
    "handshakes",
    "notifications",
    "requests",
    "secured",
    "storm",
    "system",
)


def main() -> None:
    """Print the figures; exit with 1 where one is not as wanted."""
    asked = sys.argv[1:] or NAMES
    good = True
    for name in asked:
        if name not in NAMES:
            sys.exit(f"bench: {name!r} is none of {', '.join(NAMES)}")
        print(f"== {name}")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            good &= runner.run(importlib.import_module(f"bench.{name}").measure())
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
