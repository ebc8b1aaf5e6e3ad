"""Keys of vectors: a hash of an item as a model reads it."""

from __future__ import annotations

import hashlib
import os
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from PIL import Image

from rzen_eval.core import Encoded, SavedAsJpeg
from rzen_eval.engine.vector_store import KEY_BYTES, Key
from rzen_eval.errors import DataError
from rzen_eval.media import Portable

if TYPE_CHECKING:
    from rzen_eval.core import Item


def item_key(prompt: str, item: Item) -> Key:
    """What tells an item from others for one model with one set of settings.

    Items with the same prompt and the same media have the same key, whichever task or side they are of. A picture
    inside a table counts by its bytes, a file by its place, size, time and time of change. The last of these is set by
    the system alone, so that a copy which keeps size and time is noticed.

    Args:
        prompt: as rendered, media placeholders included; the side counts only through it.
        item: its media.

    Returns:
        16 bytes.

    Raises:
        DataError: the prompt holds half of a character, which no tokenizer reads.
    """
    try:
        digest = hashlib.blake2b(prompt.encode(), digest_size=KEY_BYTES)
    except UnicodeEncodeError as error:
        half = prompt[error.start]
        raise DataError(f"the text holds half of a character, {half!r}; expected text that UTF-8 can spell") from error
    for kind, media in (("image", item.images), ("frame", item.frames)):
        for one in media:
            digest.update(f"\0{kind}\0{_identity(one)}".encode())
    return digest.digest()


@singledispatch
def _identity(media: Any) -> str:
    if isinstance(media, Portable):
        return media.identity()
    if isinstance(media, Encoded):
        return _identity(media.read())
    raise TypeError(f"no identity for media of type {type(media).__name__}")


@_identity.register
def _(media: bytes) -> str:
    return hashlib.blake2b(media, digest_size=KEY_BYTES).hexdigest()


@_identity.register(str)
@_identity.register(os.PathLike)
def _(media: str | os.PathLike[str]) -> str:
    path = os.path.abspath(media)  # noqa: PTH100 - a tenth of the time, a hundred thousand times
    try:
        stat = os.stat(path)  # noqa: PTH116
    except OSError:
        return f"{path} missing"
    return f"{path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


@_identity.register
def _(media: SavedAsJpeg) -> str:
    return f"jpeg {_identity(media.media)}"


@_identity.register
def _(media: Image.Image) -> str:
    return f"{media.mode} {media.size} {_identity(media.tobytes())}"
