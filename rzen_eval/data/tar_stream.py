"""Members of tars that follow one another in files that are read as one, forwards only."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from _typeshed import WriteableBuffer

BLOCK = 1 << 20
"""Bytes that are read at once."""
MAGIC, USTAR = b"\x1f\x8b", slice(257, 262)
"""How gzip and how an uncompressed tar begin."""


class Joined(io.RawIOBase):
    """Files read one after the other as one."""

    def __init__(self, files: Sequence[Path], progress: Callable[[int], object]) -> None:
        self._waiting = list(files)
        self._progress = progress
        self._open: IO[bytes] | None = None
        self.reading: Path | None = None
        """The file of the last read."""
        self.count = 0
        """Bytes read so far."""

    def readable(self) -> bool:
        """It can be read, and only that."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer from the present file, or from the next one at its end."""
        view = memoryview(buffer).cast("B")
        while self._open or self._waiting:
            if self._open is None:
                self.reading = self._waiting.pop(0)
                self._open = self.reading.open("rb")
            block = self._open.read(len(view))
            if block:
                view[: len(block)] = block
                self.count += len(block)
                self._progress(len(block))
                return len(block)
            self._open.close()
            self._open = None
        return 0

    def close(self) -> None:
        """Close what is open."""
        if self._open:
            self._open.close()
        super().close()


def members(raw: Joined) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Members with what reads their content, in order; each must be read before the next is asked for.

    After the mark that ends a tar another may follow, as `cat` leaves them; its members come too. The whole stream is
    read, since its checksum is at the end.

    Raises:
        tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError: the stream is damaged or cut short.
    """
    buffered = io.BufferedReader(raw, BLOCK)
    head = buffered.peek(512)[:512]
    packed: IO[bytes] = buffered if head[USTAR] == b"ustar" and head[:2] != MAGIC else gzip.GzipFile(fileobj=buffered)  # type: ignore[assignment]
    stream = _Forward(packed)
    tar = tarfile.TarFile(fileobj=stream)  # type: ignore[arg-type]
    member = tar.firstmember  # type: ignore[attr-defined]
    while member is not None:
        yield member, tar.extractfile(member) if member.isreg() else None
        stream.seek(tar.offset)
        member = _next(tar, stream)


def _next(tar: tarfile.TarFile, stream: _Forward) -> tarfile.TarInfo | None:
    """The next member of this tar or of one that follows; None at the end of the last."""
    ended = False
    while (block := stream.peek()) and not block.strip(b"\0"):
        ended = True
        stream.read(len(block))
    if not block and not ended:
        raise tarfile.ReadError("the tar ends without the mark of its end")
    if not block:
        return None
    tar.offset = stream.tell()
    return tarfile.TarInfo.fromtarfile(tar)


class _Forward:
    """A stream as `tarfile` wants a file: with a place, which moves forwards only."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._place = 0
        self._peeked = b""

    def peek(self) -> bytes:
        """The next block of a tar, shorter or empty at the end."""
        self._peeked = self._peeked or self._stream.read(tarfile.BLOCKSIZE)
        return self._peeked

    def read(self, size: int) -> bytes:
        """As of a file."""
        first, self._peeked = self._peeked[:size], self._peeked[size:]
        block = first + self._stream.read(size - len(first)) if size > len(first) else first
        self._place += len(block)
        return block

    def tell(self) -> int:
        """Bytes read so far."""
        return self._place

    def seek(self, place: int) -> int:
        """Pass over what lies between."""
        if place < self._place:
            raise tarfile.StreamError("a tar that refers backwards")
        while self._place < place:
            if not self.read(min(BLOCK, place - self._place)):
                raise tarfile.ReadError("unexpected end of data")
        return place
