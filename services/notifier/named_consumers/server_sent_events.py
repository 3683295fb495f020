"""The text of Server-Sent Events (HTML Living Standard §9.2), built, not read."""

MEDIA_TYPE = "text/event-stream"


def event(body: bytes, *, place: int) -> bytes:
    """Build an event; a client that comes again says the ``place`` of its last one."""
    lines = b"\ndata: ".join(body.splitlines())
    return b"id: %d\ndata: %b\n\n" % (place, lines)


def progress(place: int) -> bytes:
    """Build what moves a client's place and tells it nothing.

    An event without data is never shown, but its id counts.
    """
    return b"id: %d\n\n" % place


def retry(seconds: float) -> bytes:
    """Build what says how long a client waits before it comes again."""
    return b"retry: %d\n\n" % (seconds * 1000)


def parse_place(text: str) -> int | None:
    """Read the place that a client says (Last-Event-ID); None for what is none."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        return None
    return int(text)


_DIGITS = 18
