"""Commands about programs and the machine: sh, env, sleep, id, uname, date, and what takes paths apart.

What it leaves out: what would need a real machine: kernel, processor, users that are logged in.
"""

import os

from snapsim.shell.commands.dates import moment, written
from snapsim.shell.process import Command, Failure, Process, Usage, parse

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SYSTEM = {
    "s": "Linux",
    "n": "",
    "r": "6.1.0",
    "v": "#1 SMP",
    "m": "x86_64",
    "p": "unknown",
    "i": "unknown",
    "o": "GNU/Linux",
}


def sh(process: Process) -> int:
    """sh [-c SCRIPT [ARG0 ARGS] | FILE ARGS]; standard input when neither is given."""
    letters, arguments, from_text = "", list(process.arguments), False
    while arguments and arguments[0][:1] == "-" and len(arguments[0]) > 1:
        argument = arguments.pop(0)
        if argument == "--":
            break
        for letter in argument[1:]:
            if letter not in "ceuxfnvalisC":
                raise Failure(f"illegal option -{letter}", 2)
        letters += argument[1:]
        from_text = from_text or "c" in argument
    if from_text and not arguments:
        raise Failure("-c requires an argument", 2)
    if from_text:
        shell = process.shell(arguments[1] if len(arguments) > 1 else process.name, arguments[2:])
    elif arguments and "s" not in letters:
        shell = process.shell(arguments[0], arguments[1:], script=True)
    else:
        shell = process.shell(process.name, arguments)
    shell.flags |= set(letters) & set("euxfnvaC")
    if from_text:
        return shell.run_script(arguments[0])
    if arguments and "s" not in letters:
        try:
            return shell.run_script(shell.text_of(arguments[0]))
        except OSError as error:
            raise Failure(f"can't open '{arguments[0]}': {error.strerror}", 2) from None
    return shell.isolated(lambda: shell.run_stream(process.stdin))


def env(process: Process) -> int:
    """env [-i] [-u NAME] [NAME=VALUE]... [PROGRAM ARGUMENTS]"""
    options = parse(process.arguments, "i0u:", {"ignore-environment": "i", "unset": "u", "null": "0"}, mixed=False)
    words = options.operands
    clean = "i" in options or words[:1] == ["-"]
    words = words[1:] if words[:1] == ["-"] else words
    environment = {} if clean else dict(process.environment)
    for name in options.values.get("u", []):
        environment.pop(name, None)
    while words and "=" in words[0]:
        name, _, value = words[0].partition("=")
        environment[name] = value
        words = words[1:]
    if not words:
        end = "\0" if "0" in options else "\n"
        for name, value in environment.items():
            process.print(f"{name}={value}{end}")
        return 0
    if not process.known(words[0]):
        raise Failure(f"can't execute '{words[0]}': No such file or directory", 127)
    process.flush()
    return process.spawn(words, environment=environment)


def sleep(process: Process) -> int:
    """sleep N[smhd]...: of the simulated clock, and at once."""
    if not process.arguments:
        raise Usage("")
    process.world.sleep(sum(_seconds(text) for text in process.arguments))
    return 0


def _seconds(text: str) -> float:
    if text in ("inf", "infinity"):
        return float("inf")
    unit = _UNITS.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    if not digits.replace(".", "", 1).isdigit():
        raise Failure(f"invalid number '{text}'")
    return float(digits) * (unit or 1)


def identity(process: Process) -> int:
    """id [USER]"""
    options = parse(process.arguments, "ugGnr", most=1)
    world = process.world
    users, groups = world.names("/etc/passwd"), world.names("/etc/group")
    uid, gid = world.uid, world.gid
    if options.operands:
        found = world.number("/etc/passwd", options.operands[0])
        if found is None or (options.operands[0].isdigit() and found not in users):
            raise Failure(f"unknown user {options.operands[0]}")
        uid, gid = world.identity(options.operands[0])
    chosen = options.last("ugG")
    if chosen:
        number, names = (uid, users) if chosen == "u" else (gid, groups)
        if "n" in options and number not in names:
            process.print(f"{number}\n")
            raise Failure(f"unknown ID {number}")
        process.print(f"{names[number] if 'n' in options else number}\n")
        return 0
    shown = [
        f"{number}({names[number]})" if number in names else str(number)
        for number, names in ((uid, users), (gid, groups))
    ]
    listed = f" groups={shown[1]}" if groups else ""
    process.print(f"uid={shown[0]} gid={shown[1]}{listed}\n")
    return 0


