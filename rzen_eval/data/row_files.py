"""Which files of a repository on disk hold the rows of a configuration and a split.

`README.md` says so in its head. Where it does not, or is not there, names do: a folder or files named after the
configuration, and in them what is named after the split.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from rzen_eval.errors import AbsentError, DataError, reason, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

READERS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".csv": "csv", ".tsv": "csv", ".arrow": "arrow"}
"""Of `datasets`, by extension."""
SHARD = re.compile(r"-(\d{5,})-of-(\d{5,})\.")
MAGIC = {"parquet": b"PAR1"}
POINTER = b"version https://git-lfs"
README = "README.md"
NOT_ROWS = ("*.zip", "*.tar", "*.tar.*", "*.tgz", "*.7z", "*.rar", "*.mp4", "*.avi", "*.mkv", "*.mov", "*.webm")
"""Files of row repositories that are left out: raw videos, of which the benchmark has frames in its own archives."""


@dataclass(frozen=True, slots=True)
class RowFiles:
    """Files that hold the rows of one configuration and split."""

    reader: str
    """Which of `READERS` reads them."""
    files: tuple[Path, ...]


def row_files(folder: Path, config: str | None, split: str) -> RowFiles:
    """The files with the rows of a configuration.

    Args:
        folder: a repository as a download leaves it.
        config: None where the repository has one only.
        split: name of the split.

    Raises:
        DataError: there are none, `README.md` cannot be read or names something outside the repository, or the files
            are of different kinds, of two uploads or not all there.
    """
    declared = _declared(folder, config, split)
    if declared is None:
        found = _by_name(folder, config, split)
        hint = "" if (folder / README).is_file() else f"; {README}, which says where rows are, is missing as well"
    else:
        found = sorted({file for pattern in declared for file in _matching(folder, pattern)})
        hint = f"; {README} names {some(declared)}"
    what = f"{config or 'the only configuration'}, split {split}"
    if not found:
        raise AbsentError(f"no file with rows of {what}{hint}")
    return checked(found, what)


def checked(files: Sequence[Path], what: str) -> RowFiles:
    """Files that can be read as one table.

    Raises:
        DataError: they are of different kinds, of two uploads or not all there, or one holds something else.
    """
    readers = {READERS.get(file.suffix, "") for file in files}
    if len(readers) != 1 or "" in readers:
        raise DataError(f"expected files of one kind for {what}, found {some([file.name for file in files])}")
    sets = defaultdict(set)
    for file in files:
        if shard := SHARD.search(file.name):
            sets[int(shard[2])].add(int(shard[1]))
    if len(sets) > 1:
        names = [f"-of-{total:05}" for total in sorted(sets)]
        raise DataError(f"{what} has parts of {len(sets)} uploads, {some(names)}; delete those of the older one")
    for total, numbers in sets.items():
        if missing := sorted(set(range(total)) - numbers):
            raise DataError(f"{what} lacks {len(missing)} of {total} parts, the first is {missing[0]:05}-of-{total:05}")
    reader = readers.pop()
    for file in files:
        _check_start(file, reader)
    return RowFiles(reader, tuple(files))


def count_rows(rows: RowFiles) -> int:
    """Rows of some files: what tables note of themselves, and lines that are not empty.

    Raises:
        OSError, ValueError: a file is damaged.
    """
    from pyarrow import parquet

    if rows.reader == "parquet":
        return sum(parquet.read_metadata(file).num_rows for file in rows.files)
    total = 0
    for file in rows.files:
        with file.open("rb") as lines:
            total += sum(1 for line in lines if line.strip())
    return total


def start_of(file: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        DataError: it is a pointer that Git LFS left in the file's place.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        start = stream.read(len(POINTER))
    if start == POINTER:
        raise DataError(f"{file.name} is a Git LFS pointer and not the file; run `git lfs pull`")
    return start


def _check_start(file: Path, reader: str) -> None:
    if not file.is_file():
        raise DataError(f"{file.name} is no regular file")
    start = start_of(file)
    if not start:
        raise DataError(f"{file.name} is empty, {reader} file size is 0 bytes")
    if not start.startswith(MAGIC.get(reader, b"")):
        raise DataError(f"{file.name} is no {reader} file, Parquet magic bytes not found")


def _declared(folder: Path, config: str | None, split: str) -> list[str] | None:
    """Patterns that the head of `README.md` gives; None where it says nothing of configurations."""
    configs = head(folder).get("configs")
    if not configs:
        return None
    by_name = {str(one.get("config_name")): one for one in _dicts(configs)}
    if config is None:
        chosen = next((one for one in by_name.values() if one.get("default") is True), by_name.get("default"))
        chosen = chosen or (next(iter(by_name.values())) if len(by_name) == 1 else None)
        if chosen is None:
            raise DataError(f"{README} has the configurations {some(list(by_name))}, and none of them is the default")
    elif config in by_name:
        chosen = by_name[config]
    else:
        raise DataError(f"{README} has no configuration {config}; it has {some(list(by_name))}")
    base, files = str(chosen.get("data_dir") or ""), chosen.get("data_files")
    if files is None:
        return [f"{base}/{pattern}" for pattern in _named_after(split)] if base else None
    by_split = {str(one.get("split")): one.get("path") for one in _dicts(files)} or {"train": files}
    if split not in by_split:
        raise DataError(
            f"{README} has no split {split} of {config or 'its configuration'}; it has {some(list(by_split))}"
        )
    patterns = by_split[split]
    return [
        f"{base}/{one}" if base else str(one) for one in ([patterns] if isinstance(patterns, str) else patterns or [])
    ]


def head(folder: Path) -> dict[str, Any]:
    """What the head of a repository's `README.md` says; nothing where there is none.

    Raises:
        DataError: it cannot be read.
    """
    file = folder / README
    if not file.is_file():
        return {}
    try:
        text = file.read_text(encoding="utf-8-sig")
        parts = re.split(r"^---\s*$", text, maxsplit=2, flags=re.MULTILINE)
        told = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{README} cannot be read ({reason(error, 150)})") from error
    return told if isinstance(told, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _matching(folder: Path, pattern: str) -> Iterable[Path]:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or "://" in pattern or "\0" in pattern:
        raise DataError(f"{README} names {pattern[:100]!r}, which is no path inside the repository")
    if (folder / path).is_file():
        return [folder / path]
    found = (file for file in folder.glob(pattern) if not file.name.startswith("._"))
    return [file for file in found if file.suffix in READERS and file.is_file()]


def _named_after(split: str) -> list[str]:
    return [f"{split}*", f"**/{split}*"]


def _by_name(folder: Path, config: str | None, split: str) -> list[Path]:
    files = [file for file in _files(folder) if file.suffix in READERS]
    if config is not None:
        inside = [file for file in files if config in file.relative_to(folder).parts[:-1]]
        files = inside or [file for file in files if _has_word(file.stem, config)]
    named = [file for file in files if _has_word("/".join(file.relative_to(folder).with_suffix("").parts), split)]
    return named or (files if len(files) == 1 else [])


def _has_word(name: str, word: str) -> bool:
    """Whether a word stands in a name by itself: `test` in `msrvtt_test_1k`, not in `latest`."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z])", name) is not None


def _files(folder: Path) -> list[Path]:
    return [file for file in below(folder) if ".cache" not in file.relative_to(folder).parts[:1]]


def below(folder: Path) -> list[Path]:
    """All regular files in a folder and the folders in it, those that are linked there included, sorted."""
    found, seen = [], set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        # macOS leaves `._NAME` beside each file on disks of others.
        found += [Path(place) / name for name in names if not name.startswith("._")]
    return sorted(file for file in found if file.is_file())


def is_rows(name: str) -> bool:
    """Whether a file of a row repository is fetched: raw videos are not."""
    return not any(fnmatch(name.lower(), pattern) for pattern in NOT_ROWS)
