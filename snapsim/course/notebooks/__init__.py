"""What the chapters call besides the models: controls, problems, figures with a default for each argument, predictions.

The chapters themselves are texts in notebooks/ of a checkout; `shipped` finds them and writes them out as notebooks.
"""

from typing import TYPE_CHECKING

from snapsim.base.lazy import lazy

if TYPE_CHECKING:
    from snapsim.course.notebooks.figures import SIX as SIX
    from snapsim.course.notebooks.figures import chunk_sizes as chunk_sizes
    from snapsim.course.notebooks.figures import exception_map as exception_map
    from snapsim.course.notebooks.figures import first_write as first_write
    from snapsim.course.notebooks.figures import growing as growing
    from snapsim.course.notebooks.figures import one_write as one_write
    from snapsim.course.notebooks.lesson import copied as copied
    from snapsim.course.notebooks.lesson import cost as cost
    from snapsim.course.notebooks.lesson import explore as explore
    from snapsim.course.notebooks.lesson import problem as problem
    from snapsim.course.notebooks.measure_again import measure_again as measure_again
    from snapsim.course.notebooks.reader_prediction import guess as guess
    from snapsim.course.notebooks.reader_prediction import measured_row as measured_row
    from snapsim.course.quiz.grading import Sheet as Sheet
    from snapsim.course.stories.block import story as story
    from snapsim.course.stories.file import layers as layers

_HOMES = {
    "SIX": "snapsim.course.notebooks.figures",
    "Sheet": "snapsim.course.quiz.grading",
    "chunk_sizes": "snapsim.course.notebooks.figures",
    "copied": "snapsim.course.notebooks.lesson",
    "cost": "snapsim.course.notebooks.lesson",
    "exception_map": "snapsim.course.notebooks.figures",
    "explore": "snapsim.course.notebooks.lesson",
    "first_write": "snapsim.course.notebooks.figures",
    "growing": "snapsim.course.notebooks.figures",
    "guess": "snapsim.course.notebooks.reader_prediction",
    "layers": "snapsim.course.stories.file",
    "measure_again": "snapsim.course.notebooks.measure_again",
    "measured_row": "snapsim.course.notebooks.reader_prediction",
    "one_write": "snapsim.course.notebooks.figures",
    "problem": "snapsim.course.notebooks.lesson",
    "story": "snapsim.course.stories.block",
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
