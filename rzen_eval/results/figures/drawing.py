"""What figures share: kinds of files, colours, style."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from rzen_eval.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["png", "svg"]
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#555555")
"""Told apart by the colour-blind too (Okabe and Ito 2008), and two more."""
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "rzen_eval",
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
}


def need_matplotlib() -> None:
    """Say before the work that nothing can be drawn.

    Raises:
        ConfigError: matplotlib is not there.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError("plot: needs matplotlib; pip install 'rzen-eval[plot]'")


def written(figure: Figure, kind: Kind) -> bytes:
    """The file of a figure, the same bytes whenever it is drawn."""
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return stream.getvalue()
