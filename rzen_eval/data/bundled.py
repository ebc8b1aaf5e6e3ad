"""The bundled sample on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rzen_eval.errors import DataError
from rzen_eval.files import make_once

if TYPE_CHECKING:
    from pathlib import Path

    from rzen_eval.core import Dataset
    from rzen_eval.sample import SampleCount


def version() -> str:
    """Names the sample that this version of the package makes; its maker is imported with the sample alone."""
    from rzen_eval.sample import VERSION

    return VERSION


def counts(dataset: Dataset) -> SampleCount:
    """What a task of the sample holds."""
    from rzen_eval.sample import COUNTS

    return COUNTS[dataset.repo, dataset.config]


def folder(cache_dir: Path) -> Path:
    """The mirror of the sample, made now if this version of it is not there yet.

    Raises:
        DataError: the cache folder cannot be written.
    """
    from rzen_eval.sample import make

    place = cache_dir / "sample" / version()
    try:
        return make_once(place, make)
    except OSError as error:
        raise DataError(f"the bundled sample cannot be written to {place} ({error}); give cache_dir=FOLDER") from error
