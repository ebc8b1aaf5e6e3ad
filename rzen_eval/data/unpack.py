"""Unpacking of archives: streamed, nothing outside the target, and an interrupted run goes on.

A file appears under its name only when it is whole, with the size and the time that the archive gives it. So
another run over the same archive writes only what is not there yet; what is there is decompressed and passed over.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.data.archive_members import DISTRUSTED, SCRATCH, Laying, Unpacked, scratch
from rzen_eval.data.archives import MARKER, Marker
from rzen_eval.data.commits import commit_of
from rzen_eval.data.tar_stream import Joined
from rzen_eval.errors import DataError
from rzen_eval.files import appearing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rzen_eval.data.archives import Archive

POINTER = b"version https://git-lfs"
DAMAGE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, OverflowError, ValueError)


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
        DataError: a part is missing or damaged, the archive holds something else, a member is unsafe, or the disk is
            full.
    """
    done, sizes = archive.unpacked(tree), archive.sizes(tree)
    if done and not again and (not sizes or done.parts == sizes):
        return Unpacked(done.files, done.bytes, 0, done.folders)
    if missing := archive.missing(tree):
        raise DataError(
            f"{archive.name}: no file at {tree / missing[0]}, one of {len(archive.parts)}; run `rzen-eval data fetch`"
        )
    target = tree / archive.target
    raw = Joined([tree / part for part in sizes], progress or _silent)
    try:
        _check_whole(archive, tree, sizes)
        target.mkdir(parents=True, exist_ok=True)
        _check_space(archive, sum(sizes.values()), target)
        with raw:
            counts = Laying(archive, target.resolve(), raw).run()
        for left in [target / DISTRUSTED, *target.glob(f"{SCRATCH}*")]:
            left.unlink(missing_ok=True)
        _mark(archive, tree, sizes, counts)
    except DAMAGE as error:
        # The checksum is at the end, so anything unpacked so far may be wrong.
        (target / DISTRUSTED).touch()
        raise DataError(
            f"{archive.name}: {', '.join(sizes)} cannot be unpacked ({error}, {_where(raw, sizes)}): a part is damaged,"
            " incomplete or only a Git LFS pointer; delete it and run `rzen-eval data fetch` again"
        ) from error
    except OSError as error:
        raise DataError(
            f"{archive.name}: cannot be unpacked to {target} ({error}); mend that, and the same command goes on"
        ) from error
    return counts


def _silent(_bytes: int) -> None:
    """Progress that nobody watches."""


def _where(raw: Joined, sizes: Mapping[str, int]) -> str:
    """Which part was being read, and which is shorter than those that a cut stream has in one length."""
    reading = raw.reading.name if raw.reading else "the last part"
    longest = max(sizes.values())
    short = [Path(part).name for part in list(sizes)[:-1] if sizes[part] < 0.99 * longest]
    return f"while reading {reading}" + (f"; {', '.join(short)} is shorter than the others" if short else "")


def _mark(archive: Archive, tree: Path, sizes: Mapping[str, int], counts: Unpacked) -> None:
    """Note beside what was unpacked that it is whole, and what it came from."""
    target = tree / archive.target
    marker = Marker(
        archive=archive.name,
        parts=sizes,
        files=counts.files,
        bytes=counts.bytes,
        folders=dict(counts.folders),
        commit=commit_of(tree, archive),
    )
    with appearing(target / MARKER, scratch(target)) as place:
        place.write_text(marker.model_dump_json(indent=2))


def _check_whole(archive: Archive, tree: Path, sizes: Mapping[str, int]) -> None:
    """Refuse a part that can be seen to be none, before anything is read."""
    for part in sizes:
        with (tree / part).open("rb") as file:
            if file.read(len(POINTER)) == POINTER:
                raise DataError(
                    f"{archive.name}: {part} cannot be unpacked: it is a Git LFS pointer of {sizes[part]} bytes and not"
                    " the archive; run `git lfs pull`, or delete it and run `rzen-eval data fetch`"
                )


def _check_space(archive: Archive, size: int, target: Path) -> None:
    """Refuse before hours of work: pictures hardly compress, so what is unpacked takes about the archive's size."""
    free = shutil.disk_usage(target).free
    if free >= size:
        return
    there = sum(file.stat().st_size for file in target.rglob("*") if file.is_file() and ".tar.gz" not in file.name)
    if free + there < size:
        raise DataError(
            f"{archive.name}: unpacking to {target} takes about {size / 1e9:.1f} GB, of which {there / 1e9:.1f} GB are"
            f" there; free are {free / 1e9:.1f} GB; make room or use another data.root"
        )
