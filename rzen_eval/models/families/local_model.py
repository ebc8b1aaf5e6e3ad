"""What models that run here have in common: from planned tokens and loaded pixels to vectors.

A class of an architecture says how pictures become features, and how tokens with features become hidden states.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rzen_eval.core import Side, asked_of
from rzen_eval.models import device
from rzen_eval.models.batch import Batch, Block, Pending, Staged
from rzen_eval.models.checkpoint import adapters, audit, files, image_settings
from rzen_eval.models.checkpoint.chat_template import ChatTemplate
from rzen_eval.models.families import attention, loading, patch_embedding
from rzen_eval.models.families.item_planner import ItemPlanner
from rzen_eval.models.token_budget import cut, windows
from rzen_eval.models.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from rzen_eval.core import Item, MultiVectors, Vectors
    from rzen_eval.models.declaration.local import ModelSpec
    from rzen_eval.models.families.in_memory import Held
    from rzen_eval.models.interface import Meter, Planned
    from rzen_eval.models.pictures.resize import Pixels


class LocalModel(ItemPlanner):
    """A checkpoint that is run here.

    Args:
        spec: the declaration.
        cache_dir: where digests of weights are kept.
        held: what stands in the place of a checkpoint, of a model that is in memory already.

    Raises:
        ModelError: the checkpoint is incomplete, has weights that the model does not use, or the device,
            dtype or attention asked for is not there.
    """

    architecture: ClassVar[str]
    """Class of transformers that holds the weights, without a language-model head."""
    configuration: ClassVar[str]
    """Class of transformers that holds the sizes."""
    whole_class: ClassVar[str]
    """Class of transformers that has all weights of a checkpoint, the head included."""
    causal: ClassVar[bool] = True
    """Whether a token sees those before it alone."""
    every_token: ClassVar[bool] = False
    """Whether an item has a vector for each of its tokens; else it has one."""
    packs: ClassVar[bool] = True
    """Whether items may go end to end in one row; else each gets a row of its own, with padding on the right, as it
    does where a checkpoint has layers of sliding attention."""
    sections: ClassVar[Sequence[int] | None] = None
    """Rotary frequencies of time, row and column that transformers takes where a checkpoint does not say; None:
    positions have one axis."""
    mean: ClassVar = (0.5, 0.5, 0.5)
    """Of the pictures that it was trained on, by channel, where the checkpoint does not say."""
    std: ClassVar = (0.5, 0.5, 0.5)
    """Standard deviation, likewise."""
    unused: ClassVar = audit.UNUSED
    """Names of weights that an embedding does without."""
    adapted: ClassVar[Sequence[tuple[str, str]]] = adapters.RENAMED
    """From names that weights were saved under, those of an adapter above all, to those of `architecture`."""

    def __init__(self, spec: ModelSpec, cache_dir: Path, held: Held | None = None) -> None:
        self.spec, self._held = spec, held
        if held is None:
            loading.check_library(spec, self.architecture)
            self.checkpoint = files.find(spec, cache_dir)
            self.device = device.device(spec)
            self.dtype = device.dtype(spec, self.device)
            self.attention = device.attention(spec, self.device, self.dtype)
            self.config = self.read_config(spec, self.checkpoint.folder)
            self.spec = self.completed(spec, self.checkpoint.processing, ChatTemplate.of(self.checkpoint.processing))
        else:
            held.into(self)
            self.spec = self.completed(spec, self.checkpoint.folder, held.chat)
        self._config = getattr(self.config, "vlm_config", self.config)
        # A token of such a layer sees the last few alone, for which the stock masks are.
        sliding = attention.SLIDING in (getattr(self.text_config, "layer_types", None) or ())
        self.packed = self.packs and not sliding
        own = [folder for folder in (self.checkpoint.adapter, self.checkpoint.folder) if folder]
        given = (self.mean, self.std, self._expected_settings())
        self.image_settings = held.image_settings(*given) if held else image_settings.read(own, *given)
        self.dim = self._dimensions()

    def __repr__(self) -> str:
        what = f"{str(self.dtype).removeprefix('torch.')} on {self.device}, {self.dim} dimensions"
        return f"<{type(self).__name__} {self.spec.name}: {what}, {'' if '_model' in vars(self) else 'not '}loaded>"

    @property
    def tokens_per_batch(self) -> int:
        """The budget of a batch that suits its device."""
        if self._shared:
            return device.USUAL if self.device.type == "cuda" else device.ON_CPU
        return device.tokens_per_batch(self.device, self._config, self.dtype.itemsize)

    @property
    def text_config(self) -> Any:
        """Sizes of its language model."""
        return self._config.text_config

    def embed(
        self, items: Sequence[Item], side: Side | str = Side.QUERY, tokens_per_batch: int | None = None
    ) -> Vectors | MultiVectors:
        """Embed items in this process, in batches of like length.

        Args:
            items: n items.
            side: `query` or `candidate`.
            tokens_per_batch: of a batch, padding included; changes speed and memory, no vector. None: what suits the
                device.

        Returns:
            float32 unit vectors, shape (n, dim), in the order of the items; MultiVectors where an item has several.

        Raises:
            DataError: a picture cannot be decoded, or an item's pictures do not fit the model's length.
        """
        side = asked_of(items, side)
        rows: list[Vectors] = [np.zeros((0, self.dim), dtype=np.float32)] * len(items)
        budget = tokens_per_batch or self.tokens_per_batch
        rendered = [self.rendered(item, side) for item in items]
        most = [len(one.item.text or "") + one.pictures.most_tokens for one in rendered]
        for window in windows(most, budget):
            loaded = [rendered[i].pictures.load() for i in window]
            planned = [
                self.planned(rendered[i], rendered[i].pictures.visuals(pixels))
                for i, pixels in zip(window, loaded, strict=True)
            ]
            for batch in cut([plan.length for plan in planned], budget, packed=self.packed):
                made = self.forward([planned[i] for i in batch], [loaded[i] for i in batch])
                for place, vectors in zip(batch, made, strict=True):
                    rows[window[place]] = np.atleast_2d(vectors)
        return self._joined(rows)

    def _expected_settings(self) -> dict[str, Any]:
        """Settings of pictures that follow from the model's sizes, by name."""
        return {}

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors | list[Vectors]:
        """One unit vector an item, float32, shape (n, dim), or for each several; `pixels[i]` belong to `planned[i]`."""
        return self.launch(self.staged(planned, pixels)).vectors()

    def staged(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Staged:
        """A batch with all numbers that the device needs of it, in memory that it can read."""
        batch = Batch.of(planned, packed=self.packed)
        arrays = {"ids": batch.texts, "places": batch.places, "last": batch.last}
        if batch.packed:
            arrays["bounds"] = np.array(attention.Segments.of(batch.lengths).bounds, dtype=np.int32)
        arrays |= self._arrays(batch, [visual for item in pixels for visual in item])
        return Staged(batch, Block.of(arrays, pinned=self.device.type == "cuda"))

    def launch(self, staged: Staged) -> Pending:
        """Send a batch through the model and do not wait for it; nothing is read back but its vectors."""
        import torch

        # What a module keeps of a forward pass in inference mode could not be trained with.
        mode = self._lent() if self._shared else torch.inference_mode()
        with device.at_work(self.device, self.dtype), mode:
            return self._computed(staged.batch, staged.block.sent(self.device))

    def computed(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> Pending:
        """The forward pass alone, of a batch whose numbers are on the device."""
        import torch

        with device.at_work(self.device, self.dtype), torch.inference_mode():
            return self._computed(batch, sent)

    def _computed(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> Pending:
        return self._pooled(self._hidden(batch, sent).flatten(0, 1), batch, sent)

    def parts(self) -> dict[str, Any]:
        """The modules of the loaded model that pictures and tokens go through: `tower` and `language`."""
        names = {"visual": "tower", "vision_tower": "tower", "language_model": "language"}
        found = ((name.rpartition(".")[2], module) for name, module in self._model.named_modules())
        return {names[last]: module for last, module in found if last in names}

    def meter(self) -> Meter | None:
        """The memory of a GPU that no one else uses."""
        return device.GpuMemory(self.device) if self.device.type == "cuda" and not self._shared else None

    def patches(self, plan: Planned) -> int:
        """Of an item's pictures, as the vision tower sees them."""
        side = self._config.vision_config.patch_size
        return sum(one.n_pieces * (one.height // side) * (one.width // side) for one in plan.visuals)

    @contextmanager
    def _lent(self) -> Iterator[None]:
        """The module of someone else while it embeds, who gets it back as it was."""
        kernels = attention.lent(self._model, self.attention, packed=self.packed)
        with undisturbed(self._model), kernels, patch_embedding.lent(self._model):
            yield

    def _arrays(self, batch: Batch, pixels: Sequence[Pixels]) -> dict[str, Any]:  # noqa: ARG002 - others ask it
        """What an architecture needs on the device beside tokens; all pixels of a batch as one flat array."""
        return {"pixels": pixels, "channels": self.image_settings.channels} if pixels else {}

    def _apart(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        """What a language model is called with so that no item sees another's tokens, or padding."""
        if not batch.packed:
            # Where attention is causal no token ever sees a padding token, which are on the right: no mask is needed.
            return {} if self.causal else {"attention_mask": sent["mask"]}
        segments = attention.Segments.of(batch.lengths)
        bounds = segments.marked(sent["bounds"])
        return {
            "cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds,
            "max_length_q": segments.longest, "max_length_k": segments.longest, "is_causal": self.causal,
        }  # fmt: skip

    def _pooled(self, hidden: torch.Tensor, batch: Batch, sent: Mapping[str, torch.Tensor]) -> Pending:  # noqa: ARG002
        """Of each item the state of its last token, at unit length; `hidden` has shape (tokens, hidden size)."""
        import torch

        return Pending.of(torch.nn.functional.normalize(hidden[sent["last"]].float(), dim=-1))

    def _joined(self, rows: Sequence[Vectors]) -> Vectors | MultiVectors:
        """Vectors of all items from those of each, shape (1, dim)."""
        return np.concatenate(rows) if rows else np.zeros((0, self.dim), dtype=np.float32)

    @abstractmethod
    def _hidden(self, batch: Batch, sent: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """States after the final norm, shape (rows, tokens of a row, hidden size).

        Args:
            batch: what is known of it here.
            sent: its arrays on the device.
        """

    @classmethod
    def read_config(cls, spec: ModelSpec, folder: Path) -> Any:
        """The configuration of a checkpoint, of the class of transformers for this architecture.

        Raises:
            ModelError: there is none, it is damaged, or it is of another family than declared.
        """
        return audit.read_config(spec, folder, cls.configuration)

    def loading_options(self) -> dict[str, Any]:
        """What `from_pretrained` needs to be told beside."""
        return {}

    def _dimensions(self) -> int:
        """Of a vector."""
        dim: int = self._config.text_config.hidden_size
        return dim

    def load(self) -> None:
        """Load the weights now; otherwise that happens with the first batch.

        Raises:
            ModelError: weights are missing, unexpected or unused.
        """
        self._model  # noqa: B018 - a cached property

    def pad(self) -> None:
        """Give each item a row of its own from now on, as families do that cannot be packed; for comparison."""
        self.packed = False
        if not self._shared:
            attention.use(self._model, self.attention, packed=False)

    @property
    def _shared(self) -> bool:
        """Whether the module is someone else's, who goes on with it."""
        return self._held is not None and self._held.shared

    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a vector; asking needs no weights in memory."""
        import torch

        left_out = {"architecture", "reproduces", "caution", "checkpoint", "base", "dtype", "attention", "device"}
        declared = self.spec.model_dump(mode="json", exclude=left_out)
        on_gpu = self.device.type == "cuda"
        return declared | {
            "checkpoint": self.spec.checkpoint,
            "revision": None if self.checkpoint.local else self.spec.revision,
            "weights": self.checkpoint.identity,
            "dtype": str(self.dtype).removeprefix("torch."),
            "attention": f"{self.attention}, {'packed' if self.packed else 'padded'}",
            "device": torch.cuda.get_device_name(self.device) if on_gpu else self.device.type,
            "dim": self.dim,
        }

    def notes(self) -> list[str]:
        """What is odd about the checkpoint, for readers of results.

        Raises:
            ModelError: its tokenizer makes another model of it.
        """
        said = [f"{self.spec.name}: {self.spec.caution}"] if self.spec.caution else []
        return [*said, *self.checkpoint.unpinned, *loading.check_tokens(self)]

    @cached_property
    def _model(self) -> Any:
        return loading.network(self)
