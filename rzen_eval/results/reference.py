"""Published rows."""

from __future__ import annotations

from typing import Literal

from rzen_eval.core import Frozen


class Reference(Frozen):
    """A row of a published table (Hydra group `reference`)."""

    model: str
    data_version: Literal["2.0", "2.1"]
    scores: dict[str, float]
    """Percent by column: `Overall`, a modality or a group."""
