"""A class: problems that only its instructor can name, since their seeds come from a secret.

The file of a class is TOML. Who has its secret makes the sheet of each student, and grades it; on the sheet there is no
seed, and a seal, by which a sheet that was changed or belongs to somebody else is told.

>>> course = Course("Operating systems", "sixteen letters!")
>>> course.seed("ann", "places", 1, "state", 0) == course.seed("bob", "places", 1, "state", 0)
False

What it leaves out: where the secret is kept; and a student who plays the problem on the models, which are public.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Sequence
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import read_bytes
from snapsim.base.schema import shown
from snapsim.course.quiz.topic import VERSION

LEAST_SECRET = 16
"""Letters of a secret: fewer can be guessed."""
_KEYS = ("name", "secret", "students")


class Course(NamedTuple):
    """A class.

    Attributes
    ----------
    name : str
    secret : str
    students : tuple of str
        Who is in it; anybody where it is empty.
    """

    name: str
    secret: str
    students: tuple[str, ...] = ()

    def admitted(self, student: object, place: str = "--student") -> str:
        """The student's name or number; InvalidInput if nobody in the class is called so."""
        if not isinstance(student, str) or not student.isprintable() or not 0 < len(student) <= 100:
            raise InvalidInput(f"{shown(student)} is not allowed: the name or the number of a student", place)
        if self.students and student not in self.students:
            raise InvalidInput(f"{student!r} is nobody of {self.name}", place)
        return student

    def seed(self, student: str, topic: str, level: int, direction: str, number: int) -> int:
        """The seed of a student's problem: of 96 bits, so that nobody finds it by trying."""
        return int.from_bytes(self._code("seed", student, topic, level, direction, number)[:12], "big")

    def seal(self, student: str, problems: Sequence[Sequence[object]]) -> str:
        """A short text that nobody else can make, for a sheet with the problems of these names.

        Examples
        --------
        >>> len(Course("c", "sixteen letters!").seal("ann", [("places", 1, "state", 0)]))
        32
        """
        return self._code("seal", student, *(part for name in problems for part in name)).hex()[:32]

    def _code(self, *parts: object) -> bytes:
        words = "\0".join(map(str, (VERSION, self.name, *parts)))
        return hmac.new(self.secret.encode(), words.encode(), hashlib.sha256).digest()


def read_course(path: str) -> Course:
    """The class of a file.

    Raises
    ------
    InvalidInput
        It cannot be read, is no TOML, or lacks the secret.
    """
    try:
        data = tomllib.loads(read_bytes(path, path, "the file of a class is allowed").decode())
    except ValueError as error:
        raise InvalidInput(f"no TOML: {error}", path) from None
    unknown = [key for key in data if key not in _KEYS]
    if unknown:
        raise InvalidInput(f"{shown(unknown[0])} is not allowed: {', '.join(_KEYS)}", path)
    name, secret, students = (data.get(key) for key in _KEYS)
    if not isinstance(name, str) or not name.isprintable() or not name:
        raise InvalidInput(f"{shown(name)} is not allowed: one line of text", f"{path}: name")
    if secret is None:
        raise InvalidInput("is missing: the instructor's file has it, and no other", f"{path}: secret")
    if not isinstance(secret, str) or len(secret) < LEAST_SECRET:
        raise InvalidInput(f"is not allowed: text of at least {LEAST_SECRET} letters", f"{path}: secret")
    if not isinstance(students, list | None) or not all(isinstance(each, str) for each in students or ()):
        raise InvalidInput(
            f"{shown(students)} is not allowed: a list of names or numbers, as text", f"{path}: students"
        )
    return Course(name, secret, tuple(students or ()))
