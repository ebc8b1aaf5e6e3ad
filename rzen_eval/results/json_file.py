"""JSON files of results and about them: read in one place, so that whatever is wrong with one names it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rzen_eval.errors import ResultError, first_fault, reason
from rzen_eval.files import read_json, read_whole, unpack_whole

if TYPE_CHECKING:
    from pathlib import Path

Content = TypeVar("Content")
Model = TypeVar("Model", bound=BaseModel)
DAMAGE = (OSError, EOFError, ValueError, zlib.error)
"""What reading and unpacking a damaged file raises."""


class Part(BaseModel):
    """What is read of a file; keys beside that are left alone."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


def read_as(file: Path, kind: type[Content], remedy: str) -> Content:
    """What a file of JSON holds, once it is as it should be.

    Args:
        file: which.
        kind: what it should be: a schema, or any type that pydantic knows.
        remedy: what to do about one that is something else.

    Raises:
        ResultError: it cannot be read, is no JSON, or holds something else.
    """
    try:
        content = read_json(file)
    except OSError as error:
        raise ResultError(f"{file} cannot be read ({reason(error)})") from error
    except ValueError as error:
        raise ResultError(f"{file}: the file: Invalid JSON ({reason(error)}); {remedy}") from error
    return checked(file, kind, content, remedy)


def checked(file: Path, kind: type[Content], content: Any, remedy: str) -> Content:
    """Content of a file, once it is as it should be; see `read_as`."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        where, what = first_fault(error)
        raise ResultError(f"{file}: {where}: {what}; {remedy}") from error


def parsed_as(file: Path, kind: type[Model], text: bytes, remedy: str, fault: str = "is damaged") -> Model:
    """A text of JSON in a file, once it is as it should be; see `read_as`."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        where, what = first_fault(error)
        raise ResultError(f"{file} {fault} ({where}: {what}); {remedy}") from error


def unpacked(file: Path, remedy: str, fault: str = "is damaged") -> bytes:
    """What a file of gzip holds.

    Raises:
        ResultError: it cannot be read, is damaged or too large.
    """
    try:
        return unpack_whole(read_whole(file))
    except DAMAGE as error:
        raise ResultError(f"{file} {fault} ({reason(error)}); {remedy}") from error
