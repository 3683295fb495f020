"""Files that callers upload, as multipart forms."""

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from homeport.errors import InvalidParameter

LARGEST_FILE = 10 * 1024 * 1024
_AROUND = 16 * 1024
"""What a form may need besides its file, in bytes."""


async def read_file(request: Request, name: str) -> bytes:
    """Read the file of a form; raise InvalidParameter where it is missing or too long.

    No more is read than may be in it.
    """
    left = LARGEST_FILE + _AROUND

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_long(name)
        return message

    try:
        async with Request(request.scope, receive).form(
            max_files=1, max_fields=10
        ) as form:
            file = form.get(name)
            if not isinstance(file, UploadFile):
                raise InvalidParameter(name, "is no file of a multipart form")
            content = await file.read(LARGEST_FILE + 1)
    except HTTPException as error:
        raise InvalidParameter(name, f"is in no form: {error.detail}") from error
    if len(content) > LARGEST_FILE:
        raise _too_long(name)
    return content


def _too_long(name: str) -> InvalidParameter:
    return InvalidParameter(name, f"is longer than {LARGEST_FILE} bytes")
