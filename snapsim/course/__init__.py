"""The course: stories of one write, worksheets, exercises with their judge, assignments, and what the chapters call.

`stories/` tell what a mechanism does, request by request (`snapsim explain`). `quiz/` makes worksheets from a seed and
grades them; `exercises/` ask for an implementation, and mark it by the kit of `snapsim.testing`; `assignments/` write
them for nbgrader, otter-grader and pytest; `notebooks/` is what the chapters in notebooks/ use.
"""
