"""Vectors on disk, under keys that say everything that made them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rzen_eval.core import MultiVectors
from rzen_eval.files import SETTLED, write_whole
from rzen_eval.ranking.multivectors import need_one_dimension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rzen_eval.core import Vectors

FORMAT = "1"
"""Chunks of another format are left alone and never read."""
KEY_BYTES = 16
SUFFIX = ".vectors"
_PLACES = 2**32
"""More than a chunk has places."""

_NONE = np.zeros((0, 0), dtype=np.float32)
Key = bytes
"""Hash of an item as a model reads it, 16 bytes."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk file that was checked."""

    file: Path
    offsets: NDArray[np.int64]
    """Where each item's rows begin in the file's matrix, and where the last one's end, shape (items + 1,)."""


@dataclass
class VectorStore:
    """Vectors of one model, in immutable chunk files that any number of processes may write and read at once.

    A chunk appears whole, by renaming, under a name that nobody else uses; so a process killed at any instant
    loses no more than the chunk that it was making, and no lock is needed, on shared file systems neither.
    Every chunk carries a checksum. A torn or damaged one is put aside when it is met, and its vectors count as
    not there.

    An item has one row, or several where a model keeps a vector a token.
    """

    folder: Path | None
    """None: vectors are kept in memory only, for as long as this object lives."""
    dtype: Literal["float16", "float32"] = "float32"
    say: Callable[[str], object] = print
    """Told of what is put aside."""
    _index: dict[Key, int] = field(default_factory=dict)
    """Number of the chunk times `_PLACES`, plus the place in it, by key; one number, since there is one an item."""
    _chunks: list[_Chunk] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _memory: dict[Key, Vectors] = field(default_factory=dict)
    """Vectors that are in no chunk: there is no folder, or it could not be written."""
    _failed: bool = False
    _changed: int = 0
    """When the folder had changed last that was looked at, in nanoseconds."""
    _opened: bool = False

    def refresh(self) -> None:
        """Take note of chunks that other processes have finished since.

        The first time these are what earlier runs have kept; vectors among them that are not finite count as not there,
        so that a run does not fail of what another device or precision has made.
        """
        if self.folder is None:
            return
        earlier, self._opened = not self._opened, True
        try:
            changed = self.folder.stat().st_mtime_ns
        except OSError:
            return
        if changed == self._changed and time.time_ns() - changed > SETTLED:
            return
        self._changed = changed
        broken = 0
        for name in sorted(os.listdir(self.folder)):  # noqa: PTH208 - names alone, and many
            if name.endswith(SUFFIX) and name not in self._seen:
                self._seen.add(name)
                broken += self._note(self.folder / name, earlier=earlier)
        if broken:
            self.say(f"{broken} vectors that are kept in {self.folder} are not finite and are made again")

    def __contains__(self, key: Key) -> bool:
        return key in self._index or key in self._memory

    def put(self, keys: Sequence[Key], rows: Sequence[Vectors]) -> None:
        """Keep vectors; where they cannot be written say so once and keep them in memory, so that the run can go on.

        Args:
            keys: n distinct keys.
            rows: for each key its vectors, shape (1, dim), or (tokens, dim) for a model with a vector a token.
        """
        if chunk := self.write(keys, rows):
            self.enter(chunk)
        else:
            self._memory.update(zip(keys, rows, strict=True))

    def write(self, keys: Sequence[Key], rows: Sequence[Vectors]) -> str | None:
        """Write a chunk; see `put`.

        Returns:
            Its name for `enter`, here or in another process; None: it cannot be written, which is said once.
        """
        if self.folder is None:
            return None
        try:
            return self._write(self.folder, keys, rows)
        except OSError as error:
            if not self._failed:
                self.say(f"vectors cannot be kept in {self.folder} ({error}); this run goes on, the next begins again")
            self._failed = True
            return None

    def enter(self, chunk: str) -> None:
        """Take note of a chunk by its name."""
        if self.folder is not None and chunk not in self._seen:
            self._seen.add(chunk)
            self._note(self.folder / chunk, earlier=False)

    def _write(self, folder: Path, keys: Sequence[Key], rows: Sequence[Vectors]) -> str:
        lengths = np.array([len(part) for part in rows], dtype=np.int64)
        tensors: dict[str, NDArray[Any]] = {
            "keys": np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), KEY_BYTES),
            "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            "vectors": np.concatenate(rows).astype(self.dtype),
        }
        content = save(tensors, metadata={"format": FORMAT, "checksum": _checksum(tensors.values())})
        # The random part makes the name unique among processes and machines.
        name = f"{hashlib.sha256(b''.join(keys)).hexdigest()[:16]}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        write_whole(folder / name, content)
        return name

    def get(self, keys: Sequence[Key]) -> list[Vectors]:
        """Vectors in the order of the keys, each float32 of shape (rows, dim), read chunk by chunk.

        Raises:
            KeyError: a key is not there.
        """
        found = {position: np.array(rows, dtype=np.float32) for position, rows in self._found(keys)}
        return [found[position] for position in range(len(keys))]

    def joined(self, keys: Sequence[Key]) -> Vectors | MultiVectors:
        """Vectors in the order of the keys, read chunk by chunk into the one array that is returned.

        Returns:
            float32 of shape (n, dim) where each key has one vector, else MultiVectors.

        Raises:
            KeyError: a key is not there.
            ModelError: the dimensions of the items differ.
        """
        offsets = np.cumsum([0, *map(self._length, keys)], dtype=np.int64)
        whole = _NONE
        for position, rows in self._found(keys):
            if whole is _NONE:
                whole = np.empty((offsets[-1], rows.shape[1]), dtype=np.float32)
            if rows.shape[1] != whole.shape[1]:
                need_one_dimension({one.shape[1] for _, one in self._found(keys)})
            whole[offsets[position] : offsets[position + 1]] = rows
        return whole if (np.diff(offsets) == 1).all() else MultiVectors(whole, offsets)

    def _found(self, keys: Sequence[Key]) -> Iterator[tuple[int, NDArray[Any]]]:
        """The vectors of each key with its position, in the order in which they are read, as they are kept."""
        wanted: dict[int, list[tuple[int, int]]] = {}
        for position, key in enumerate(keys):
            if key in self._memory:
                yield position, self._memory[key]
            else:
                number, place = divmod(self._index[key], _PLACES)
                wanted.setdefault(number, []).append((position, place))
        for number, places in wanted.items():
            chunk = self._chunks[number]
            with safe_open(chunk.file, framework="numpy") as tensors:
                vectors = tensors.get_tensor("vectors")
            for position, place in places:
                yield position, vectors[chunk.offsets[place] : chunk.offsets[place + 1]]

    def _length(self, key: Key) -> int:
        """How many vectors a key has."""
        if key in self._memory:
            return len(self._memory[key])
        number, place = divmod(self._index[key], _PLACES)
        start, end = self._chunks[number].offsets[place : place + 2]
        return int(end - start)

    def _note(self, file: Path, *, earlier: bool) -> int:
        """Enter a chunk into the index, or put it aside.

        Returns:
            How many of its items are left out since they are of an earlier run and not finite.
        """
        try:
            with safe_open(file, framework="numpy") as tensors:
                metadata = tensors.metadata() or {}
                if metadata.get("format") != FORMAT:
                    return 0
                parts = {name: tensors.get_tensor(name) for name in ("keys", "offsets", "vectors")}
            intact = metadata.get("checksum") == _checksum(parts.values())
        except FileNotFoundError:
            return 0
        except (SafetensorError, OSError, ValueError):
            intact = False
        if not intact:
            self.say(f"{file} is damaged and was put aside; its vectors are made again")
            with contextlib.suppress(OSError):
                file.rename(file.with_suffix(".damaged"))
            return 0
        number = len(self._chunks)
        self._chunks.append(_Chunk(file, parts["offsets"]))
        broken = _broken(parts["vectors"], parts["offsets"]) if earlier else frozenset()
        for place, key in enumerate(parts["keys"]):
            if place not in broken:
                self._index.setdefault(key.tobytes(), number * _PLACES + place)
        return len(broken)


def _broken(vectors: NDArray[Any], offsets: NDArray[np.int64]) -> frozenset[int]:
    """Places of items with a value that is not finite; `offsets` say where the rows of each begin and end."""
    if not vectors.size or np.isfinite((vectors.min(), vectors.max())).all():
        return frozenset()
    rows = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    return frozenset((np.searchsorted(offsets, rows, side="right") - 1).tolist())


def _checksum(tensors: Iterable[NDArray[Any]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        digest.update(str((tensor.shape, tensor.dtype)).encode())
        digest.update(np.ascontiguousarray(tensor).data)
    return digest.hexdigest()
