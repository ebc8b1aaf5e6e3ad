"""How fast a model was measured to be on a device, and how long tasks take at that speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from rzen_eval.core import Frozen
from rzen_eval.errors import ConfigError, reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rzen_eval.core import Modality
    from rzen_eval.estimate.cost import Amount, TaskCost

OF_MODALITY = {"image": "picture", "video": "clip", "visdoc": "page"}
"""The shape that the pictured items of a task are nearest to."""
TEXT = "text"


class Shape(Frozen):
    """Items of one kind, and what they took."""

    name: str
    tokens: int
    """Of an item, visual ones included."""
    items: int
    """Of a batch."""
    flops: int
    """Of an item, as `estimate` counts them."""
    batch_ms: float
    """From one batch to the next, all that the engine does of it included."""
    bare_ms: float
    """Of the same batch's forward pass, all numbers on the device already and nothing fetched."""
    tower_ms: float
    language_ms: float
    copies_ms: float
    """To the device."""
    waiting_ms: float
    """For vectors, while the next batch is on its way."""
    python_ms: float
    """Putting a batch together and sending it."""

    @property
    def items_a_second(self) -> float:
        """That get a vector."""
        return self.items / self.batch_ms * 1e3

    @property
    def tokens_a_second(self) -> float:
        """Visual ones included."""
        return self.tokens * self.items_a_second

    @property
    def tflops(self) -> float:
        """10¹² operations a second, as `estimate` counts them."""
        return self.flops * self.items_a_second / 1e12


class Speeds(Frozen):
    """What `rzen-eval bench` measured."""

    model: str
    weights: str
    """Where they are from, and of which architecture."""
    device: str
    dtype: str
    attention: str
    peak_tflops: float
    peak_source: str
    memory_gb: float
    """At most: of the device, or of the process where that is the CPU."""
    versions: dict[str, str]
    shapes: tuple[Shape, ...]

    def seconds(self, costs: Iterable[TaskCost]) -> float:
        """How long tasks take on one such device, when pictures load as fast."""
        return sum(self._side(one, cost.modality) for cost in costs for one in (cost.queries, cost.candidates))

    def _side(self, amount: Amount, modality: Modality) -> float:
        """Items at the speed of the shape that they are nearest to, by operations."""
        name = OF_MODALITY[modality] if amount.images or amount.frames else TEXT
        return amount.flops / (1e12 * self.shape(name).tflops)

    def shape(self, name: str) -> Shape:
        """One of them."""
        return next(shape for shape in self.shapes if shape.name == name)


def read(file: Path, model: str) -> Speeds:
    """What an earlier bench has written.

    Args:
        file: that it wrote or kept.
        model: the declaration that is asked about.

    Raises:
        ConfigError: there is no such file, it is none of these, or of another model.
    """
    try:
        found = Speeds.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read ({error.strerror}); `rzen-eval bench model={model}` makes it"
        ) from error
    except ValidationError as error:
        raise ConfigError(f"{file} is not what rzen-eval bench --format json writes ({reason(error)})") from error
    if found.model != model:
        raise ConfigError(
            f"{file} is of {found.model}, expected of {model}; `rzen-eval bench model={model}` measures it"
        )
    if missing := {TEXT, *OF_MODALITY.values()} - {shape.name for shape in found.shapes}:
        raise ConfigError(f"{file} has no {min(missing)} among its shapes; make it again with rzen-eval bench")
    return found


def kept(cache_dir: Path, model: str) -> Path:
    """Where the last bench of a model on this machine is kept."""
    return cache_dir / "bench" / f"{model}.json"
