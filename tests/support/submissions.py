"""What a class hands in: for each exercise a right answer, five planted bugs, nothing, loops, and three dishonest ones.

The table of points is the same for every tool that grades: `points` gives (least, most).
"""

from snapsim.course.exercises import EXERCISES

SOLUTIONS = {name: exercise.solution for name, exercise in EXERCISES.items()}


def changed(exercise, *pairs):
    """The solution with some lines changed."""
    source = SOLUTIONS[exercise]
    for old, new in pairs:
        assert old in source, old
        source = source.replace(old, new)
    return source


def cow(*pairs):
    return changed("cow-volume", *pairs)


def union(*pairs):
    return changed("union-mount", *pairs)


def only(*tests):
    """The right properties, but these tests alone."""
    return f"{SOLUTIONS['properties']}\ntests = [{', '.join(tests)}]\n"


ROLLBACK, SPACE = "test_snapshots_and_rollback", "test_space_comes_back"
BILL, CHUNKS = "test_the_bill", "test_small_writes_into_large_chunks"
READS = 'from snapsim.course.exercises import EXERCISES\nexec(EXERCISES["{}"].solution)\n'
BY_PATH = """\
import os
import snapsim
place = os.path.join(os.path.dirname(snapsim.__file__), "..", "notebooks", "exercises", "{}.py")
with open(place) as file:
    exec(file.read().partition('# %% tags=["check"]')[0])
"""
CHANGES = """\
import snapsim.course.exercises.marking
import snapsim.testing
import snapsim.testing.isolation
import snapsim.testing.seals
from snapsim.course.quiz.grading import Marks
snapsim.testing.isolation.tampered = snapsim.testing.seals.tampered = lambda: ""
snapsim.course.exercises.marking.check = lambda *names: Marks("all of it", 10.0, 10)
snapsim.course.exercises.marking.mark_check = lambda exercise, part, handed_in: (float(part.points), "")
"""
BORROWS = {
    "cow-volume": """\
from snapsim.block.snapshots import ExceptionStore
class MyVolume(ExceptionStore):
    @classmethod
    def new(cls, size, block_size=4096, chunk_size=None):
        return super().new(size, block_size, chunk_size, store="N")
""",
    "union-mount": SOLUTIONS["union-mount"].replace(
        "        merged = {}", "        from snapsim.drivers.graphdrivers import overlay2\n        merged = {}"
    ),
    "properties": """\
from snapsim.testing.volumes import planted as planted_volumes
def test(make):
    assert type(make(1)).__mro__[1] in planted_volumes.CORRECT
tests = [test]
""",
}

SUBMISSIONS = {  # kind -> exercise -> source, points
    "right": {name: (solution, 10) for name, solution in SOLUTIONS.items()},
    "bug 1": {
        "cow-volume": (cow(("in self.snapshots:", "in self.snapshots[-1:]:")), (3, 6)),  # for the newest one only
        "union-mount": (union(("self.upper[name] = None", "pass")), (3, 6)),  # no whiteout
        "properties": (only(ROLLBACK), (3, 4)),
    },
    "bug 2": {
        "cow-volume": (
            cow(
                ("        for block in dict", "        self.devices[0].write(asked, stamps)\n        for block in dict")
            ),
            (0, 8),
        ),  # copies after the write
        "union-mount": (union((" if content is not None)", ")")), (0, 9)),  # whiteouts are listed
        "properties": (only(SPACE), (4, 5)),
    },
    "bug 3": {
        "cow-volume": (cow(("if block not in snapshot.saved:", "if True:")), (0, 8)),  # copies again
        "union-mount": (union(("(*self.lowers, self.upper)", "(*reversed(self.lowers), self.upper)")), (0, 9)),
        "properties": (only(BILL), (1.5, 2.5)),
    },
    "bug 4": {
        "cow-volume": (cow(('(block, "copy"), "copy")', "(block))")), (0, 6)),  # calls a copy data
        "union-mount": (union(("if name not in self.upper:", "if True:")), (1, 9.9)),  # copies up again
        "properties": (only(CHUNKS), (3, 4)),
    },
    "bug 5": {
        "cow-volume": (cow(("snapshots.remove(self)", "snapshots.remove(0)")), (0.5, 9.9)),  # a deletion fails
        "union-mount": (union(("if any(name in layer for layer in self.lowers):", "if True:")), (5, 9.9)),
        "properties": (
            SOLUTIONS["properties"] + "def wrong(make):\n    assert make(2).read(0) == 1\ntests = [wrong]\n",
            0,
        ),  # a false alarm
    },
    "empty": dict.fromkeys(SOLUTIONS, ("", 0)),
    "loops": {
        "cow-volume": (cow(("        for block in dict", "        while True: pass\n        for block in dict")), 0),
        "union-mount": (union(("        self.read(name)\n", "        while True: pass\n")), 0),
        "properties": ("def test(make):\n    while True: pass\ntests = [test]\n", 0),
    },
    "reads the solution": {
        name: (how.format(name), 0) for name, how in zip(SOLUTIONS, (BY_PATH, READS, BY_PATH), strict=True)
    },
    "borrows": {name: (source, 0) for name, source in BORROWS.items()},
    "changes the checker": {name: (CHANGES + EXERCISES[name].starter, 0) for name in SOLUTIONS},
}
KINDS = tuple(SUBMISSIONS)

MESSAGES = {  # what the message has to say, where there is one
    "right": "",
    "empty": "is not defined",
    "loops": "computing",
    "reads the solution": "solutions was opened",
    "borrows": "it uses snapsim.",
    "changes the checker": "the checker is",
}


def points(kind, exercise):
    """The least and the most points."""
    wanted = SUBMISSIONS[kind][exercise][1]
    return wanted if isinstance(wanted, tuple) else (wanted, wanted)
