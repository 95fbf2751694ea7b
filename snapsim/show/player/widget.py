"""The player as a widget: anywidget brings ``player.js`` into JupyterLab, VS Code and JupyterLite.

What it leaves out: telling Python where the reader is.
"""

from functools import cache
from pathlib import Path
from typing import Any

from snapsim.base.errors import InvalidInput

_HERE = Path(__file__).parent


def player_widget(page: str) -> Any:
    """A widget that shows a page, which is what `snapsim.show.player.data` gives.

    Raises
    ------
    InvalidInput
        anywidget is not installed.
    """
    try:
        return _kind()(page=page)
    except ImportError:
        raise InvalidInput("anywidget is not installed: pip install 'snapsim[notebooks]'") from None


@cache
def _kind() -> Any:
    """The widget's class, made at its first use: a model with the page as JSON, whose view is ``player.js``."""
    import anywidget
    import traitlets

    members = {"_esm": _HERE / "player.js", "_css": _HERE / "player.css", "page": traitlets.Unicode("").tag(sync=True)}
    return type("PlayerWidget", (anywidget.AnyWidget,), members)
