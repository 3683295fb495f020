"""The programs in the wheels of the extra ``embedded``."""

import os
from importlib import metadata
from pathlib import Path

from homeport.errors import InvalidConfiguration


def find(name: str, *, distribution: str) -> Path:
    """Return the path of a program; raise InvalidConfiguration if it is not installed.

    No wheel is imported for it: one of them would change permissions and leave locks.
    """
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate())).resolve()
        if file.name == name and path.is_file() and os.access(path, os.X_OK):
            return path
    raise InvalidConfiguration(
        distribution,
        f"is not installed, so there is no {name}: pip install 'homeport[embedded]'",
    )
