"""Which release of Docker the daemon says it is, and which versions of the Engine API it then speaks.

The release decides the storage drivers that there are, how figures are worked out, and which fields an answer has. The
least version is 1.24 for all but 29, which begins at 1.40, as the real daemons say; up to 20.10 a daemon takes still
older clients, which nobody has tested here.

>>> release("28.5").api, check_api("1.44", release("28.5"))
('1.51', (1, 44))
>>> check_api("1.99", release("20.10"))
Traceback (most recent call last):
snapsim.serve.errors.Refused: client version 1.99 is too new. Maximum supported API version is 1.41

What it leaves out: versions of containerd, runc and Go, which a simulated daemon does not have.
"""

from dataclasses import dataclass

from snapsim.base.errors import InvalidInput
from snapsim.serve.errors import Refused


@dataclass(frozen=True)
class Release:
    """A release: its version, the API that it speaks, and the oldest one that it still answers."""

    version: str
    api: str
    oldest: str = "1.24"

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as the engine takes it; for 20.10 without a patch number, as all rules of 20.10 are one."""
        major, minor, patch = (int(part) for part in self.version.split("."))
        return (major, minor) if (major, minor) == (20, 10) else (major, minor, patch)


RELEASES = {
    "20.10": Release("20.10.24", "1.41"),
    "26.1": Release("26.1.5", "1.45"),
    "28.5": Release("28.5.2", "1.51"),
    "29.7": Release("29.7.2", "1.52", "1.40"),
}


def release(name: str) -> Release:
    """The release of this name; `InvalidInput` where it is none of `RELEASES`."""
    if name not in RELEASES:
        raise InvalidInput(f"{name!r} is not allowed: one of {', '.join(RELEASES)}", "--release")
    return RELEASES[name]


def numbers(version: str) -> tuple[int, int]:
    """The numbers of an API version such as ``1.41``; `Refused` (400) where it is none."""
    major, dot, minor = version.partition(".")
    if not (dot and major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit() and len(version) < 8):
        raise Refused(400, f"API version {version} is not valid")
    return int(major), int(minor)


def check_api(asked: str, spoken: Release) -> tuple[int, int]:
    """The numbers of the version that a client asks in; `Refused` (400), in Docker's words, where it is not spoken."""
    wanted = numbers(asked)
    if wanted > numbers(spoken.api):
        raise Refused(400, f"client version {asked} is too new. Maximum supported API version is {spoken.api}")
    if wanted < numbers(spoken.oldest):
        raise Refused(
            400,
            f"client version {asked} is too old. Minimum supported API version is {spoken.oldest}, please upgrade "
            "your client to a newer version",
        )
    return wanted
