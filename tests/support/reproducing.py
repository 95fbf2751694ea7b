"""Whether the program of a failure runs and fails as it says."""

import contextlib
import errno
import io
from typing import Any

from snapsim.testing import Failure
from snapsim.testing.failure import Broken, plain


def reproduced(failure: Failure, **names: Any) -> str:
    """What the program did, "" if it is what the failure says; `names` are those that cannot be imported."""
    space, silence = dict(names), io.StringIO()
    try:
        with contextlib.redirect_stdout(silence):
            exec(compile("\n".join(failure.program), "program", "exec"), space)
            value = eval(compile(failure.call, "call", "eval"), space) if failure.call else failure.actual
    except BaseException as error:
        return "" if _is_told(error, failure) else f"{type(error).__name__}: {error}"
    if not failure.call:
        return "" if failure.actual in ("success", "removed", "nothing", "no error", "no exception") else "nothing"
    if ".exists(" in failure.call:  # it asks whether what is expected, or what was seen, is there
        return "" if value == (str(failure.actual) != "nothing") else repr(value)
    return "" if _is_it(value, failure) else repr(value)


def _is_told(error: BaseException, failure: Failure) -> bool:
    told = str(failure.actual)
    if isinstance(error, Broken):
        return error.actual == failure.actual
    if isinstance(error, OSError) and error.errno:
        return errno.errorcode[error.errno] in told or type(error).__name__ in told
    return type(error).__name__ in told or told in str(error)


def _is_it(value: Any, failure: Failure) -> bool:
    expected, actual = failure.expected, failure.actual
    if failure.call.endswith(".mtime") or (isinstance(actual, dict) and set(actual) == {"mtime"}):
        return True  # a time is a tick of the model's clock, which goes on while the kit looks
    if isinstance(actual, dict) and hasattr(value, "ino"):
        told = {field: each for field, each in actual.items() if field not in ("mtime", "content", "stamps")}
        return all(plain(getattr(value, field)) == each for field, each in told.items() if field != "mode") and (
            "mode" not in told or oct(value.mode) == told["mode"]
        )
    if isinstance(actual, dict) and isinstance(value, bytes):
        return actual.get("content") == plain(value)
    if isinstance(actual, dict) and "stamps" in actual:
        return actual["stamps"] == plain(value)
    if isinstance(actual, dict) and "note" in actual:  # the names of extended attributes, or the value of one
        if isinstance(value, list):
            return [each.partition("=")[0] for each in actual["note"]] == value
        return [each.partition("=")[2] for each in actual["note"]] == [value]
    if isinstance(actual, dict) and "target" in actual:
        return actual["target"] == value
    if isinstance(value, list) and None in (expected, actual):  # a name that is listed, or is not
        path = failure.promise.rpartition(":")[2].rstrip(")")
        return (path.rpartition("/")[2] in value) == (actual is not None)
    return plain(value) == actual or (isinstance(value, bytes) and str(actual).startswith(repr(value)[:4]))
