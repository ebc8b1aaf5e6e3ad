"""Declarations of models that take items whole, and the choice among all kinds of declarations."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rzen_eval.models.spec import Declared, ModelSpec


class PythonSpec(Declared):
    """A class of the user's own with one method, `embed(items, side)`."""

    family: Literal["python"]
    target: str = Field(alias="class")
    """Module and class, `my_module:MyModel`; modules are looked for in the working directory too."""
    options: dict[str, Any] = Field(default={})
    """What the class is made with, as keyword arguments."""
    version: str | None = None
    """Tells kept vectors of one version from those of another, where weights change and the module does not."""
    batch_size: int = Field(default=32, gt=0)
    """Items that are handed over at once."""

    @field_validator("target")
    @classmethod
    def _module_and_class(cls, target: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", target):
            raise ValueError(f"expected MODULE:CLASS, such as my_module:MyModel, found {target!r}")
        return target

    @property
    def source(self) -> str:
        """The class."""
        return self.target

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_class(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "name" not in raw:
            return raw | {"name": str(raw.get("class", "")).rpartition(":")[2]}
        return raw


AnySpec = Annotated[ModelSpec | PythonSpec, Field(discriminator="family")]
"""Any declaration; its family decides which keys it has."""
