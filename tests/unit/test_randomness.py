"""Secrets come from the system's random source: a rule that the source is held to."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIMULATED = ROOT / "homeport" / "simulator"
"""Its devices are none, and the same seed makes the same choices."""
NO_SECRET: Mapping[str, str] = {
    "services/notifier/channels/insistence.py": "when a webhook is tried again"
}
"""Where chance decides about something that anybody may know."""
UNSAFE = {"uuid1", "getnode", "getrandbits", "rand", "srand"}


def sources() -> Iterator[Path]:
    for folder in ("homeport", "services"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.is_relative_to(SIMULATED):
                yield path


def predictable(text: str) -> Iterator[str]:
    """Find what makes numbers that can be foretold; the type of a source is none."""
    tree = ast.parse(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="random", names=names):
                yield from (name.name for name in names)
            case ast.Attribute(value=ast.Name(id="random"), attr="SystemRandom"):
                continue
            case ast.Attribute(value=ast.Name(id="random"), attr="Random"):
                if id(node) in called:
                    yield "Random"
            case ast.Attribute(value=ast.Name(id="random"), attr=attribute):
                yield attribute
            case ast.Attribute(attr=attribute) if attribute in UNSAFE:
                yield attribute


@pytest.mark.conforms("C-226", "CVE-2021-34430")
def test_nothing_that_matters_can_be_foretold() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): made
        for path in sources()
        if (made := list(predictable(path.read_text())))
    }
    assert found.keys() == NO_SECRET.keys(), found


@pytest.mark.parametrize(
    "text",
    [
        "import random\nkey = random.randbytes(16)",
        "import random\nkey = random.Random(7).randbytes(16)",
        "from random import choice",
        "import uuid\nidentity = uuid.uuid1()",
    ],
)
def test_what_can_be_foretold_is_found(text: str) -> None:
    assert list(predictable(text))


@pytest.mark.parametrize(
    "text",
    [
        "import random\nchance: random.Random = random.SystemRandom()",
        "import secrets\nkey = secrets.token_bytes(16)",
    ],
)
def test_what_cannot_is_not(text: str) -> None:
    assert not list(predictable(text))
