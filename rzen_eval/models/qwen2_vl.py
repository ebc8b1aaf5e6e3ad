"""Qwen2-VL as an embedder: one vector from the last hidden state of the last token.

Source of what is computed: the released RzenEmbed code (360CVGroup/RzenEmbed at b07eb54), which is
GME's way of using Qwen2-VL: positions run 0..L-1 on all rotary axes, images included; right padding;
the state after the final norm; unit length.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError

from rzen_eval.core import Side
from rzen_eval.errors import DataError, ModelError
from rzen_eval.media import image_size
from rzen_eval.models import pixels as px
from rzen_eval.models import resources, weights
from rzen_eval.models.base import Planned
from rzen_eval.models.batching import cut
from rzen_eval.models.prompt import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from rzen_eval.core import Item, Media, Vectors
    from rzen_eval.models.pixels import Pixels
    from rzen_eval.models.spec import Budget, ModelSpec

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class Qwen2VL:
    """A loaded Qwen2-VL checkpoint.

    Args:
        spec: the declaration.
        cache_dir: where the bundled model is kept.

    Raises:
        ModelError: the checkpoint is incomplete, has weights that the model does not use, or the device,
            dtype or attention asked for is not there.
    """

    def __init__(self, spec: ModelSpec, cache_dir: Path) -> None:
        self.spec = spec
        self.checkpoint = weights.find(spec, cache_dir)
        self.device = resources.device(spec)
        self.dtype = resources.dtype(spec, self.device)
        self.attention = resources.attention(spec, self.device, self.dtype)
        self._config = _read_config(spec, self.checkpoint.folder)
        self.dim: int = self._config.text_config.hidden_size

    def embed(self, items: Sequence[Item], side: Side | str = Side.QUERY, tokens_per_batch: int = 8192) -> Vectors:
        """Embed items in this process, in batches of like length.

        Args:
            items: n items.
            side: `query` or `candidate`.
            tokens_per_batch: longest item times items in a batch; changes speed and memory, no vector.

        Returns:
            float32 unit vectors, shape (n, dim), in the order of the items.

        Raises:
            DataError: a picture cannot be decoded, or an item's pictures do not fit the model's length.
        """
        planned = [self.plan(item, Side(side)) for item in items]
        vectors = np.zeros((len(items), self.dim), dtype=np.float32)
        for batch in cut([plan.length for plan in planned], tokens_per_batch):
            loaded = [px.load(planned[i].pictures) for i in batch]
            vectors[batch] = self.forward([planned[i] for i in batch], loaded)
        return vectors

    def plan(self, item: Item, side: Side) -> Planned:
        """Render, tokenize and size an item; reads the headers of its pictures only."""
        pictures = tuple(self._picture(media, self.spec.image) for media in item.images)
        pictures += tuple(self._picture(media, self.spec.frame) for media in item.frames)
        prompt = render(self.spec.prompt, item, side)
        ids: list[int] = []
        visual: list[int] = []
        waiting = iter(pictures)
        for token in self._encode(str(prompt)):
            picture = next(waiting, None) if token == self._config.image_token_id else None
            if picture:
                visual.extend(range(len(ids), len(ids) + picture.n_tokens))
            ids.extend([token] * (picture.n_tokens if picture else 1))
        ids = self._shorten(ids, visual[-1] + 1 if visual else 0)
        return Planned(str(prompt), np.array(ids), np.array(visual, dtype=np.int64), pictures)

    def forward(self, planned: Sequence[Planned], pixels: Sequence[Sequence[Pixels]]) -> Vectors:
        """One unit vector an item, float32, shape (n, dim); `pixels[i]` are the loaded pictures of `planned[i]`."""
        import torch

        with torch.inference_mode():
            longest = max(plan.length for plan in planned)
            ids = torch.zeros(len(planned), longest, dtype=torch.long)
            for row, plan in enumerate(planned):
                ids[row, : plan.length] = torch.from_numpy(plan.input_ids)
            ids = ids.to(self.device)
            embeds = self._model.language_model.embed_tokens(ids)
            patches, grid = self._patches([picture for item in pixels for picture in item])
            if patches is not None:
                places = np.concatenate([row * longest + plan.visual for row, plan in enumerate(planned)])
                features = self._model.visual(patches, grid_thw=grid).pooler_output
                embeds.view(-1, self.dim)[torch.from_numpy(places).to(self.device)] = features.to(embeds.dtype)
            # Attention is causal and padding is on the right, so no token ever sees a padding token and no
            # mask is needed.
            hidden = self._model.language_model(
                inputs_embeds=embeds, position_ids=self._positions(ids, planned, grid), use_cache=False
            ).last_hidden_state
            last = torch.tensor([plan.length - 1 for plan in planned], device=self.device)
            pooled = hidden[torch.arange(len(planned), device=self.device), last].float()
            unit: Vectors = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return unit

    def load(self) -> None:
        """Load the weights now; otherwise that happens with the first batch.

        Raises:
            ModelError: weights are missing, unexpected or unused.
        """
        self._model  # noqa: B018 - a cached property

    def provenance(self) -> dict[str, Any]:
        """Everything about the model that can change a vector; asking needs no weights in memory."""
        import torch

        declared = self.spec.model_dump(mode="json", exclude={"checkpoint", "revision", "dtype", "attention", "device"})
        on_gpu = self.device.type == "cuda"
        return declared | {
            "checkpoint": self.spec.checkpoint,
            "weights": self.checkpoint.identity,
            "dtype": str(self.dtype).removeprefix("torch."),
            "attention": self.attention,
            "device": torch.cuda.get_device_name(self.device) if on_gpu else self.device.type,
            "dim": self.dim,
        }

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        return str(self._tokenizer.decode(ids))

    @cached_property
    def _model(self) -> Any:
        from transformers import Qwen2VLModel
        from transformers.utils import logging

        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        folder = self.checkpoint.folder
        try:
            loaded: Any = Qwen2VLModel.from_pretrained(
                folder,
                dtype=self.dtype,
                attn_implementation=self.attention,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # the audit refuses them, and says which
            )
        except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
            raise _unloadable(self.spec, folder, error) from error
        model, info = loaded
        weights.audit(self.spec, folder, info, len(model.state_dict()))
        return model.eval().to(self.device)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(self.checkpoint.folder)
        except (OSError, ValueError, KeyError) as error:
            raise _unloadable(self.spec, self.checkpoint.folder, error) from error

    @cached_property
    def _tail(self) -> list[int]:
        """Tokens of the template after the text; it begins with a special token, so they do not depend on the text."""
        return self._encode(self.spec.prompt.template.split("{text}")[1])

    @cached_property
    def _normalisation(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation by channel, shape (3, 1, 1)."""
        import torch

        file = self.checkpoint.folder / "preprocessor_config.json"
        config = json.loads(file.read_text()) if file.is_file() else {}
        mean, std = (config.get(key, default) for key, default in (("image_mean", CLIP_MEAN), ("image_std", CLIP_STD)))
        shape = (3, 1, 1)
        return torch.tensor(mean, device=self.device).view(shape), torch.tensor(std, device=self.device).view(shape)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _picture(self, media: Media, budget: Budget) -> px.Picture:
        sizes = []
        size = image_size(media)
        for step in (self.spec.first_resize, budget):
            if step:
                size = px.fit(*size, step)
                sizes.append(size)
        return px.Picture(media, tuple(sizes))

    def _shorten(self, ids: list[int], keep: int) -> list[int]:
        """Cut text so that a prompt fits, keeping the first `keep` tokens and the template's tail."""
        limit = self.spec.max_length
        if limit is None or len(ids) <= limit:
            return ids
        room = limit - len(self._tail)
        if room < keep:
            raise DataError(
                f"its pictures take {keep} of the {limit} tokens that {self.spec.name} reads and only text may be cut;"
                " lower the frames or the pixel budget"
            )
        return ids[:room] + self._tail

    def _patches(self, pictures: Sequence[Pixels]) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Normalised patches in Qwen2-VL's order, shape (n, 1176), and grids (t, h, w), shape (pictures, 3)."""
        import torch

        if not pictures:
            return None, None
        mean, std = self._normalisation
        config = self._config.vision_config
        size, merge, time = config.patch_size, config.spatial_merge_size, config.temporal_patch_size
        flat, grids = [], []
        for picture in pictures:
            rows, columns = picture.shape[0] // size, picture.shape[1] // size
            image = torch.tensor(picture, device=self.device).permute(2, 0, 1).float() / 255
            image = (image - mean) / std
            image = image.view(3, rows // merge, merge, size, columns // merge, merge, size)
            # A still image stands for both halves of a temporal patch.
            image = image.permute(1, 4, 2, 5, 0, 3, 6).unsqueeze(5).expand(-1, -1, -1, -1, -1, time, -1, -1)
            flat.append(image.reshape(rows * columns, -1).to(self.dtype))
            grids.append([1, rows, columns])
        return torch.cat(flat), torch.tensor(grids, device=self.device)

    def _positions(self, ids: torch.Tensor, planned: Sequence[Planned], grid: torch.Tensor | None) -> torch.Tensor:
        """Rotary positions, shape (3, n, longest)."""
        import torch

        if self.spec.positions == "sequential" or grid is None:
            return torch.arange(ids.shape[1], device=self.device).expand(3, *ids.shape)
        kinds = torch.zeros_like(ids)
        mask = torch.zeros_like(ids)
        for row, plan in enumerate(planned):
            kinds[row, torch.from_numpy(plan.visual).to(self.device)] = 1
            mask[row, : plan.length] = 1
        positions: torch.Tensor
        positions, _ = self._model.get_rope_index(
            ids, mm_token_type_ids=kinds, image_grid_thw=grid, attention_mask=mask
        )
        return positions


def _read_config(spec: ModelSpec, folder: Path) -> Any:
    from transformers import Qwen2VLConfig

    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type")
        config = Qwen2VLConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise _unloadable(spec, folder, error) from error
    if kind != spec.family:
        raise ModelError(f"{spec.name}: declared as {spec.family}, but {folder}/config.json says model_type {kind!r}")
    return config


def _unloadable(spec: ModelSpec, folder: Path, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return ModelError(f"{spec.name}: {folder} cannot be loaded as {spec.family} ({reason})")
