"""A terminal's line discipline: what the kernel does between the keys of a client and a program that reads lines.

>>> shown = []
>>> terminal = Terminal(shown.append)
>>> terminal.typed(b"ecko\\x7f\\x7fho hi\\r"), b"".join(shown)
([b'echo hi\\n'], b'ecko\\x08 \\x08\\x08 \\x08ho hi\\r\\n')
>>> terminal.typed(b"sleep 9\\x03"), terminal.typed(b"\\x04")
([], [b''])

What it leaves out: raw mode, history, escape sequences (arrows), and more than one line of editing.
"""

from collections.abc import Callable

INTERRUPT, END, ERASE, KILL_LINE = 3, 4, (8, 127), 21
MOST_LINE = 4096


class Terminal:
    """Keys in, lines out; every key is shown as the kernel shows it.

    Parameters
    ----------
    show : callable
        Takes the bytes that the terminal shows.
    interrupt : callable, optional
        Called for Ctrl-C.
    """

    def __init__(self, show: Callable[[bytes], object], interrupt: Callable[[], object] = lambda: None) -> None:
        self._show, self._interrupt, self._line = show, interrupt, bytearray()

    def typed(self, keys: bytes) -> list[bytes]:
        """The lines that the keys end; an empty one is the end of the input (Ctrl-D on an empty line)."""
        lines = []
        for key in keys:
            if key in (10, 13):
                self._show(b"\r\n")
                lines.append(bytes(self._line) + b"\n")
                self._line.clear()
            elif key == END:
                lines += [bytes(self._line)]
                self._line.clear()
            elif key == INTERRUPT:
                self._show(b"^C\r\n")
                self._line.clear()
                self._interrupt()
            else:
                self._edit(key)
        return lines

    def _edit(self, key: int) -> None:
        if key in ERASE:
            if self._line:
                self._line.pop()
                self._show(b"\b \b")
        elif key == KILL_LINE:
            self._show(b"\b \b" * len(self._line))
            self._line.clear()
        elif key >= 32 and len(self._line) < MOST_LINE:
            self._line.append(key)
            self._show(bytes([key]))
