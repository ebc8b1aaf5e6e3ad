"""What the engine needs of a model to keep its device busy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from rzen_eval.core import Item, Media, MultiVectors, Side, Vectors
    from rzen_eval.models.batch import Pending, Staged
    from rzen_eval.models.declaration.local import Declared
    from rzen_eval.models.pictures.resize import Pixels, Visual


@dataclass(frozen=True, slots=True)
class Planned:
    """An item as token ids."""

    prompt: str
    """The rendered prompt, one placeholder an image or clip."""
    input_ids: NDArray[np.int64]
    """Tokens as the model reads them, shape (length,); every visual token has its place."""
    visual: NDArray[np.int64]
    """Positions of the visual tokens in `input_ids`, in the order of the loaded pictures."""
    visuals: Sequence[Visual] = ()
    """What they are of, in the same order."""

    @property
    def length(self) -> int:
        """Tokens that the item takes in a batch."""
        return len(self.input_ids)


class Pictures(Protocol):
    """The pictures of an item, with how a model prepares them: what travels to a worker. False where there are none."""

    @property
    def images(self) -> tuple[Media, ...]:
        """Still images."""

    @property
    def frames(self) -> tuple[Media, ...]:
        """Frames of a video."""

    @property
    def most_tokens(self) -> int:
        """No more than this many tokens."""

    def __bool__(self) -> bool: ...

    def portable(self) -> Pictures:
        """The same in a form that can be sent to another process."""

    def load(self) -> list[Pixels]:
        """What the model reads of each image, then of the frames, each apart or all of them as one clip.

        Returns:
            uint8 arrays of shape (height, width, 3), of a clip (frames, height, width, 3).

        Raises:
            DataError: a picture is missing or damaged.
        """

    def measure(self) -> Sequence[Visual]:
        """What takes visual tokens, from the headers alone.

        Raises:
            DataError: a picture is missing or is none.
        """

    def visuals(self, loaded: Sequence[Pixels]) -> Sequence[Visual]:
        """What takes visual tokens, of these pictures as `load` returned them."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An item as a model reads it, its pictures not yet opened."""

    item: Item
    """Of a video no more than the model sees."""
    side: Side
    prompt: str
    """One placeholder an image or clip."""
    pictures: Pictures
    """What a worker has to load."""


class Preparation(Protocol):
    """How an architecture prepares pictures."""

    def pictures(self, images: tuple[Media, ...], frames: tuple[Media, ...]) -> Pictures:
        """Those of an item, to be prepared."""


@runtime_checkable
class Pipelined(Protocol):
    """A model whose work comes in parts: pictures are loaded in workers, the rest happens beside the device."""

    @property
    def tokens_per_batch(self) -> int:
        """The budget of a batch that suits its device."""

    def prompt(self, item: Item, side: Side) -> str:
        """The string that an item becomes, one placeholder an image or clip."""

    def rendered(self, item: Item, side: Side) -> Rendered:
        """An item's prompt and pictures.

        Raises:
            DataError: its pictures cannot be listed.
        """

    def planned(self, rendered: Rendered, visuals: Sequence[Visual]) -> Planned:
        """Tokenize an item whose pictures have the given sizes.

        Raises:
            DataError: the pictures have no place in the prompt, or do not fit the model's length.
        """

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors | Sequence[Vectors]:
        """One unit vector an item, float32, shape (n, dim), or for each item several, shape (tokens, dim).

        `pixels[i]` are the loaded pictures of `planned[i]`.
        """

    def provenance(self) -> Mapping[str, Any]:
        """Everything about the model that can change a vector, for results and for telling stale ones."""


@runtime_checkable
class Pairwise(Protocol):
    """A model that scores a query with a candidate; its work comes in the same parts."""

    @property
    def spec(self) -> Declared:
        """Its declaration."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def tokens_per_batch(self) -> int:
        """The budget of a batch that suits its device."""

    def rendered(self, item: Item, side: Side) -> Rendered:
        """One side's part of the prompt, and its pictures.

        Raises:
            DataError: its pictures cannot be listed.
        """

    def planned_pair(
        self, query: Rendered, candidate: Rendered, seen: Sequence[Visual], offered: Sequence[Visual]
    ) -> Planned:
        """Tokenize a pair whose pictures have the given sizes, those of the query and those of the candidate.

        Raises:
            DataError: the pictures have no place in the prompt.
        """

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        """One score a pair, float32, shape (n, 1); all pairs are of one query.

        `pixels[i]` are the loaded pictures of `planned[i]`, those of the query first.
        """

    def load(self) -> None:
        """Load the weights now.

        Raises:
            ModelError: they cannot be loaded as declared.
        """

    def score(self, query: Item, candidates: Sequence[Item]) -> NDArray[np.float32]:
        """One score a candidate, shape (n,); the higher, the better."""

    def provenance(self) -> Mapping[str, Any]:
        """Everything about the model that can change a score."""


@runtime_checkable
class Reporting(Protocol):
    """A model that knows what a reader of its results must know."""

    def notes(self) -> Sequence[str]:
        """What is odd about its checkpoint."""


@runtime_checkable
class Cutting(Protocol):
    """A model that cuts texts which are longer than it reads."""

    def cuts(self, rendered: Rendered) -> bool:
        """Whether the text of an item is cut to fit the model's length."""


@runtime_checkable
class Launching(Protocol):
    """A model that need not be waited for: a batch is sent to its device, and its vectors are taken in later."""

    packed: bool
    """Whether items go end to end, without padding."""

    def staged(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Staged:
        """A batch in memory that the device can read; arguments as of `forward`."""

    def launch(self, staged: Staged) -> Pending:
        """Send it; the vectors come back by themselves."""


@runtime_checkable
class Sending(Protocol):
    """A model of pairs that need not be waited for either."""

    def send(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Pending:
        """As `forward`; the scores come back by themselves."""


class Meter(Protocol):
    """What is known of a device's memory, in bytes."""

    def free(self) -> int:
        """That can be had."""

    def restart(self) -> int:
        """Forget the most that was in use; what is in use now."""

    def peak(self) -> int:
        """The most that was in use since."""


@runtime_checkable
class Measurable(Protocol):
    """A model whose batches may be as large as its device's memory lets them."""

    def meter(self) -> Meter | None:
        """Of its device; None: its memory is no measure."""

    def parts(self) -> dict[str, Any]:
        """The modules that pictures and tokens go through: `tower` and `language`."""

    def patches(self, plan: Planned) -> int:
        """Of an item's pictures, as the vision tower sees them."""


@runtime_checkable
class Metered(Protocol):
    """A model that costs money by the item."""

    def confirm(self, items: Iterable[Item]) -> None:
        """Say what a run will cost, and let the user stop it.

        Raises:
            ModelError: it was stopped.
        """


class Model(Pipelined, Protocol):
    """A declared model with its files found; weights load with the first batch."""

    @property
    def spec(self) -> Declared:
        """Its declaration."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def dim(self) -> int | None:
        """Dimensions of a vector; None: not known before there is one."""

    def embed(self, items: Sequence[Item], side: Side | str = ...) -> Vectors | MultiVectors | list[Vectors]:
        """Vectors of n items, shape (n, dim), or for each item several, shape (vectors, dim)."""

    def load(self) -> None:
        """Load the weights now.

        Raises:
            ModelError: they cannot be loaded as declared.
        """
