r"""Prompts of shells, as they stand in texts that people paste: bash, busybox, fish, zsh, PowerShell, cmd.

There is no rule for prompts, as everybody can set their own. A line is taken for one if it begins with something that
ends like a prompt (``$``, ``#``, ``%``, ``>``, or one of the arrows of newer shells) and has no run of blanks before
that, as a row of a table would have; or if it has a ``docker`` command behind such an end.

>>> prompts = ["-bash-4.2$ docker ps", "/ #", "PS C:\\Users\\u> docker info", "u@host ~> ls", "host% ", "➜  ~ ls"]
>>> [is_prompt(line) for line in prompts]
[True, True, True, True, True, True]
>>> is_prompt("<none>       <none>   7c0dc97eb8c0"), is_prompt("team/app     1        171e65262c80")
(False, False)

LEAVES OUT: prompts without any such end, and continuation lines of a command.
"""

import re

_END = r"[$#%>❯➜»λ✗⟩]"
_COMMAND = (
    r"(?:(?:sudo|time|env|watch)(?: -\S+| \w+=\S+)* )*(?:\S*/)?(?:docker|podman|nerdctl)(?:-compose|\.exe)?(?= |$)"
)
_WITH_COMMAND = re.compile(rf"(?:(?! {{3}}).){{0,200}}?(?:{_END}|\))\s?{_COMMAND}|{_COMMAND} [a-z-]")
_BARE = re.compile(rf"(?!<\w+>)(?:(?!  |[$#%>❯] ).){{0,120}}{_END}(?: (?! ).*)?$")
_ARROW = re.compile(r"\s*(?:[➜❯»λ→]|[╭┌][─(]|[╰└]─+[$#❯>➤])(?:\s|[─($#]|$)")


def is_prompt(line: str) -> bool:
    r"""Does a line begin with a shell's prompt, or is it a ``docker`` command?

    Examples
    --------
    >>> is_prompt("[root@host ~]#"), is_prompt("C:\\>docker system df -v"), is_prompt("Images   5   2   16.43MB")
    (True, True, False)
    """
    text = line.strip()
    return any(pattern.match(text) for pattern in (_ARROW, _BARE, _WITH_COMMAND))


def after_prompt(line: str) -> str:
    r"""What a line has behind a prompt and its command, where a terminal put the output behind it; else the line.

    PowerShell's console pads a line to its width, and a copy of it joins the next one.

    Examples
    --------
    >>> after_prompt("PS C:\\> docker images          REPOSITORY   TAG   SIZE")
    'REPOSITORY   TAG   SIZE'
    >>> after_prompt("REPOSITORY   TAG   SIZE")
    'REPOSITORY   TAG   SIZE'
    """
    command = _WITH_COMMAND.match(line.lstrip())
    found = re.search(r" {3,}([A-Z]+(?: [A-Z]+)* {2,}[A-Z].*)$", line) if command else None
    return found[1] if found else line
