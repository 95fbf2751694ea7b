"""How a script leaves what it is in: the exceptions of the interpreter.

What it leaves out: signals.
"""


class Break(Exception):
    """``break N``: out of so many loops."""

    def __init__(self, loops: int) -> None:
        super().__init__(loops)
        self.loops = loops


class Continue(Break):
    """``continue N``: to the next round of the loop that is so many levels up."""


class Leave(Exception):
    """Out of a function or a shell, with an exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Return(Leave):
    """``return``: out of a function, or of a script that was read with ``.``."""


class Exit(Leave):
    """``exit``, or an error that ends a script."""


class Complaint(Exception):
    """An error of a built-in command: what it says behind the shell's and its own name."""

    def __init__(self, complaint: str, status: int = 2) -> None:
        super().__init__(complaint)
        self.status = status


class StepLimit(Exception):
    """A script has run for too long: it may have no end."""
