"""aiocoap's stock server with a handler that does nothing: what the edge is held to."""

import asyncio
import sys

import aiocoap
from aiocoap import resource


class Nothing(resource.Resource):
    """Answers every POST with 2.04."""

    async def render_post(self, _: aiocoap.Message) -> aiocoap.Message:
        """Do nothing."""
        return aiocoap.Message(code=aiocoap.CHANGED)


async def main(port: int) -> None:
    """Serve until the process ends."""
    site = resource.Site()
    site.add_resource(["rd", "0" * 48], Nothing())
    await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
