"""Problems by name: topic, seed, level and direction give the same problem on every machine.

>>> problem = make("writes", seed=7)
>>> problem.questions[0].prompt
'copy-on-write: blocks read'
>>> make("writes", seed=7) == problem, make("writes", seed=8) == problem
(True, False)

What it leaves out: how a problem is printed (`quiz_sheet`) and how answers are judged (`grading`).
"""

from dataclasses import replace

from snapsim.base.errors import InvalidInput
from snapsim.course.quiz.topic import LEVELS, VERSION, Dice, Draft, Problem, Question, Topic, label, shown, spoilt
from snapsim.course.quiz.topics import TOPICS

_TRIES = 200


def make(topic: str, seed: int, level: int = 1, direction: str = "state") -> Problem:
    """The problem of a name.

    Parameters
    ----------
    topic : str
        One of `snapsim.course.quiz.topics.TOPICS`.
    seed : int
        Any whole number from 0 on, a student's number for instance.
    level : {1, 2, 3}
    direction : {"state", "operations", "mistake"}

    Raises
    ------
    InvalidInput
        What there is not.
    """
    kind = _checked(topic, seed, level, direction)
    make_draft = kind.operations if direction == "operations" and kind.operations else kind.state
    for attempt in range(_TRIES):
        dice = Dice(VERSION, topic, seed, level, direction, attempt)
        draft = make_draft(dice, level)
        if draft.degenerate:
            continue
        draft = _with_mistake(draft, dice) if direction == "mistake" else draft
        return Problem(topic, seed, level, direction, kind.title, draft)
    raise AssertionError(f"{topic}: no problem in {_TRIES} tries")


def _checked(topic: str, seed: int, level: int, direction: str) -> Topic:
    if topic not in TOPICS:
        raise InvalidInput(f"{topic!r} is no topic: one of {', '.join(TOPICS)}", "topic")
    if type(seed) is not int or not 0 <= seed < 10**30:
        raise InvalidInput(f"{seed!r} is not allowed: a whole number from 0 on, of up to 30 digits", "seed")
    if level not in LEVELS:
        raise InvalidInput(f"{level!r} is not allowed: one of {', '.join(map(str, LEVELS))}", "level")
    if direction not in TOPICS[topic].directions:
        raise InvalidInput(
            f"{direction!r} is not a direction of {topic}: one of {', '.join(TOPICS[topic].directions)}", "direction"
        )
    return TOPICS[topic]


def _with_mistake(draft: Draft, dice: Dice) -> Draft:
    """The solved problem with one wrong line; asked is which one it is, and what should stand there."""
    wrong = dice.between(0, len(draft.questions) - 1)
    right = draft.questions[wrong]
    said = dice.pick(sorted(right.traps, key=repr)) if right.traps else spoilt(right.answer, dice)
    lines = [
        (label(number), question.prompt, said if number == wrong else question.answer)
        for number, question in enumerate(draft.questions)
    ]
    table = "\n".join(
        [
            "| line | what | figure |",
            "|---|---|---|",
            *(f"| {name} | {prompt} | {shown(answer)} |" for name, prompt, answer in lines),
        ]
    )
    asked = (Question("the line that is wrong", label(wrong)), Question("what should stand there", right.answer))
    return replace(
        draft, story=f"{draft.story}\n\nSomebody solved this. One line is wrong.\n\n{table}", questions=asked
    )
