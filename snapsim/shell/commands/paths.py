"""What commands on files share: joining names, and asking.

What it leaves out: anything that touches a file.
"""

from snapsim.shell.process import Process, decoded


def below(directory: str, name: str) -> str:
    """A name in a directory, as busybox joins them."""
    return f"{directory}{name}" if directory.endswith("/") else f"{directory}/{name}"


def asked(process: Process, question: str) -> bool:
    """Ask on standard error; the answer begins with y."""
    process.error(f"{process.name}: {question}? ")
    return decoded(process.stdin.read_line()).lower().startswith("y")
