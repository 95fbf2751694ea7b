"""What does `ls` show: the merged view of layers with whiteouts, and which layer a file comes from."""

from snapsim.base.units import KiB
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.layer_words import Layer, files_of, on_overlay, some_layers, told
from snapsim.course.quiz.topics.volume_words import traps

_RULE = (
    "The highest layer that has a name wins: with a file it is shown, with a whiteout it is not. A layer above "
    "may show a deleted name again."
)


def _state(dice: Dice, level: int) -> Draft:
    layers = some_layers(dice, 2 + level)
    driver = on_overlay(layers)
    seen = files_of(driver)
    mount = driver.get("c")
    ever = frozenset(path for layer in layers for path, size in layer.items() if size is not None)
    files = frozenset(seen)
    questions = [
        Question(
            "all files that a container sees",
            files,
            traps(
                files,
                {
                    ever: "a whiteout hides what is below it",
                    frozenset(
                        path for path, size in layers[-1].items() if size is not None
                    ): "what no layer above hides is seen",
                },
            ),
        )
    ]
    for path in dice.some(seen, min(len(seen), 2)):
        size = mount.stat(path).size // KiB
        sizes = [layer[path] for layer in layers if isinstance(layer.get(path), int)]
        first, both = int(sizes[0] or 0), sum(each or 0 for each in sizes)
        questions.append(
            Question(
                f"KiB of `{path}` in the container",
                size,
                traps(size, {first: "the highest layer wins", both: "only one of them is seen"}),
            )
        )
    hidden = sum(size or 0 for layer in layers for size in layer.values()) - _visible(layers)
    questions.append(Question("KiB in the layers that no container of this image sees", hidden, {}))
    return Draft(f"An image, the lowest layer first:\n\n{told(layers)}", _RULE, tuple(questions))


def _visible(layers: list[Layer]) -> int:
    top: dict[str, int] = {}
    for layer in layers:
        top.update({path: size or 0 for path, size in layer.items()})
    return sum(top.values())


TOPIC = Topic("listing", "What does ls show", _state)
