"""JSON files of a checkpoint: read in one place, so that whatever is wrong with one names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rzen_eval.errors import ModelError, first_fault, reason
from rzen_eval.files import read_json

if TYPE_CHECKING:
    from pathlib import Path

Content = TypeVar("Content", bound=BaseModel)


class Part(BaseModel):
    """What is read of a file; keys beside that are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


def read_object(file: Path) -> dict[str, Any]:
    """The object that a file holds; a byte order mark is read over.

    Raises:
        ModelError: the file cannot be read, is no JSON, or holds something else.
    """
    try:
        content = read_json(file)
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} is damaged ({reason(error)}); get it again") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} is damaged (expected an object, found {content!r:.60}); get it again")
    return content


def checked(file: Path, kind: type[Content], content: Any) -> Content:
    """What is read of a file, once it is as it should be.

    Args:
        file: for messages.
        kind: its schema.
        content: as it was read.

    Raises:
        ModelError: a value is of another type or out of range.
    """
    try:
        return kind.model_validate_json(json.dumps(content))
    except ValidationError as error:
        where, what = first_fault(error)
        raise ModelError(f"{file} is damaged ({where}: {what}); get it again") from error
