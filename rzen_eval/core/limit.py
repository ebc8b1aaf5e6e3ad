"""Some of a task's queries in place of all."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

SPELLED = re.compile(r"(?:(?P<how>first|sample):)?(?P<n>[1-9][0-9]{0,8})(?::(?P<seed>[0-9]{1,9}))?")


class Limit(BaseModel):
    """Which queries of a task are scored: `100`, `sample:100:7`, `first:20`.

    A number alone is a random sample with seed 0. Whatever is chosen, pools and corpora stay whole: a smaller pool is
    another task.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: Literal["sample", "first"] = "sample"
    n: int = Field(gt=0)
    """Queries of a task, all of one that has fewer."""
    seed: int = Field(default=0, ge=0)
    """Of a sample; another seed is another one."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, dict | Limit):
            return value
        found = SPELLED.fullmatch(str(value))
        if found is None or (found["how"] == "first" and found["seed"]):
            raise ValueError(
                f"expected a number of queries, such as 100, or first:20, or sample:100:7, found {value!r}"
            )
        return {"how": found["how"] or "sample", "n": int(found["n"]), "seed": int(found["seed"] or 0)}

    @model_serializer
    def spelled(self) -> str:
        """As it is given: `sample:100`."""
        return f"{self.how}:{self.n}" + (f":{self.seed}" if self.seed else "")

    def __str__(self) -> str:
        return f"{self.how}:{self.n}" + (f":{self.seed}" if self.seed else "")

    @property
    def words(self) -> str:
        """As it is said in a sentence: `the first 20 queries`."""
        if self.how == "first":
            return f"the first {self.n} queries"
        return f"{self.n} random queries" + (f" (seed {self.seed})" if self.seed else "")
