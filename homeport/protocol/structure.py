"""A device's resource structure, kept as the JSON text that its events carry.

Each entry is a ``homeport.events.facts.Resource``: what a device did not give is left
out, and ``obs`` is true where a value can be observed or comes by itself (R-121).
"""

import re
from collections.abc import Collection, Iterable, Mapping

import orjson

from homeport.protocol.linkformat import Attributes, Link
from homeport.protocol.paths import INSTANCE, OBJECT, Path

Structure = Mapping[str, Attributes]
"""Path to attributes, in the order in which the device listed them."""

ROOT_TYPE = "oma.lwm2m"
_OBJECT_PATH = re.compile(r"/\d{1,5}(?:/\d{1,5}){0,3}")
_TEXTS = ("rt", "if", "ct")
_OBSERVABLE, _AUTO_OBSERVED, _GONE = "obs", "aobs", "d"
_OWN_MEMBERS = (*_TEXTS, _OBSERVABLE)
"""Attributes that are members of an entry; all others stand together in one."""


def from_links(links: Iterable[Link]) -> Structure:
    """Make the structure of a full list; a target listed twice is as listed last.

    Paths are those that applications know, ``/3/0``, also where a root link moves them
    below an alternative path: ``</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>``. The root link
    is an entry of its own, whose path is the alternative path or ``/`` (B-201). A
    target that is no path on the device (another scheme or host) is left out.
    """
    listed = {
        link.target: link.attributes
        for link in links
        if link.target.startswith("/") and not link.target.startswith("//")
    }
    root = next((path for path in listed if _is_root(listed[path])), "/")
    below = f"{root}/" if root != "/" else "/"
    return {
        f"/{path.removeprefix(below)}" if path.startswith(below) else path: attributes
        for path, attributes in listed.items()
    }


def merge(stored: Structure, links: Iterable[Link]) -> Structure:
    """Apply a delta: links are added or replaced, those with ``d`` removed (B-101)."""
    merged = dict(stored)
    for path, attributes in from_links(links).items():
        if _GONE in attributes:
            merged.pop(path, None)
        else:
            merged[path] = attributes
    return merged


def lists_object(structure: Structure) -> bool:
    """Say whether any entry is an object, an instance or a resource (B-197)."""
    return any(map(_OBJECT_PATH.fullmatch, structure))


def missing(structure: Structure, resources: Iterable[Path]) -> Path | None:
    """Return the first of some resources that a device does not have, if any.

    It has all those of which it lists the instance alone, or even only the object.
    """
    listed: set[tuple[int, ...]] = set()
    above: set[tuple[int, ...]] = set()
    for text in structure:
        if _OBJECT_PATH.fullmatch(text):
            path = tuple(map(int, text[1:].split("/")))
            listed.add(path)
            above.update(path[:length] for length in range(1, len(path)))
    return next((each for each in resources if not _has(each, listed, above)), None)


def to_json(structure: Structure) -> str:
    """Write the text of a structure, which goes into events as it is."""
    return orjson.dumps(
        [_entry(path, attributes) for path, attributes in structure.items()]
    ).decode()


def from_json(text: str) -> Structure:
    """Read what `to_json` wrote; written again it is the same text."""
    structure: dict[str, Attributes] = {}
    for entry in orjson.loads(text):
        named = {name: entry[name] for name in _OWN_MEMBERS if name in entry}
        structure[entry["path"]] = named | entry.get("attributes", {})
    return structure


def _has(
    resource: Path,
    listed: Collection[tuple[int, ...]],
    above: Collection[tuple[int, ...]],
) -> bool:
    """Say whether a resource is listed, or what it is in with nothing below that."""
    if resource in listed or resource in above:
        return True
    for length in (INSTANCE, OBJECT):
        if resource[:length] in above:
            return False
        if resource[:length] in listed:
            return True
    return False


def _is_root(attributes: Attributes) -> bool:
    kinds = attributes.get("rt")
    return isinstance(kinds, str) and ROOT_TYPE in kinds.split()


def _entry(path: str, attributes: Attributes) -> dict[str, object]:
    entry: dict[str, object] = {"path": path}
    for name in _TEXTS:
        if isinstance(value := attributes.get(name), str):
            entry[name] = value
    if _OBSERVABLE in attributes or _AUTO_OBSERVED in attributes:
        entry[_OBSERVABLE] = True
    others = {
        name: value
        for name, value in attributes.items()
        if name not in _OWN_MEMBERS or (name in _TEXTS and value is True)
    }
    if others:
        entry["attributes"] = others
    return entry
