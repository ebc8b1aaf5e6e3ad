"""What a checkpoint says of how pictures are prepared: obeyed, or refused in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydantic import Field, PositiveFloat, PositiveInt

from rzen_eval.errors import ModelError
from rzen_eval.models.checkpoint.json_file import Part, checked, read_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

Channels = tuple[float, float, float]
FILES = (("processor_config.json", "image_processor"), ("preprocessor_config.json", None))
"""Files, the one that transformers takes where both are there first, and the key in it."""


class _Size(Part):
    shortest_edge: PositiveInt | None = None
    longest_edge: PositiveInt | None = None
    min_pixels: PositiveInt | None = None
    max_pixels: PositiveInt | None = None
    height: PositiveInt | None = None
    width: PositiveInt | None = None


class _Stored(Part):
    """Under the names of transformers; None, or not there: as its class has it."""

    image_mean: Channels = (0.0, 0.0, 0.0)
    image_std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = (1.0, 1.0, 1.0)
    do_normalize: bool | None = None
    do_rescale: bool | None = None
    rescale_factor: PositiveFloat | None = None
    do_resize: bool | None = None
    resample: int | None = Field(default=None, ge=0, le=5)
    size: _Size | PositiveInt | None = None
    min_pixels: PositiveInt | None = None
    max_pixels: PositiveInt | None = None
    patch_size: PositiveInt | None = None
    merge_size: PositiveInt | None = None
    temporal_patch_size: PositiveInt | None = None
    image_grid_pinpoints: list[list[int]] | None = None


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How the pixels of a resized picture become numbers; that a picture is made RGB first is the declaration's."""

    mean: Channels
    std: Channels
    scale: float = 255.0
    """What a pixel is divided by."""
    resample: Image.Resampling = Image.Resampling.BICUBIC
    least: int | None = None
    """Fewest pixels that a picture may have in the end; None: the checkpoint does not say."""
    most: int | None = None

    @property
    def channels(self) -> NDArray[np.float32]:
        """Mean and standard deviation by channel, shape (2, 3)."""
        return np.array([self.mean, self.std], dtype=np.float32)

    def normalised(self, pixels: torch.Tensor, channels: torch.Tensor) -> torch.Tensor:
        """Pixels as the vision tower reads them, float32.

        Args:
            pixels: 0 to 255, shape (..., 3, height, width).
            channels: as `channels`, on the same device.
        """
        mean, std = channels.view(2, 3, 1, 1)
        return pixels.float().div_(self.scale).sub_(mean).div_(std)


def read(
    folders: Iterable[Path], mean: Channels, std: Channels, expected: Mapping[str, Any] | None = None
) -> ImageSettings:
    """Picture settings of the first of some folders that has any.

    Args:
        folders: of an adapter and its base, say.
        mean: by channel, where none is said.
        std: standard deviation, likewise.
        expected: what other settings must be, by name, where they are said, since the model's sizes are others.

    Raises:
        ModelError: they are damaged, or such that the model could not be what they say.
    """
    for folder in folders:
        for name, key in FILES:
            file = folder / name
            if not file.is_file():
                continue
            content = read_object(file)
            found = content if key is None else content.get(key)
            if found:
                return of(file, found, mean, std, expected or {})
    return ImageSettings(mean, std)


def of(file: Path, stored: Any, mean: Channels, std: Channels, expected: Mapping[str, Any]) -> ImageSettings:
    """Picture settings of what a file holds, or of what an image processor says of itself.

    Args:
        file: for messages.
        stored: under the names of transformers; empty: nothing is said.
        mean: see `read`, here and below.
        std: of the pictures.
        expected: by the model's sizes.

    Raises:
        ModelError: see `read`.
    """
    stock = ImageSettings(mean, std)
    return _settings(file, checked(file, _Stored, stored), stock, expected) if stored else stock


def _settings(file: Path, stored: _Stored, stock: ImageSettings, expected: Mapping[str, Any]) -> ImageSettings:
    if stored.do_resize is False:
        raise ModelError(f"{file} says do_resize: false; pictures are always brought to sizes that the model reads")
    size = stored.size if isinstance(stored.size, _Size) else _Size()
    for name, wanted in expected.items():
        said = getattr(size if name in _Size.model_fields else stored, name)
        if said is not None and said != wanted:
            raise ModelError(f"{file} says {name}: {said}, the model's config.json {wanted}; they are not of one model")
    normalises, rescales = stored.do_normalize is not False, stored.do_rescale is not False
    said = stored.model_fields_set
    return ImageSettings(
        mean=(stored.image_mean if "image_mean" in said else stock.mean) if normalises else (0.0, 0.0, 0.0),
        std=(stored.image_std if "image_std" in said else stock.std) if normalises else (1.0, 1.0, 1.0),
        scale=1 / (stored.rescale_factor or 1 / stock.scale) if rescales else 1.0,
        resample=stock.resample if stored.resample is None else Image.Resampling(stored.resample),
        least=stored.min_pixels or size.shortest_edge or size.min_pixels,
        most=stored.max_pixels or size.longest_edge or size.max_pixels,
    )
