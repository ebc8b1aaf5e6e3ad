"""How much of anything is read, and the variable of the environment that allows more."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rzen_eval.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Bound:
    """The most of something that is read."""

    variable: str
    """Of the environment; processes that this one starts have it too."""
    default: int
    unit: str

    @property
    def most(self) -> int:
        """How many.

        Raises:
            ConfigError: the variable holds no number.
        """
        given = os.environ.get(self.variable)
        if not given:
            return self.default
        if not (given.isascii() and given.isdigit() and len(given) <= len(str(2**63)) and int(given)):
            raise ConfigError(f"{self.variable}: expected a number of {self.unit} from 1, found {given!r:.60}")
        return int(given)

    def exceeded(self, n: int | None = None) -> str:
        """What to say where there is more; None: nobody knows how much more."""
        more = "more" if n is None else f"{n:,}"
        return f"expected at most {self.most:,} {self.unit}, found {more}; {self.variable}=N allows more"


PIXELS = Bound("RZEN_EVAL_MAX_PIXELS", 100_000_000, "pixels")
"""Of a picture. Three bytes each when it is decoded; Pillow takes 1.8 times as many."""
TEXT = Bound("RZEN_EVAL_MAX_TEXT", 1_000_000, "characters")
"""Of a text in a row."""
DOCUMENT = Bound("RZEN_EVAL_MAX_DOCUMENT", 10_000_000, "characters")
"""Of a text in a row of MMEB-V3, whose longest document is a book of 1.9 million."""
FILE = Bound("RZEN_EVAL_MAX_FILE", 2**29, "bytes")
"""Of a file of JSON that is read whole: results, baselines, what other evaluators write, settings of a checkpoint."""
UNPACKED = Bound("RZEN_EVAL_MAX_UNPACKED", 2**30, "bytes")
"""Of rankings or scores of queries when they are unpacked."""
