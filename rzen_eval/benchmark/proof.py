"""Which declared models were held against their authors' own code, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from rzen_eval.core import Frozen

FILE = Path(__file__).with_suffix(".json")
"""Made by the tests that compare."""
NOT_PROVEN = "not proven"


class Proof(Frozen):
    """A comparison, item by item, on a small random checkpoint in float32."""

    reference: str
    """Repository and files of the code that was run, or where it could not be what was fed in its place."""
    commit: str | None
    """None: the code was read from a public copy."""
    versions: Mapping[str, str]
    """Of the libraries that it ran with."""
    items: int
    equal: int
    """Of these, with a cosine of 0.9999 at least, and the same token ids where they were kept."""
    worst: float
    """Least cosine of those that are equal, rounded down to five places."""
    deviations: Mapping[str, str] = {}
    """Items that differ on purpose, and why."""
    uncertain: str = ""
    """What the comparison cannot tell."""

    @property
    def summary(self) -> str:
        """In a few words."""
        return f"{self.equal} of {self.items}"


@cache
def table() -> dict[str, Proof]:
    """Comparisons by declaration; a declaration that is not there was not compared."""
    return {name: Proof.model_validate(said) for name, said in json.loads(FILE.read_text()).items()}
