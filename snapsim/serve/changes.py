"""Waiting for the daemon: a coroutine goes on when something has changed, whichever thread changed it.

What it leaves out: what has changed. Whoever waits looks for what they wait for.
"""

import asyncio
import threading
from collections.abc import Callable


class Changes:
    """Where coroutines wait and threads tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def tell(self) -> None:
        """Something has changed."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    async def until(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until `done` says so; False when the time (seconds) was over first."""
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while True:
            future = loop.create_future()
            with self._lock:
                self._waiting.append((loop, future))
            if done():
                future.cancel()
                return True
            try:
                await asyncio.wait_for(future, None if end is None else max(0.0, end - loop.time()))
            except TimeoutError:
                return done()


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
