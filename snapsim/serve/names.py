"""Names: of images as the Engine API spells them, and of containers that were given none.

A client sends ``docker.io/library/base`` and a daemon shows ``base``; both are one name. What a name may be is said by
distribution's `reference` and by moby's `daemon/names`.

>>> familiar("docker.io/library/base"), familiar("docker.io/me/base:1"), familiar("localhost:5000/base")
('base', 'me/base:1', 'localhost:5000/base')
>>> made_up(7)
'patient_bayer'

What it leaves out: names with a digest.
"""

import re

from snapsim.serve.errors import Refused

_HUB = ("docker.io/library/", "docker.io/", "index.docker.io/library/", "index.docker.io/")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9\-]+)*(?::[0-9]+)?"
_REPOSITORY = re.compile(rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]+")
_MOODS = ("patient", "sparse", "dirty", "clean", "shared", "frozen", "thin", "lazy", "brave", "calm", "eager", "quiet")
_PEOPLE = ("bayer", "mccreight", "ousterhout", "rosenblum", "bonwick", "ritchie", "thompson", "mckusick", "lamport",
           "liskov", "hopper", "knuth", "gray", "mohan", "codd", "stonebraker", "lamarr", "borg")  # fmt: skip


def familiar(name: str) -> str:
    """A name as the daemon shows it: what stands for Docker Hub goes."""
    return next((name.removeprefix(hub) for hub in _HUB if name.startswith(hub)), name)


def check_repository(name: str) -> str:
    """The name of a repository, as it was given; `Refused` (400) where it is none.

    Examples
    --------
    >>> check_repository("BAD")
    Traceback (most recent call last):
    snapsim.serve.errors.Refused: invalid reference format: repository name must be lowercase
    """
    if len(name) <= 255 and _REPOSITORY.fullmatch(name):
        return name
    if name.lower() != name and _REPOSITORY.fullmatch(name.lower()):
        raise Refused(400, "invalid reference format: repository name must be lowercase")
    raise Refused(400, "invalid reference format")


def check_tag(tag: str) -> str:
    """A tag, ``latest`` for none; `Refused` (400)."""
    if tag and not _TAG.fullmatch(tag):
        raise Refused(400, "invalid tag format")
    return tag or "latest"


def reference(repository: str, tag: str = "") -> str:
    """``name:tag`` of what a client sends in two parameters, or in one."""
    name = familiar(repository)
    if not tag and ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
    return f"{check_repository(name)}:{check_tag(tag)}"


def check_container(name: str) -> str:
    """The name of a container, without the slash; `Refused` (400)."""
    bare = name.removeprefix("/")
    if not _CONTAINER.fullmatch(bare):
        raise Refused(400, f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return bare


def made_up(number: int) -> str:
    """A name for the container of this number; no two of the first 216 are the same."""
    round_ = number // (len(_MOODS) * len(_PEOPLE))
    mood = _MOODS[(number + number // len(_PEOPLE) + 5) % len(_MOODS)]
    return f"{mood}_{_PEOPLE[(number + 11) % len(_PEOPLE)]}{round_ or ''}"
