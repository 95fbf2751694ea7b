"""The daemon itself, its events, volumes and networks, as the Engine API gives them.

>>> event(Event("container", "die", "1f", {"image": "base:1", "exitCode": "0"}, 5 * 10**9), {})["status"]
'die'

What it leaves out: whatever `GET /info` says of the machine, which is not simulated: those fields are 0 or empty.
"""

from collections.abc import Mapping
from typing import Any

from snapsim.docker.engine import Engine
from snapsim.docker.events import Event
from snapsim.serve.releases import Release
from snapsim.serve.shapes.images import Version
from snapsim.serve.shapes.times import seconds, stamp

KERNEL = "6.18-snapsim"
"""What `docker info` shows as the kernel: the release whose behaviour the models have, and who has it here."""
SYSTEM = "snapsim (simulated)"


def version(release: Release) -> dict[str, Any]:
    """``GET /version``."""
    details = {
        "ApiVersion": release.api,
        "Arch": "amd64",
        "BuildTime": "",
        "Experimental": "false",
        "GitCommit": "snapsim",
        "GoVersion": "none",
        "KernelVersion": KERNEL,
        "MinAPIVersion": release.oldest,
        "Os": "linux",
    }
    return {
        "Platform": {"Name": "snapsim"},
        "Components": [{"Name": "Engine", "Version": release.version, "Details": details}],
        "Version": release.version,
        **{key: details[key] for key in ("ApiVersion", "MinAPIVersion", "GitCommit", "GoVersion", "Os", "Arch")},
        "KernelVersion": KERNEL,
        "BuildTime": "",
    }


def info(engine: Engine, release: Release, api: Version, now: int, listeners: int, name: str) -> dict[str, Any]:
    """``GET /info``: the storage part is the engine's."""
    stored = engine.info()
    found = {
        "ID": "SNAP:SIMU:LATE:DAEM:ON00:0000:0000:0000:0000:0000:0000:0000",
        **{key: stored[key] for key in ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped")},
        "Images": stored["Images"],
        "Driver": stored["Driver"],
        "DriverStatus": stored["DriverStatus"] or None,
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "null"], "Authorization": None,
                    "Log": ["json-file"]},
        **dict.fromkeys(("MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet"), False),
        "PidsLimit": False,
        "IPv4Forwarding": False,
        "Debug": False,
        "NFd": 0,
        "OomKillDisable": False,
        "NGoroutines": 0,
        "SystemTime": stamp(now),
        "LoggingDriver": "json-file",
        "CgroupDriver": "none",
        "CgroupVersion": "2",
        "NEventsListener": listeners,
        "KernelVersion": KERNEL,
        "OperatingSystem": SYSTEM,
        "OSVersion": "",
        "OSType": "linux",
        "Architecture": "x86_64",
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {
            **{"AllowNondistributableArtifactsCIDRs": [], "AllowNondistributableArtifactsHostnames": []},
            **{"InsecureRegistryCIDRs": ["127.0.0.0/8"], "Mirrors": []},
            "IndexConfigs": {"docker.io": {"Name": "docker.io", "Mirrors": [], "Secure": True, "Official": True}},
        },
        "NCPU": 1,
        "MemTotal": 0,
        "GenericResources": None,
        "DockerRootDir": stored["DockerRootDir"],
        **{"HttpProxy": "", "HttpsProxy": "", "NoProxy": ""},
        "Name": name,
        "Labels": [],
        "ExperimentalBuild": False,
        "ServerVersion": release.version,
        "Runtimes": {"runc": {"path": "runc"}},
        "DefaultRuntime": "runc",
        "Swarm": {**{"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False},
                  "Error": "", "RemoteManagers": None},
        "LiveRestoreEnabled": False,
        "Isolation": "",
        "InitBinary": "docker-init",
        **{f"{part}Commit": {"ID": "", "Expected": ""} for part in ("Containerd", "Runc", "Init")},
        "SecurityOptions": [],
        "Warnings": stored["Warnings"] or None,
    }  # fmt: skip
    if release.numbers < (23,):
        found |= {"KernelMemory": False, "KernelMemoryTCP": False}
    if release.numbers < (28,):
        found |= {"BridgeNfIptables": True, "BridgeNfIp6tables": True}
    if release.numbers >= (26,):
        found |= {"CDISpecDirs": []}
    return found


def event(found: Event, network_ids: Mapping[str, str]) -> dict[str, Any]:
    """A message of ``GET /events``; those of containers and images have the older keys too."""
    id = network_ids.get(found.attributes.get("name", ""), "") if found.type == "network" and not found.id else found.id
    message: dict[str, Any] = {}
    if found.type in ("container", "image"):
        older = {"status": found.action, "id": id, "from": found.attributes.get("image", "")}
        message = {key: value for key, value in older.items() if value and (key, found.type) != ("from", "image")}
    return {
        **message,
        "Type": found.type,
        "Action": found.action,
        "Actor": {"ID": id, "Attributes": dict(sorted(found.attributes.items()))},
        "scope": "local",
        "time": seconds(found.time),
        "timeNano": found.time,
    }


def network(name: str, id: str, driver: str, made: int, labels: Mapping[str, str], boxes: Mapping[str, str],
            options: Mapping[str, str]) -> dict[str, Any]:  # fmt: skip
    """A network; `boxes` are names of containers by their ids."""
    return {
        "Name": name,
        "Id": id,
        "Created": stamp(made),
        "Scope": "local",
        "Driver": driver,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": None, "Config": []},
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {
            id: {"Name": box, "EndpointID": "", "MacAddress": "", "IPv4Address": "", "IPv6Address": ""}
            for id, box in boxes.items()
        },
        "Options": dict(options),
        "Labels": dict(labels),
    }