def whoami(process: Process) -> int:
    """whoami"""
    name = process.world.names("/etc/passwd").get(process.world.uid)
    if name is None:
        raise Failure(f"unknown uid {process.world.uid}")
    process.print(name + "\n")
    return 0


def basename(process: Process) -> int:
    """basename FILE [SUFFIX]"""
    options = parse(process.arguments, "as:", mixed=False, least=1)
    many = "a" in options or "s" in options
    if not many and len(options.operands) > 2:
        raise Usage("")
    suffix = options.get("s") if many else options.operands[1] if len(options.operands) > 1 else ""
    for path in options.operands if many else options.operands[:1]:
        name = os.path.basename(path.rstrip("/")) or path[:1]
        process.print((name[: -len(suffix)] if suffix and name.endswith(suffix) and name != suffix else name) + "\n")
    return 0


def dirname(process: Process) -> int:
    """dirname FILE"""
    options = parse(process.arguments, "", least=1, most=1)
    path = options.operands[0].rstrip("/") or ("/" if options.operands[0] else "")
    head = path.rpartition("/")[0].rstrip("/")
    process.print((head or ("/" if path.startswith("/") else ".")) + "\n")
    return 0


def which(process: Process) -> int:
    """which COMMAND..."""
    options = parse(process.arguments, "a", least=1)
    failed = False
    for name in options.operands:
        path = process.known(name)
        if path:
            process.print(path + "\n")
        failed |= not path
    return int(failed)


def hostname(process: Process) -> int:
    """hostname: the container's; it cannot be set."""
    options = parse(process.arguments, "sidfF:")
    if options.operands or "F" in options:
        raise Failure("sethostname: Operation not permitted")
    process.print(process.world.hostname.partition(".")[0] + "\n" if "s" in options else process.world.hostname + "\n")
    return 0


def uname(process: Process) -> int:
    """uname [-amnrspvio]"""
    options = parse(process.arguments, "amnrspvio", {"all": "a"}, most=0)
    wanted = [letter for letter in _SYSTEM if letter in options.values] or ["s"]
    if "a" in options:
        wanted = [letter for letter in _SYSTEM if letter not in "pi"]
    process.print(" ".join(process.world.hostname if letter == "n" else _SYSTEM[letter] for letter in wanted) + "\n")
    return 0


def date(process: Process) -> int:
    """date [-u] [-d TIME] [+FORMAT]: of the simulated clock, in UTC."""
    options = parse(process.arguments, "uRId:r:D:", {"utc": "u", "date": "d", "reference": "r"})
    now = process.world.clock.now
    if "d" in options:
        now = moment(options.get("d"), now)
    if "r" in options:
        now = process.files.stat(options.get("r")).mtime
    form = options.operands[0][1:] if options.operands and options.operands[0].startswith("+") else None
    if options.operands and form is None:
        raise Failure("can't set date: Operation not permitted")
    if form is None and "R" in options:
        form = "%a, %d %b %Y %H:%M:%S +0000"
    if form is None and "I" in options:
        form = "%Y-%m-%d"
    process.print((written(now) if form is None else written(now, form)) + "\n")
    return 0


COMMANDS = {
    "sh": Command(sh, "[-il] [-|+Cabefmnuvx] [-c 'SCRIPT' [ARG0 ARGS] | FILE ARGS | -s ARGS]", 2),
    "ash": Command(sh, "[-c 'SCRIPT' [ARG0 ARGS] | FILE ARGS | -s ARGS]", 2),
    "env": Command(env, "[-i0] [-u NAME]... [-] [NAME=VALUE]... [PROG ARGS]"),
    "sleep": Command(sleep, "[N]..."),
    "id": Command(identity, "[-ugGnr] [USER]"),
    "whoami": Command(whoami),
    "basename": Command(basename, "FILE [SUFFIX] | -a FILE... | -s SUFFIX FILE..."),
    "dirname": Command(dirname, "FILENAME"),
    "which": Command(which, "[-a] COMMAND..."),
    "hostname": Command(hostname, "[-sidf] [HOSTNAME | -F FILE]"),
    "uname": Command(uname, "[-amnrspvio]"),
    "date": Command(date, "[OPTIONS] [+FMT] [[-s] TIME]"),
}
