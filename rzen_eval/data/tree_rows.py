"""Rows in files of a tree of media, as MMEB-V3 has them: JSON lines, tables and tab-separated judgements."""

from __future__ import annotations

import json
import math
import mmap
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rzen_eval.data.archives import holder
from rzen_eval.data.commands import command
from rzen_eval.data.commits import commit_of
from rzen_eval.data.documents import MEMORY_PLACES
from rzen_eval.data.places import BASES, Place, Tree
from rzen_eval.data.row_files import start_of
from rzen_eval.data.signature import signature
from rzen_eval.errors import ConfigError, DataError, reason
from rzen_eval.files.bounds import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rzen_eval.core import Task
    from rzen_eval.data.repository import Repository

Cells = Mapping[str, Any]
Rows = Sequence[Cells]


class JsonLines(Sequence[Cells]):
    """Lines of JSON objects, found at once and read when they are asked for; empty lines are none."""

    def __init__(self, file: Path, what: str) -> None:
        self._what = what
        self._starts, self._ends = array("Q"), array("Q")
        with file.open("rb") as stream:
            self._content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if file.stat().st_size else b""
            start = 0
            for line in stream:
                if line.strip():
                    self._starts.append(start)
                    self._ends.append(start + len(line))
                start += len(line)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: Any) -> Any:
        try:
            row = json.loads(self._content[self._starts[index] : self._ends[index]])
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self._what}: row {index} is no JSON ({error}); get the file again") from error
        if not isinstance(row, dict):
            raise DataError(f"{self._what}: row {index} is {row!r:.60}; expected an object with fields")
        return row


class Table(Sequence[Cells]):
    """A Parquet file."""

    def __init__(self, file: Path) -> None:
        from pyarrow import parquet

        self._table = parquet.read_table(file)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: Any) -> Any:
        return {name: self._table.column(name)[index].as_py() for name in self._table.column_names}


@dataclass
class TreeRows:
    """The files of one task, in whichever tree has them."""

    task: Task
    repository: Repository
    files: dict[str, Path] = field(default_factory=dict)
    """Files that were read, by path."""
    tree: Tree | None = None
    """The tree that they are in."""
    odd: list[str] = field(default_factory=list)
    """What is odd about the rows, for people."""

    def rows(self, path: str) -> Rows:
        """Rows of a file.

        Args:
            path: in the canonical tree.

        Raises:
            DataError: it is not there, cannot be read or holds no row.
        """
        file = self.file(path)
        what = f"{self.task.id}: {path}"
        try:
            rows: Rows = Table(file) if file.suffix == ".parquet" else JsonLines(file, what)
        except (OSError, ValueError) as error:
            raise DataError(f"{what} cannot be read ({reason(error, 200)}); get the file again") from error
        if not len(rows):
            raise DataError(f"{what} holds no row; get the file again")
        return rows

    def note(self, path: str, numbers: Sequence[int], what: str) -> None:
        """Say how many rows of a file are of a kind, and which is the first, if any are."""
        if numbers:
            self.odd.append(f"{self.task.id}: {path}: {len(numbers)} {what} (the first is row {numbers[0]})")

    def file(self, path: str) -> Path:
        """Where a file is.

        Raises:
            DataError: it is in no tree, or not the file itself.
        """
        found = self.place_of(path)
        if found is None:
            if self.task.source.kind == "sample":
                raise DataError(f"{self.task.id}: the sample has no file {path}, so it does not hold this task")
            archive = holder(path)
            expected = self.repository.media_source.tree_of(archive) if archive else self._trees()[0].folder
            get = f"{command('fetch', [self.task])} && {command('unpack', [self.task])}"
            raise DataError(f"{self.task.id}: no file {path} in {expected}; get it with {get}")
        if not found.is_file():
            raise DataError(f"{self.task.id}: {found} is no regular file; get it again")
        try:
            start_of(found)
        except (DataError, OSError) as error:
            raise DataError(f"{self.task.id}: {path}: {reason(error, 200)}") from error
        self.files[path] = found
        return found

    def place_of(self, path: str) -> Path | None:
        """Where a file or folder is; None where no tree has it. The first thing that is found decides on the tree.

        Raises:
            ConfigError: the task's options name something outside.
        """
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ConfigError(
                f"tasks.{self.task.id}.options: expected paths inside the data, without '..', found {path!r}"
            )
        trees = [self.tree] if self.tree else self._trees()
        for tree in trees:
            for known in spellings(path):
                if (tree.folder / known).exists():
                    self._found(tree, path, tree.folder / known)
                    return tree.folder / known
        return None

    def _trees(self) -> list[Tree]:
        own = self.repository.own_media
        return [Tree(own.expanduser().absolute(), None)] if own else self.repository.media_source.trees

    def _found(self, tree: Tree, path: str, file: Path) -> None:
        if self.tree is None:
            self.tree = tree
            canonical = str(PurePosixPath(path).parent)
            self.repository.media.places[canonical] = Place(canonical, file.parent, 1, 1, 1)

    def revision(self) -> str:
        """What identifies the content of all files that were read, after the commit where it is known."""
        tree = self.tree or self.repository.media_source.trees[0]
        if self.task.source.kind == "sample":
            return self.repository.revision
        digest = signature(sorted(self.files.values()), tree.folder, self.task.cache_dir)
        commit = commit_of(tree.folder, holder(next(iter(self.files))))
        return f"{commit}+files:{digest}" if commit else f"files:{digest}"


def spellings(path: str) -> Iterator[str]:
    """Paths that a file of the canonical tree may have: folders with underscores, memory tasks beside one another."""
    base, _, rest = path.partition("/")
    first, _, more = rest.partition("/")
    inner = [rest, more] if first in MEMORY_PLACES.values() else [rest]
    for other in BASES.get(base, (base,)):
        yield from (f"{other}/{tail}" for tail in inner)


def fields(row: Cells, names: Sequence[str]) -> Any:
    """The first field that says something; of the last one whatever it says, zero included.

    So the official evaluator chooses (`a or b or row.get(c)`), which loses an id that is the number 0 in any but the
    last field.
    """
    *first, last = names
    return next((row[name] for name in first if row.get(name)), row.get(last))


def bounded(text: str, place: str) -> str:
    """A text that is short enough.

    Args:
        text: of a row.
        place: file and row, for messages.

    Raises:
        DataError: it is longer than the longest that is read.
    """
    if len(text) > DOCUMENT.most:
        raise DataError(f"{place}: a text is too long: {DOCUMENT.exceeded(len(text))}")
    return text


def fieldless(rows: Rows, *wanted: Sequence[str]) -> str:
    """What to say of rows none of which has what is needed: fields that were looked for, and those that are there."""
    looked = " and ".join(f"{'one of ' if len(names) > 1 else ''}{', '.join(names)}" for names in wanted)
    return f"expected {looked}; the first row has {', '.join(map(str, rows[0])) or 'nothing'}"


def name_of(value: Any, place: str) -> str | None:
    """An id as text; None where there is none. An empty text is an id, as for the official evaluator.

    Args:
        value: of a field.
        place: file and row, for messages.

    Raises:
        DataError: it is something that is no id.
    """
    if value is None:
        return None
    if isinstance(value, list | dict | bytes) or (isinstance(value, float) and not math.isfinite(value)):
        raise DataError(f"{place}: the id is {value!r:.60}; expected a text or a number")
    return str(value)
