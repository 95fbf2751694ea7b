"""``$((...))``: whole numbers of 64 bits with the operators of C, by precedence climbing.

As in busybox, and unlike in C, both sides of ``&& ||`` and all of ``?:`` are computed, with their assignments.

>>> names = {"x": "5"}
>>> evaluate("x += 2 * (3 + 1), x > 10 ? x : -1", names.get, names.__setitem__), names
(13, {'x': '13'})
>>> evaluate("1 / 0", names.get, names.__setitem__)
Traceback (most recent call last):
snapsim.shell.arithmetic.ArithmeticFailure: divide by zero

What it leaves out: floating point, as POSIX does.
"""

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<=|>>=|\*\*|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|\S)"
)
_LEVELS = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
_ASSIGNMENTS = frozenset(("=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|="))
_DEEPEST = 100  # a variable may hold the name of another, and so on


class ArithmeticFailure(Exception):
    """An expression that is none, or a division by zero."""


Get = Callable[[str], str | None]
Put = Callable[[str, str], None]


def evaluate(text: str, get: Get, put: Put, depth: int = 0) -> int:
    """The value of an expression.

    Parameters
    ----------
    text : str
        The expression, its ``$name`` expanded; nothing is 0.
    get, put : callable
        Read a variable (None where there is none, which counts as 0), and assign to one.

    Raises
    ------
    ArithmeticFailure
        With the words of BusyBox.
    """
    if not text.strip():
        return 0
    if depth > _DEEPEST:
        raise ArithmeticFailure("expression recursion loop detected")
    expression = _Expression(text, get, put, depth)
    value = expression.comma()
    if expression.peek():
        raise ArithmeticFailure("arithmetic syntax error")
    return value


class _Expression:
    def __init__(
        self, text: str, get: Callable[[str], str | None], put: Callable[[str, str], None], depth: int
    ) -> None:
        self.tokens: list[str] = _TOKEN.findall(text)
        self.at, self.get, self.put, self.depth = 0, get, put, depth

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        """The next token, if it is one of these (any, when left out)."""
        token = self.peek()
        if not token or (wanted and token not in wanted):
            return ""
        self.at += 1
        return token

    def comma(self) -> int:
        value = self.assignment()
        while self.take(","):
            value = self.assignment()
        return value

    def assignment(self) -> int:
        name, operator = self.peek(), self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
        if not _is_name(name) or operator not in _ASSIGNMENTS:
            return self.condition()
        self.at += 2
        value = self.assignment()
        return self.store(name, value if operator == "=" else self.apply(operator[:-1], self.variable(name), value))

    def store(self, name: str, value: int) -> int:
        self.put(name, str(value))
        return value

    def condition(self) -> int:
        chosen = self.binary(0)
        if not self.take("?"):
            return chosen
        yes = self.comma()
        if not self.take(":"):
            raise ArithmeticFailure("malformed ?: operator")
        no = self.condition()
        return yes if chosen else no

    def binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self.unary()
        value = self.binary(level + 1)
        while operator := self.take(*_LEVELS[level]):
            if operator == "**":
                value = self.apply(operator, value, self.binary(level))
            else:
                value = self.apply(operator, value, self.binary(level + 1))
        return value

    def unary(self) -> int:
        operator = self.take("++", "--", "-", "+", "!", "~")
        if operator in ("++", "--"):
            if not _is_name(self.peek()):
                value = self.unary()  # --5 is minus minus five
                return value
            name = self.take()
            return self.store(name, self.apply(operator[0], self.variable(name), 1))
        if operator:
            value = self.unary()
            return wrapped({"-": -value, "+": value, "!": int(not value), "~": ~value}[operator])
        return self.primary()

    def primary(self) -> int:
        token = self.take()
        if token == "(":
            value = self.comma()
            if not self.take(")"):
                raise ArithmeticFailure("arithmetic syntax error")
            return value
        if _is_name(token):
            value = self.variable(token)
            step = self.take("++", "--")
            if step:
                self.store(token, self.apply(step[0], value, 1))
            return value
        if not token[:1].isdigit():
            raise ArithmeticFailure("arithmetic syntax error")
        try:
            return wrapped(int(token, 8 if token[0] == "0" and token.isdigit() else 0))
        except ValueError:
            raise ArithmeticFailure("arithmetic syntax error") from None

    def variable(self, name: str) -> int:
        return evaluate(self.get(name) or "", self.get, self.put, self.depth + 1)

    def apply(self, operator: str, left: int, right: int) -> int:
        if operator in ("/", "%") and right == 0:
            raise ArithmeticFailure("divide by zero")
        return wrapped(_APPLY[operator](left, right))


def _power(left: int, right: int) -> int:
    if right < 0:
        raise ArithmeticFailure("exponent less than 0")
    return pow(left, right, 1 << 64)


def _quotient(left: int, right: int) -> int:
    whole = abs(left) // abs(right)  # C rounds towards zero, Python down
    return whole if (left < 0) == (right < 0) else -whole


_APPLY: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a) or bool(b)),
    "&&": lambda a, b: int(bool(a) and bool(b)),
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "<<": lambda a, b: a << (b & 63),
    ">>": lambda a, b: a >> (b & 63),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _quotient,
    "%": lambda a, b: a - b * _quotient(a, b),
    "**": _power,
}


def wrapped(value: int) -> int:
    """As 64 bits with a sign hold it.

    Examples
    --------
    >>> wrapped(2 ** 63)
    -9223372036854775808
    """
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


def _is_name(token: str) -> bool:
    return token[:1].isalpha() or token[:1] == "_"
