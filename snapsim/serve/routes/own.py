"""``/snapsim/...``: what no Docker daemon answers: the bills, and metrics for Prometheus."""

from collections.abc import Sequence
from functools import partial

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from snapsim.serve.daemon import Daemon
from snapsim.serve.metrics import exposition
from snapsim.serve.routes.reading import answer, number
from snapsim.serve.sides import PATIENCE

ALL: web.AppKey[Sequence[Daemon]] = web.AppKey("all")


async def bill(daemon: Daemon, request: web.Request) -> web.Response:
    """The newest bills, oldest first; ``last`` says how many, ``container`` of which container.

    Where several daemons stand side by side there is a row of each, so that one command can be compared.
    """
    name, last = request.query.get("container", ""), max(0, number(request, "last", 1))
    with daemon.core:
        id = daemon.container(name).id if name else ""
    ended = [exec.id for exec in daemon.execs.values() if exec.exit_code is not None]
    rows = []
    for each in request.app[ALL]:
        await each.changes.until(partial(_have_ended, each, ended), PATIENCE)
        with each.core:
            driver = each.engine.driver.name
            rows += [(found.number, {"Driver": driver, **found.record()}) for found in each.bills.last(last, id)]
    return answer([row for _, row in sorted(rows, key=lambda row: row[0])])


def _have_ended(daemon: Daemon, ended: Sequence[str]) -> bool:
    """Have these commands ended here as well? Their bills are not complete before."""
    return all(id not in daemon.execs or daemon.execs[id].exit_code is not None for id in ended)


async def metrics(daemon: Daemon, request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=exposition(request.app[ALL]), headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = (("GET", "/snapsim/bill", bill), ("GET", "/metrics", metrics))
