"""Containers as ``GET /containers/json`` and ``/containers/NAME/json`` give them.

>>> command(["sh", "-c", "echo 'a b'"]), command(["sleep", "9"])
("sh -c 'echo 'a b''", 'sleep 9')

What it leaves out: ports, health, and addresses in networks, which a simulated container does not have.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from snapsim.docker.containers import Container
from snapsim.docker.engine import Engine
from snapsim.docker.image_name import full_name
from snapsim.serve.shapes import configs
from snapsim.serve.shapes.images import Version, graph
from snapsim.serve.shapes.times import ago, seconds, stamp

Mounts = list[dict[str, Any]]
ENDPOINT: Mapping[str, Any] = {
    **{"IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": "", "EndpointID": "", "Gateway": ""},
    **{"IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0},
    **{"MacAddress": "", "DriverOpts": None},
}
"""A container's place in a network, without addresses."""


def program(config: Mapping[str, Any]) -> list[str]:
    """What a container runs: entry point and command."""
    return [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]


def command(words: Sequence[str]) -> str:
    """The program in one line: words with a blank are put in quotes, as a list of containers shows them."""
    return " ".join(f"'{word}'" if any(letter.isspace() for letter in word) else word for word in words)


def called(engine: Engine, box: Container) -> str:
    """The image as it was called at `create`, or its id if that name is another image's now, or nobody's."""
    if box.image == box.image_id or box.image_id.removeprefix("sha256:").startswith(box.image):
        return box.image
    return box.image if engine.home.images.tags.get(full_name(box.image)) == box.image_id else box.image_id


def status(box: Container, now: int) -> str:
    """What the column STATUS says.

    Examples
    --------
    >>> status(Container("1f", "c", "i", "i", 1, state="exited", exit_code=3, finished=10**9), 46 * 10**9)
    'Exited (3) 45 seconds ago'
    """
    if box.state == "created":
        return "Created"
    if box.state == "exited":
        return f"Exited ({box.exit_code}) {ago(now - box.finished)} ago"
    return f"Up {ago(now - box.started)}" + (" (Paused)" if box.state == "paused" else "")


def summary(
    engine: Engine, box: Container, mounts: Mounts, now: int, sizes: tuple[int, int] | None = None
) -> dict[str, Any]:
    """A row of ``GET /containers/json``; `sizes` are SizeRw and SizeRootFs, of which 0 is left out as Go does it."""
    row = {
        "Id": box.id,
        "Names": [f"/{box.name}"],
        "Image": called(engine, box),
        "ImageID": box.image_id,
        "Command": command(program(box.asked)),
        "Created": seconds(box.made),
        "Ports": [],
    }
    if sizes is not None:
        row |= {key: size for key, size in zip(("SizeRw", "SizeRootFs"), sizes, strict=True) if size}
    return {
        **row,
        "Labels": box.asked.get("Labels") or {},
        "State": box.state,
        "Status": status(box, now),
        "HostConfig": {"NetworkMode": box.asked.get("HostConfig", {}).get("NetworkMode", "default")},
        "NetworkSettings": {"Networks": networks(box)},
        "Mounts": mounts,
    }


def networks(box: Container, ids: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The network that a container is in."""
    if not box.network:
        return {}
    found = (ids or {}).get(box.network, "") if box.state in ("running", "paused") else ""
    return {box.network: {**ENDPOINT, "NetworkID": found}}


def state(box: Container, pid: int, error: str = "") -> dict[str, Any]:
    """`State` of an inspected container."""
    runs = box.state in ("running", "paused")
    return {
        "Status": box.state,
        "Running": runs,
        "Paused": box.state == "paused",
        "Restarting": False,
        "OOMKilled": False,
        "Dead": False,
        "Pid": pid if runs else 0,
        "ExitCode": box.exit_code,
        "Error": error,
        "StartedAt": stamp(box.started),
        "FinishedAt": stamp(box.finished),
    }


def inspected(
    engine: Engine,
    box: Container,
    api: Version,
    *,
    pid: int = 0,
    error: str = "",
    execs: Sequence[str] = (),
    mounts: Mounts,
    network_ids: Mapping[str, str],
    restarts: int = 0,
    sizes: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """``GET /containers/NAME/json``."""
    asked = dict(box.asked)
    host = asked.pop("HostConfig", configs.host(None))
    words, place = program(asked), f"{engine.config.root}/containers/{box.id}"
    found = {
        "Id": box.id,
        "Created": stamp(box.made),
        "Path": words[0] if words else "",
        "Args": words[1:],
        "State": state(box, pid, error),
        "Image": box.image_id,
        "ResolvConfPath": f"{place}/resolv.conf",
        "HostnamePath": f"{place}/hostname",
        "HostsPath": f"{place}/hosts",
        "LogPath": f"{place}/{box.id}-json.log",
        "Name": f"/{box.name}",
        "RestartCount": restarts,
        "Driver": engine.driver.name,
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": list(execs) or None,
        "HostConfig": host,
        "GraphDriver": graph(engine.driver, box.id),
    }
    if sizes is not None:
        found |= {"SizeRw": sizes[0], "SizeRootFs": sizes[1]}
    return {
        **found,
        "Mounts": mounts,
        "Config": asked,
        "NetworkSettings": {
            **{"Bridge": "", "SandboxID": "", "HairpinMode": False, "LinkLocalIPv6Address": ""},
            **{"LinkLocalIPv6PrefixLen": 0, "Ports": {}, "SandboxKey": "", "SecondaryIPAddresses": None},
            **{"SecondaryIPv6Addresses": None, "EndpointID": "", "Gateway": "", "GlobalIPv6Address": ""},
            **{"GlobalIPv6PrefixLen": 0, "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "MacAddress": ""},
            "Networks": networks(box, network_ids),
        },
    }
