"""``/networks``: their names; no packet is simulated."""

from aiohttp import web

from snapsim.docker.containers import ACTIVE
from snapsim.docker.containers import NETWORKS as PREDEFINED
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.networks import Network
from snapsim.serve.routes.reading import answer, body, empty, filters, has_labels
from snapsim.serve.shapes import system as shapes


def _shape(daemon: Daemon, network: Network) -> dict[str, object]:
    boxes = {
        box.id: box.name for box in daemon.engine.containers() if box.network == network.name and box.state in ACTIVE
    }
    return shapes.network(network.name, network.id, network.driver, network.made, network.labels, boxes,
                          network.options)  # fmt: skip


async def listed(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network ls`."""
    wanted = filters(request, ("dangling", "driver", "id", "label", "name", "scope", "type"))
    with daemon.core:
        found = [_shape(daemon, each) for each in daemon.networks.all.values() if _passes(each, wanted)]
    return answer(found)


def _passes(each: Network, wanted: dict[str, list[str]]) -> bool:
    kind = "builtin" if each.name in PREDEFINED else "custom"
    return (
        ("driver" not in wanted or each.driver in wanted["driver"])
        and ("name" not in wanted or any(name in each.name for name in wanted["name"]))
        and ("id" not in wanted or any(each.id.startswith(id) for id in wanted["id"]))
        and ("type" not in wanted or kind in wanted["type"])
        and ("scope" not in wanted or "local" in wanted["scope"])
        and has_labels(each.labels, wanted.get("label", []))
    )


async def inspect(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network inspect`."""
    with daemon.core:
        return answer(_shape(daemon, daemon.networks.find(request.match_info["name"])))


async def create(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network create`: a name."""
    said = await body(request)
    if not isinstance(said.get("Name"), str) or not said["Name"].strip():
        raise Refused(400, "network name cannot be empty")
    with daemon.core:
        made = daemon.networks.create(
            said["Name"], said.get("Driver") or "", said.get("Labels") or {}, said.get("Options") or {}
        )
        daemon.engine.events.note("network", "create", made.id, name=made.name, type=made.driver)
    return answer({"Id": made.id, "Warning": ""}, 201)


async def remove(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network rm`."""
    with daemon.core:
        network = daemon.networks.find(request.match_info["name"])
        users = sum(box.network == network.name and box.state in ACTIVE for box in daemon.engine.containers())
        daemon.networks.remove(network.name, users)
        daemon.engine.events.note("network", "destroy", network.id, name=network.name, type=network.driver)
    return empty()


async def prune(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network prune`: those that were made and that no container names."""
    with daemon.core:
        used = {box.network for box in daemon.engine.containers()}
        gone = [name for name in daemon.networks.all if name not in PREDEFINED and name not in used]
        for name in gone:
            network = daemon.networks.remove(name, 0)
            daemon.engine.events.note("network", "destroy", network.id, name=name, type=network.driver)
        daemon.engine.events.note("network", "prune", reclaimed="0")
    return answer({"NetworksDeleted": gone or None})


async def connect(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network connect`: of a container that is in no network; a second one is not simulated."""
    said = await body(request)
    with daemon.core:
        network = daemon.networks.find(request.match_info["name"])
        box = daemon.container(str(said.get("Container", "")))
        if box.network == network.name:
            raise Refused(403, f"endpoint with name {box.name} already exists in network {network.name}")
        if box.network:
            raise unsupported("connecting a container to a second network")
        daemon.engine.connect(box, network.name)
    return empty(200)


async def disconnect(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker network disconnect`."""
    said = await body(request)
    with daemon.core:
        network = daemon.networks.find(request.match_info["name"])
        box = daemon.container(str(said.get("Container", "")))
        if box.network != network.name:
            raise Refused(500, f"container {box.id} is not connected to network {network.name}")
        daemon.engine.disconnect(box)
    return empty(200)


ROUTES = (
    ("GET", "/networks", listed),
    ("POST", "/networks/create", create),
    ("POST", "/networks/prune", prune),
    ("GET", "/networks/{name}", inspect),
    ("DELETE", "/networks/{name}", remove),
    ("POST", "/networks/{name}/connect", connect),
    ("POST", "/networks/{name}/disconnect", disconnect),
)
