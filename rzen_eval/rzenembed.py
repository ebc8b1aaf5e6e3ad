"""The released RzenEmbed class, for code that was written for it: only the import line changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from rzen_eval.api import load_model
from rzen_eval.core import Item, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from rzen_eval.core import Media


class RzenEmbed:
    """RzenEmbed with the interface of its model card.

    Args:
        model_name_or_path: a hub repository or a folder.
        settings: settings of the declaration, such as `dtype="float32"`, `device="cpu"`, `attention="sdpa"`.

    Raises:
        ModelError: the checkpoint cannot be found or loaded, or not all of its weights are used.
    """

    def __init__(self, model_name_or_path: str | os.PathLike[str] = "qihoo360/RzenEmbed", **settings: Any) -> None:
        path = os.fspath(model_name_or_path)
        self._model = load_model(
            "rzenembed_v2_7b",
            f'checkpoint="{path}"',
            *(["revision=null"] if path != "qihoo360/RzenEmbed" else []),
            *(f"{key}={value}" for key, value in settings.items()),
        )

    def get_fused_embeddings(
        self,
        texts: Sequence[str] | None = None,
        images: Sequence[Media | Sequence[Media]] | None = None,
        instruction: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool = False,
    ) -> torch.Tensor:
        """Embed texts, images or videos, or texts fused with images or videos one by one.

        As in the reference, instruction and text are joined with nothing between, so an instruction brings
        its own trailing space. Unlike it, an image keeps its own pixel budget in the company of videos, a text
        that is too long keeps its pooling token, and the result is float32.

        Args:
            texts: n texts, or None.
            images: n images, each a path, encoded bytes or a PIL image; or n lists of these: the frames of videos.
            instruction: put before every text; stands alone where there is none.
            batch_size: items between two steps of the progress bar.
            show_progress_bar: show one.

        Returns:
            float32 tensor of unit rows on the CPU, shape (n, dim).

        Raises:
            ValueError: neither texts nor images, or not as many of each.
            DataError: an image cannot be decoded.
        """
        import torch
        from tqdm import tqdm

        items = _items(texts, images, instruction or "")
        starts = tqdm(range(0, len(items), batch_size), disable=not show_progress_bar, unit="batch")
        vectors = [self._model.embed(items[start : start + batch_size], Side.QUERY) for start in starts]
        return torch.cat([torch.from_numpy(part) for part in vectors])


def _items(
    texts: Sequence[str] | None, images: Sequence[Media | Sequence[Media]] | None, instruction: str
) -> list[Item]:
    if not texts and not images:
        raise ValueError("get_fused_embeddings: neither texts nor images were given; give one or both")
    if texts and images and len(texts) != len(images):
        raise ValueError(f"get_fused_embeddings: {len(texts)} texts and {len(images)} images; give as many of each")
    prompts = [instruction + text for text in texts] if texts else [instruction] * len(images or ())
    media = images or [()] * len(prompts)
    return [_item(prompt, one) for prompt, one in zip(prompts, media, strict=True)]


def _item(prompt: str, one: Media | Sequence[Media]) -> Item:
    if isinstance(one, (list, tuple)):
        return Item(text=prompt, frames=one)
    return Item(text=prompt, images=(cast("Media", one),))
