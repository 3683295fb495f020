"""A storm: thousands of devices bootstrap and register at once, over DTLS.

Each needs two handshakes, one with either server. A third would be that of a device
that had to begin again because of us.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import orjson

from bench.processes import platform
from homeport.runtime.tasks import first

DEVICES = 4_000
SECONDS = 300
QUIET_SECONDS = 15
"""Without an answer: then all have what they came for, or will not get it."""
HANDSHAKES = 2


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as folder:
        ready, journal = Path(folder) / "ready.json", Path(folder) / "journal"
        async with platform() as told:
            ready.write_bytes(orjson.dumps({**told, **_secured(told)}))
            fleet = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "homeport", "simulate"),
                *("--ready-file", str(ready), "--journal", str(journal)),
                *("--devices", str(DEVICES), "--rate", "100000", "--mix", "update=1"),
                *("--lifetime", "3600", "--turn", "3000", "--seconds", str(SECONDS)),
                stdout=asyncio.subprocess.DEVNULL,
            )
            await first(fleet.wait(), _quiet(journal))
            if fleet.returncode is None:
                fleet.terminate()
            await fleet.wait()
        lines = [orjson.loads(line) for line in journal.read_bytes().splitlines()]
    outcomes = Counter((line["operation"], line["code"]) for line in lines)
    begun, ended = (datetime.fromisoformat(lines[at]["time"]) for at in (0, -1))
    seconds = (ended - begun).total_seconds()
    print(f"{DEVICES:,} devices at once, the last one answered after {seconds:.0f} s:")
    for (operation, code), count in sorted(outcomes.items()):
        print(f"  {count:>6,} x {operation} {code}")
    return (
        outcomes["handshake", "full"] == HANDSHAKES * DEVICES
        and outcomes["register", "2.01"] == DEVICES
        and sum(outcomes.values()) == (HANDSHAKES + 2) * DEVICES
    )


async def _quiet(journal: Path) -> int:
    """Wait until no device is answered any more; return how much has been written."""
    size, before = 0, -1
    while size != before or not size:
        await asyncio.sleep(QUIET_SECONDS)
        size, before = _size(journal), size
    return size


def _size(journal: Path) -> int:
    return journal.stat().st_size if journal.exists() else 0


def _secured(told: Mapping[str, object]) -> dict[str, object]:
    """Return what a ready file says of the secured ports alone."""
    return {
        name: {scheme: url for scheme, url in urls.items() if "coaps" in scheme}
        for name in ("bootstrap", "lwm2m")
        if isinstance(urls := told[name], dict)
    }
