"""Unpacking of archives: streamed, nothing outside the target, and an interrupted run goes on.

A file appears under its name only when it is whole, with the size and the time that the archive gives it. So
another run over the same archive writes only what is not there yet; what is there is decompressed and passed over.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from rzen_eval.data.archives import MARKER
from rzen_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import WriteableBuffer

    from rzen_eval.data.archives import Archive

BLOCK = 1 << 20
TAR_BLOCK = 1 << 16
"""Of `tarfile`, which copies what is left of its block at every read."""
SCRATCH = ".rzen-unpacking-"
"""Beginning of the name of the one file that is being written; a killed run leaves it, a finished one removes it."""
DISTRUSTED = ".rzen-distrusted"
"""In a target that a damaged archive was unpacked to; what lies there is written again."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held and what of it was new."""

    files: int
    bytes: int
    written: int
    """Files that were not there yet."""


def unpack(
    archive: Archive, tree: Path, *, again: bool = False, progress: Callable[[int], object] | None = None
) -> Unpacked:
    """Unpack an archive to its place in the tree.

    Args:
        archive: which; its parts lie in the tree.
        tree: the folder that holds `image-tasks/` and `video-tasks/`.
        again: do so although it was done; files that are there are kept.
        progress: called with the compressed bytes read since the last call.

    Returns:
        Counts; what an earlier run did is in them.

    Raises:
        DataError: a part is missing or damaged, a member is unsafe, or the disk is full.
    """
    done = archive.unpacked(tree)
    sizes = archive.sizes(tree)
    if done and not again and (not sizes or done["parts"] == sizes):
        return Unpacked(done["files"], done["bytes"], 0)
    if missing := archive.missing(tree):
        raise DataError(
            f"{archive.name}: no file at {tree / missing[0]}, one of {len(archive.parts)}; run `rzen-eval data fetch`"
        )
    target = tree / archive.target
    try:
        target.mkdir(parents=True, exist_ok=True)
        _check_space(archive, sum(sizes.values()), target)
        (target / MARKER).unlink(missing_ok=True)
        counts = _stream(archive, [tree / part for part in archive.parts], target.resolve(), progress or _silent)
        for left in [target / DISTRUSTED, *target.glob(f"{SCRATCH}*")]:
            left.unlink(missing_ok=True)
        marker = {"archive": archive.name, "parts": sizes, "files": counts.files, "bytes": counts.bytes}
        _scratch(target).write_text(json.dumps(marker, indent=2))
        _scratch(target).replace(target / MARKER)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, OverflowError, ValueError) as error:
        # The checksum is at the end, so anything unpacked so far may be wrong.
        (target / DISTRUSTED).touch()
        raise DataError(
            f"{archive.name}: {', '.join(archive.parts)} cannot be unpacked ({error}): a part is damaged, incomplete or"
            " only a Git LFS pointer; delete it and run `rzen-eval data fetch` again"
        ) from error
    except OSError as error:
        raise DataError(
            f"{archive.name}: cannot be unpacked to {target} ({error}); mend that, and the same command goes on"
        ) from error
    return counts


def _scratch(target: Path) -> Path:
    return target / f"{SCRATCH}{os.getpid()}"


def _silent(_bytes: int) -> None:
    """Progress that nobody watches."""


def _check_space(archive: Archive, size: int, target: Path) -> None:
    """Refuse before hours of work: pictures hardly compress, so what is unpacked takes about the archive's size."""
    free = shutil.disk_usage(target).free
    if free >= size:
        return
    there = sum(file.stat().st_size for file in target.rglob("*") if file.is_file() and file.suffix != ".gz")
    if free + there < size:
        raise DataError(
            f"{archive.name}: unpacking to {target} takes about {size / 1e9:.1f} GB, of which {there / 1e9:.1f} GB are"
            f" there; free are {free / 1e9:.1f} GB; make room or use another data.root"
        )


