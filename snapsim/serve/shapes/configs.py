"""`Config` and `HostConfig`: what a client says of a container, checked, and filled with what Docker adds.

>>> config({"Cmd": ["sh"], "Image": "base:1"})["Env"] is None
True
>>> config({"Cmd": 3})
Traceback (most recent call last):
snapsim.serve.errors.Refused: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Cmd of type \
strslice.StrSlice

What it leaves out: checks of values that no simulated part looks at; they are kept and shown as they came.
"""

from collections.abc import Mapping
from typing import Any

from snapsim.serve.errors import Refused

CONFIG: Mapping[str, Any] = {
    **{"Hostname": "", "Domainname": "", "User": "", "AttachStdin": False, "AttachStdout": False},
    **{"AttachStderr": False, "Tty": False, "OpenStdin": False, "StdinOnce": False, "Env": None, "Cmd": None},
    **{"Image": "", "Volumes": None, "WorkingDir": "", "Entrypoint": None, "OnBuild": None, "Labels": None},
}
"""A Config in which nothing is said."""

HOST: Mapping[str, Any] = {
    **{"Binds": None, "ContainerIDFile": "", "LogConfig": {"Type": "json-file", "Config": {}}},
    **{"NetworkMode": "default", "PortBindings": {}, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
    **{"AutoRemove": False, "VolumeDriver": "", "VolumesFrom": None, "CapAdd": None, "CapDrop": None},
    **{"CgroupnsMode": "host", "Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": None, "GroupAdd": None},
    **{"IpcMode": "private", "Cgroup": "", "Links": None, "OomScoreAdj": 0, "PidMode": "", "Privileged": False},
    **{"PublishAllPorts": False, "ReadonlyRootfs": False, "SecurityOpt": None, "UTSMode": "", "UsernsMode": ""},
    **{"ShmSize": 67108864, "Runtime": "runc", "ConsoleSize": [0, 0], "Isolation": "", "CpuShares": 0, "Memory": 0},
    **{"NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": [], "BlkioDeviceReadBps": []},
    **{"BlkioDeviceWriteBps": [], "BlkioDeviceReadIOps": [], "BlkioDeviceWriteIOps": [], "CpuPeriod": 0},
    **{"CpuQuota": 0, "CpuRealtimePeriod": 0, "CpuRealtimeRuntime": 0, "CpusetCpus": "", "CpusetMems": ""},
    **{"Devices": [], "DeviceCgroupRules": None, "DeviceRequests": None, "MemoryReservation": 0, "MemorySwap": 0},
    **{"MemorySwappiness": None, "OomKillDisable": False, "PidsLimit": None, "Ulimits": [], "CpuCount": 0},
    **{"CpuPercent": 0, "IOMaximumIOps": 0, "IOMaximumBandwidth": 0, "MaskedPaths": None, "ReadonlyPaths": None},
}
"""A HostConfig in which nothing is said."""

_GO = {bool: "bool", str: "string", int: "number", float: "number", list: "array", dict: "object"}
_LISTS = {"Env": "[]string", "Cmd": "strslice.StrSlice", "Entrypoint": "strslice.StrSlice", "OnBuild": "[]string"}
_MAPS = {"Labels": "map[string]string", "Volumes": "map[string]struct {}"}
_TEXTS = ("Hostname", "Domainname", "User", "Image", "WorkingDir", "StopSignal")
_FLAGS = ("AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce")


def config(said: Mapping[str, Any]) -> dict[str, Any]:
    """A whole Config of what a client said of it; `Refused` (400), in the words of Go's decoder, for a wrong type."""
    keys = {key: value for key, value in said.items() if value is not None and key not in _OTHERS}
    for key, value in keys.items():
        _check(key, value)
    for key in ("Cmd", "Entrypoint"):
        if isinstance(keys.get(key), str):
            keys[key] = [keys[key]]
    return {**CONFIG, **keys}


_OTHERS = ("HostConfig", "NetworkingConfig", "Platform")


def _check(key: str, value: Any) -> None:
    if key in _TEXTS and not isinstance(value, str):
        _wrong(key, value, "string")
    if key in _FLAGS and not isinstance(value, bool):
        _wrong(key, value, "bool")
    if key in _LISTS and not (isinstance(value, str) and "slice." in _LISTS[key]):
        if not isinstance(value, list):
            _wrong(key, value, _LISTS[key])
        for item in value:
            if not isinstance(item, str):
                _wrong(key, item, "string")
    if key in _MAPS:
        if not isinstance(value, dict):
            _wrong(key, value, _MAPS[key])
        for item in value.values() if key == "Labels" else ():
            if not isinstance(item, str):
                _wrong(key, item, "string")


def _wrong(key: str, value: Any, kind: str) -> None:
    raise Refused(
        400,
        f"json: cannot unmarshal {_GO.get(type(value), 'null')} into Go struct field ContainerConfigWrapper.{key} of "
        f"type {kind}",
    )


def host(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """A whole HostConfig of what a client said of it; `Refused` (400)."""
    said = {} if said is None else said
    if not isinstance(said, dict):
        _wrong("HostConfig", said, "container.HostConfig")
    kept = {key: value for key, value in said.items() if value is not None and _means(key, value)}
    for key, value in kept.items():
        wanted = HOST.get(key)
        if wanted is not None and not isinstance(value, type(wanted)):
            _wrong(f"HostConfig.{key}", value, _GO[type(wanted)])
    return {**HOST, **kept}


def _means(key: str, value: Any) -> bool:
    """Whether the client says anything by it: what Docker's own client leaves empty is filled by the daemon."""
    if key == "LogConfig":
        return bool(isinstance(value, dict) and value.get("Type"))
    if key == "RestartPolicy":
        return bool(isinstance(value, dict) and value.get("Name"))
    if key == "MemorySwappiness":
        return bool(value != -1)
    if key in ("PidsLimit", "ShmSize", "NetworkMode", "IpcMode", "CgroupnsMode", "Runtime"):
        return bool(value)
    return True


def for_image(found: Mapping[str, Any]) -> dict[str, Any]:
    """The Config of an image, whole."""
    return {**CONFIG, **found}


def of_container(image: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What a client said of a container over what its image says, as moby's `merge` does it.

    Examples
    --------
    >>> merged = of_container({"Cmd": ["serve"], "Env": ["A=1"]}, {**CONFIG, "Env": ["B=2"]})
    >>> merged["Cmd"], merged["Env"]
    (['serve'], ['B=2', 'A=1'])
    """
    made = dict(said)
    if not made["User"]:
        made["User"] = image.get("User", "")
    if not made["WorkingDir"]:
        made["WorkingDir"] = image.get("WorkingDir", "")
    names = {item.partition("=")[0] for item in made["Env"] or ()}
    inherited = [item for item in image.get("Env") or () if item.partition("=")[0] not in names]
    made["Env"] = [*(made["Env"] or ()), *inherited] or made["Env"]
    made["Labels"] = {**(image.get("Labels") or {}), **(made["Labels"] or {})}
    if image.get("Volumes"):
        made["Volumes"] = {**image["Volumes"], **(made["Volumes"] or {})}
    if made["Entrypoint"] == [""]:  # --entrypoint "": none, and no command of the image
        made["Entrypoint"] = None
    elif not made["Entrypoint"]:
        made["Cmd"] = made["Cmd"] or image.get("Cmd")
        made["Entrypoint"] = image.get("Entrypoint")
    if image.get("ExposedPorts"):
        made["ExposedPorts"] = {**image["ExposedPorts"], **(made.get("ExposedPorts") or {})}
    return made
