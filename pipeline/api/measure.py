"""Measures how long the API takes to begin an answer."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.io import metrics


class Measure:
    """An ASGI layer: from a request to the first byte, so that an open stream is no slow answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        began = time.perf_counter()

        async def measured(message: Message) -> None:
            """Take the time of the first message."""
            if message["type"] == "http.response.start":
                metrics.ANSWER_SECONDS.labels("api").observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, measured)
