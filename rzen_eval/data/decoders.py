"""Decoders of video files: decord, and PyAV where decord is not installed or does not know the codec.

Both give the same frames to the bit, rotation included, so which one is used moves no score. A file that decord calls
damaged is not tried again: of a file that is cut short PyAV reads the part that is there, which is another video.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray

THREADS = 1
"""Of one decoder; the loader's workers decode side by side."""


class Reader(Protocol):
    """An open video."""

    @property
    def name(self) -> str:
        """The library that decodes it, with its version."""

    def __len__(self) -> int:
        """Frames."""

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """A frame, shape (height, width, 3), RGB."""


@contextmanager
def decoder(path: Path) -> Iterator[Reader]:
    """An open video; failures at opening and at decoding come out alike.

    Raises:
        DataError: the file is damaged or without a picture, or there is no decoder that reads it.
    """
    decord, av = _module("decord"), _module("av")
    if decord is None and av is None:
        raise DataError(
            f"{path} is a video file without extracted frames, and neither decord nor PyAV, which decode it, is"
            " installed; run `pip install 'rzen-eval[video]'`, or unpack the frames (`rzen-eval data unpack`)"
        )
    with ExitStack() as stack:
        yield _opened(stack, path, decord, av)


def _opened(stack: ExitStack, path: Path, decord: ModuleType | None, av: ModuleType | None) -> Reader:
    if decord is not None:
        try:
            return stack.enter_context(_decord(path, decord))
        except _PicturelessError:
            if av is None:
                raise
    return stack.enter_context(_av(path, av))


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except (ImportError, OSError):
        return None


class _PicturelessError(DataError):
    """A file in which a decoder finds no picture that it decodes."""


def _pictureless(path: Path, name: str) -> _PicturelessError:
    return _PicturelessError(
        f"{path} cannot be decoded: no picture in it that {name} decodes; it holds sound only, is cut short, or uses a"
        " codec such as AV1" + (", which PyAV reads: pip install av" if name == "decord" else "")
    )


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} cannot be decoded: damaged, truncated or not a video; get it again")


@contextmanager
def _decord(path: Path, decord: Any) -> Iterator[Reader]:
    decord.logging.set_level(decord.logging.QUIET)

    def opened() -> Any:
        with _quiet():
            return decord.VideoReader(str(path), num_threads=THREADS)

    try:
        yield _Decord(opened, jumps=_jumps(path))
    except (RuntimeError, decord.DECORDError, IndexError) as error:
        if "cannot find video stream" in str(error):
            raise _pictureless(path, "decord") from error
        raise _damaged(path) from error


def _jumps(path: Path) -> bool:
    """Whether decord finds a frame of a file without those before it: in MP4, MOV, Matroska and WebM.

    In an AVI with B-frames it takes another frame for it and says nothing.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    return head[4:] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"} or head[:4] == b"\x1aE\xdf\xa3"


class _Decord:
    """As decord reads it.

    Args:
        opened: opens the file.
        jumps: whether frames in between may be left out.
    """

    def __init__(self, opened: Callable[[], Any], *, jumps: bool) -> None:
        self._opened, self._jumps = opened, jumps
        self._reader, self._next = opened(), 0
        self.name = f"decord {version('decord')}"

    def __len__(self) -> int:
        return len(self._reader)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        if not self._jumps:
            if index < self._next:
                self._reader, self._next = self._opened(), 0
            for before in range(self._next, index):
                self._reader[before]
            self._next = index + 1
        frame: NDArray[np.uint8] = self._reader[index].asnumpy()
        return frame


@contextmanager
def _av(path: Path, av: Any) -> Iterator[Reader]:
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise _pictureless(path, "PyAV")
            yield _Av(container, path)
    except (av.error.FFmpegError, IndexError) as error:
        raise _damaged(path) from error


class _Av:
    """As PyAV reads it: frames are counted by the packets that hold them, as decord counts them.

    Args:
        container: open.
        path: for messages.

    Raises:
        DataError: packets are missing or damaged.
    """

    def __init__(self, container: Any, path: Path) -> None:
        self._container, self._path = container, path
        self._stream = container.streams.video[0]
        self._stream.codec_context.thread_count = THREADS
        self._stream.codec_context.options = {"err_detect": "explode"}
        self.name = f"av {version('av')}"
        packets = [packet for packet in container.demux(self._stream) if packet.size and not packet.is_discard]
        if any(packet.is_corrupt for packet in packets) or len(packets) < self._stream.frames:
            raise _damaged(path)
        self._times = sorted(packet.pts for packet in packets if packet.pts is not None)
        exact = {"mp4", "matroska"} & {*container.format.name.split(",")}
        self._timed = bool(exact) and len(set(self._times)) == len(packets)
        self._length = len(packets)
        self._keys = sorted(packet.pts for packet in packets if self._timed and packet.is_keyframe)
        self._begin(None)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        if not 0 <= index < self._length:
            raise IndexError(index)
        frame = self._at_time(self._times[index]) if self._timed else self._at_place(index)
        if frame.is_corrupt:
            raise _damaged(self._path)
        # decord turns pictures as the file says, PyAV only says so.
        turned: NDArray[np.uint8] = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
        return np.ascontiguousarray(turned)

    def _begin(self, time: int | None) -> None:
        """Decode from a frame that stands for itself; None: from the first one."""
        first = self._times[0] if self._times else 0
        self._container.seek(first if time is None else time, stream=self._stream)
        self._frames, self._place, self._now = self._container.decode(self._stream), -1, None

    def _at_time(self, time: int) -> Any:
        before = bisect_right(self._keys, time) - 1
        key = self._keys[before] if before >= 0 else None
        if self._now is None or self._now >= time or (key is not None and key > self._now):
            self._begin(key)
        for frame in self._frames:
            self._now = frame.pts
            if frame.pts == time:
                return frame
            if frame.pts is None or frame.pts > time:
                break
        raise _damaged(self._path)

    def _at_place(self, index: int) -> Any:
        if self._place >= index:
            self._begin(None)
        for frame in self._frames:
            self._place += 1
            if self._place == index:
                return frame
        raise _damaged(self._path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what decord's C++ code prints to standard error from the user, who gets our line instead."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