def _stream(archive: Archive, parts: Sequence[Path], target: Path, progress: Callable[[int], object]) -> Unpacked:
    files = total = written = 0
    checked: set[Path] = set()
    trusted = not (target / DISTRUSTED).exists()
    with (
        Joined(parts, progress) as raw,
        gzip.GzipFile(fileobj=io.BufferedReader(raw, BLOCK)) as stream,
        tarfile.open(fileobj=stream, mode="r|", bufsize=TAR_BLOCK) as tar,
    ):
        for member in _members(tar):
            place = _place(archive, member, target)
            if place == target:
                continue
            if place.parent not in checked:
                _check_parent(archive, member, place.parent, target)
                checked.add(place.parent)
            if member.isdir():
                _check_parent(archive, member, place, target)
                continue
            files += 1
            total += member.size
            if member.issym() or member.islnk():
                written += _link(archive, member, place, target)
            elif not (trusted and _finished(place, member)):
                content = tar.extractfile(member)
                if content is None:
                    raise _refused(archive, member, "a member without content")
                _write(content, place, member, _scratch(target))
                written += 1
        # The end of the tar is not the end of the file: only there is the checksum.
        while stream.read(BLOCK):
            pass
    return Unpacked(files, total, written)


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        yield member
        # It keeps all members otherwise, a gigabyte for a million frames.
        tar.members = []  # type: ignore[attr-defined]


def _place(archive: Archive, member: tarfile.TarInfo, target: Path) -> Path:
    """Where a member belongs, or an error if it should not exist at all."""
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        kind = "a device" if member.isdev() and not member.isfifo() else "a FIFO" if member.isfifo() else "no file"
        raise _refused(archive, member, kind)
    return target / _inside(archive, member, member.name)


def _inside(archive: Archive, member: tarfile.TarInfo, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute():
        raise _refused(archive, member, f"an absolute path, {name}" if name != member.name else "an absolute path")
    if ".." in path.parts:
        raise _refused(archive, member, "a path with '..'")
    return path.relative_to(archive.wrapper) if path.parts[:1] == (archive.wrapper,) else path


def _check_parent(archive: Archive, member: tarfile.TarInfo, folder: Path, target: Path) -> None:
    """Make a folder; links among its parents are refused, since what `..` means beyond them shows only on disk."""
    if folder.resolve() != folder:
        raise _refused(archive, member, f"a path through a link, to {folder.resolve()} instead of {target}")
    folder.mkdir(parents=True, exist_ok=True)


def _link(archive: Archive, member: tarfile.TarInfo, place: Path, target: Path) -> int:
    """A link to somewhere inside the target; returns how many were written.

    In a symbolic link `..` may come first only: after a name it would depend on what other links make of that name.
    """
    if member.islnk():
        source = target / _inside(archive, member, member.linkname)
        if not source.is_file() or source.is_symlink():
            raise _refused(archive, member, f"a hard link to {member.linkname}, which it does not hold as a file")
        if place.is_file() and place.samefile(source):
            return 0
        place.unlink(missing_ok=True)
        place.hardlink_to(source)
        return 1
    aim = Path(os.path.normpath(place.parent / member.linkname))
    names = list(itertools.dropwhile(lambda part: part == "..", PurePosixPath(member.linkname).parts))
    if member.linkname.startswith("/") or ".." in names or not aim.is_relative_to(target):
        raise _refused(archive, member, f"a link out of its folder, to {member.linkname}")
    if place.is_symlink() and str(place.readlink()) == member.linkname:
        return 0
    place.unlink(missing_ok=True)
    place.symlink_to(member.linkname)
    return 1


def _finished(place: Path, member: tarfile.TarInfo) -> bool:
    try:
        stat = place.lstat()
    except FileNotFoundError:
        return False
    return (stat.st_size, int(stat.st_mtime)) == (member.size, int(member.mtime))


def _write(content: IO[bytes], place: Path, member: tarfile.TarInfo, scratch: Path) -> None:
    """Write a file whole, with the archive's time but neither its owner nor its permissions."""
    scratch.unlink(missing_ok=True)
    with scratch.open("xb") as file:
        shutil.copyfileobj(content, file, BLOCK)
    os.utime(scratch, (member.mtime, member.mtime))
    scratch.replace(place)


def _refused(archive: Archive, member: tarfile.TarInfo, what: str) -> DataError:
    return DataError(
        f"{archive.name}: member {member.name!r} is {what}; refused, and so is the rest of {archive.parts[0]}:"
        " get the archive again from the hub"
    )


class Joined(io.RawIOBase):
    """Files read one after the other as one."""

    def __init__(self, files: Sequence[Path], progress: Callable[[int], object]) -> None:
        self._waiting = list(files)
        self._progress = progress
        self._open: IO[bytes] | None = None

    def readable(self) -> bool:
        """It can be read, and only that."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer from the present file, or from the next one at its end."""
        view = memoryview(buffer).cast("B")
        while self._open or self._waiting:
            if self._open is None:
                self._open = self._waiting.pop(0).open("rb")
            block = self._open.read(len(view))
            if block:
                view[: len(block)] = block
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
