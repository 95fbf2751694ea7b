"""The contract of a union mount in small, for students.

A union is made from its lower layers, the lowest first, each a mapping of names to bytes. Everything that a real union
mount does is there in small: the highest layer wins, lower layers never change, a file is copied up whole before
its first change, and a deletion of something below leaves a whiteout (``None``) in the upper layer.

LEAVES OUT: directories, modes, links and everything else of `snapsim.files.mounts.mount`, which `check_driver` judges.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Union(ABC):
    """THE CONTRACT of the exercise.

    Parameters
    ----------
    lowers : sequence of mapping of str to bytes
        The lower layers, the lowest first; they are never changed. None stands for a whiteout there, too.

    Attributes
    ----------
    upper : dict of str to bytes or None
        What the upper layer holds; None is a whiteout.
    copied : int
        Bytes that were copied up so far.
    """

    def __init__(self, lowers: Sequence[Mapping[str, bytes | None]]) -> None:
        self.lowers = list(lowers)
        self.upper: dict[str, bytes | None] = {}
        self.copied = 0

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a file; FileNotFoundError if there is none."""

    @abstractmethod
    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write into a file, which is made if there is none; a gap before `offset` reads as zeros.

        A write of no bytes opens the file for writing as well: it makes it, or copies it up. Where such a write begins
        behind the end of a file, what becomes of the file's length is not asked.
        """

    @abstractmethod
    def unlink(self, name: str) -> None:
        """Delete a file; FileNotFoundError if there is none."""

    @abstractmethod
    def names(self) -> list[str]:
        """All files that are seen, sorted."""


class UnionAct(NamedTuple):
    """One operation: "write" or "unlink"."""

    verb: str
    name: str
    offset: int = 0
    data: bytes = b""

    def __str__(self) -> str:
        return (
            f"u.write({self.name!r}, {self.offset}, {self.data!r})"
            if self.verb == "write"
            else f"u.unlink({self.name!r})"
        )


UnionFactory = Callable[[Sequence[Mapping[str, bytes | None]]], Union]
