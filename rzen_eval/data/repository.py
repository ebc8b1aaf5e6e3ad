"""Rows of dataset repositories, from the hub, a mirror on disk or the bundled sample, through one loading code."""

from __future__ import annotations

import errno
import glob
import hashlib
import sys
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from rzen_eval.data import bundled, kept_tables
from rzen_eval.data.archives import V3
from rzen_eval.data.media_source import MediaSource
from rzen_eval.data.own_rows import own_rows
from rzen_eval.data.row_files import count_rows, row_files
from rzen_eval.data.signature import commits_of, of_repository, signature
from rzen_eval.errors import AbsentError, DataError, reason, some
from rzen_eval.files import entries
from rzen_eval.offline import spare_retries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import datasets

    from rzen_eval.core import Dataset, Source, Task
    from rzen_eval.data.media import MediaTree
    from rzen_eval.data.own_rows import OwnRows
    from rzen_eval.data.row_files import RowFiles

UNKEPT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS})
"""Why a folder takes no file."""
NO_ROW = DataError("it holds no row")


@dataclass(frozen=True)
class Repository:
    """A dataset repository as seen by one task."""

    task_id: str
    dataset: Dataset
    source: Source
    cache_dir: Path
    n_queries: int | None = None
    """How many the task declares."""
    own_media: Path | None = None
    """A folder that the user named for this task's media."""

    @classmethod
    def of(cls, task: Task) -> Repository:
        """The repository that a task declares."""
        return cls(task.id, task.dataset, task.source, task.cache_dir, task.n_queries, task.media)

    @cached_property
    def media_source(self) -> MediaSource:
        """Where the media are."""
        return MediaSource(self.source, self.cache_dir, self.own_media)

    @property
    def media(self) -> MediaTree:
        """Pictures and frames that lie beside the rows, in `TIGER-Lab/MMEB-V2`."""
        return self.media_source.tree

    @property
    def in_archives(self) -> bool:
        """Whether rows are in an archive of the media repository, MMEB-V3's, and not in a repository of their own."""
        return self.dataset.repo == V3

    @cached_property
    def folder(self) -> Path | None:
        """The repository on disk, for a mirror or the sample; None where the mirror does not hold it."""
        root = bundled.folder(self.cache_dir) if self.source.kind == "sample" else self.source.root or Path()
        cached = root.expanduser() / f"datasets--{self.dataset.repo.replace('/', '--')}" / "snapshots"
        commits = sorted(entries(cached), key=lambda name: name != self.dataset.revision)
        places = [root.expanduser() / self.dataset.repo, *(cached / commit for commit in commits)]
        return next((place.resolve() for place in places if place.is_dir()), None)

    @cached_property
    def revision(self) -> str:
        """What identifies the content: a commit on the hub; elsewhere a hash of the files, after the commit if known.

        Raises:
            DataError: the hub cannot be asked, or the mirror does not hold the repository.
        """
        if self.source.kind == "sample":
            return f"sample:{bundled.version()}"
        if self.source.kind == "mirror":
            if self.folder:
                return of_repository(self.folder, self.cache_dir)
            if self.own:
                return f"{self.own.place}+files:{signature(self.own.all(), self.own.tree, self.cache_dir)}"
            raise self._absent()
        if self.dataset.revision:
            return self.dataset.revision
        spare_retries()
        from huggingface_hub import HfApi

        try:
            return str(HfApi().dataset_info(self.dataset.repo).sha)
        except Exception as error:
            raise self._unavailable(error) from error

    def rows(self, config: str | None, columns: Sequence[str], optional: Sequence[str] = ()) -> datasets.Dataset:
        """A configuration's rows, memory-mapped, with encoded images left encoded.

        Args:
            config: name of the configuration, such as `corpus`; None where the repository has one only.
            columns: columns to keep; all must be there.
            optional: columns to keep where they are there.

        Raises:
            DataError: the repository, the configuration, the split or a column is missing, or a file is damaged.
        """
        import datasets
        import pyarrow as pa

        if self.source.kind != "hub" or not sys.stderr.isatty():
            datasets.disable_progress_bars()
        datasets.logging.set_verbosity_error()
        table = self._from_hub(config) if self.source.kind == "hub" else self.table(self.files(config), config)
        pa.default_memory_pool().release_unused()  # what a new table was made in, which Arrow would keep for the next
        missing = [column for column in columns if column not in table.column_names]
        if missing:
            raise DataError(
                f"{self.task_id}: {self.dataset.repo}{f', {config}' if config else ''}: no column {missing[0]!r};"
                f" found {', '.join(table.column_names)}"
            )
        table = table.select_columns([*columns, *(name for name in optional if name in table.column_names)])
        for name, feature in table.features.items():
            if isinstance(feature, datasets.Image):
                table = table.cast_column(name, datasets.Image(decode=False))
        return table

    def files(self, config: str | None) -> RowFiles:
        """The files on disk that hold a configuration's rows, of the repository or of those beside the media.

        Raises:
            DataError: there are none, or not those of one upload.
        """
        try:
            if self.folder:
                return row_files(self.folder, config, self.dataset.split)
            if self.own:
                return self.own.files(config, self.dataset.split)
        except DataError as error:
            raise self._unavailable(error, config) from error
        raise self._absent()

    def count(self, config: str | None) -> int:
        """Rows of a configuration on disk, without a table being made of them.

        Raises:
            DataError: they are not there, or a file is damaged.
        """
        try:
            return count_rows(self.files(config))
        except (OSError, ValueError) as error:
            raise self._unavailable(error, config) from error

    def _absent(self) -> AbsentError:
        place = (self.source.root or Path()).expanduser() / self.dataset.repo
        return AbsentError(
            f"{self.task_id}: no folder at {place}; get it with `hf download {self.dataset.repo} --repo-type dataset"
            f"{f' --revision {self.dataset.revision}' if self.dataset.revision else ''} --local-dir {place}`"
        )

    @cached_property
    def own(self) -> OwnRows | None:
        """Rows of the same task in a copy of the media repository; None where there are none."""
        return own_rows([tree.folder for tree in self.media_source.trees], self.dataset.repo, self.n_queries)

    def table(self, rows: RowFiles, config: str | None) -> datasets.Dataset:
        """The rows of some files.

        Raises:
            DataError: a file is damaged, or there is no row.
        """
        import datasets

        split = self.dataset.split
        try:
            load = partial(
                datasets.load_dataset,
                rows.reader,
                data_files={split: [glob.escape(str(file)) for file in rows.files]},
                split=split,
                features=self._features(config),
                cache_dir=str(self._tables),
            )
            table = kept_tables.sound(self._tables, load)
        except Exception as error:
            raise self._unavailable(NO_ROW if _without_rows(rows) else error, config) from error
        if not len(table):
            raise self._unavailable(NO_ROW, config)
        return table

    def warnings(self) -> list[str]:
        """What is odd about where the rows come from.

        Raises:
            DataError: with `data.strict=true`, files of several commits.
        """
        if self.source.kind != "mirror" or self.in_archives:
            return []
        if self.folder is None:
            place = self.own.place if self.own else "no file"
            return [f"rows are those of {place}, since the mirror does not hold {self.dataset.repo}"]
        commits = [commit[:12] for commit in commits_of(self.folder)]
        if len(commits) < 2:
            return []
        problem = f"the mirror holds files of {len(commits)} commits of {self.dataset.repo}, {some(commits)}"
        if self.source.strict:
            raise DataError(f"{self.task_id}: {problem}; get the repository again, or give data.strict=false")
        return [problem]

    def _from_hub(self, config: str | None) -> datasets.Dataset:
        import datasets

        if Path(self.dataset.repo).exists():
            raise DataError(
                f"{self.task_id}: {Path(self.dataset.repo).absolute()} would be read in place of the hub's"
                f" {self.dataset.repo}; run in another folder, or give data=mirror data.root=."
            )
        spare_retries()
        try:
            load = partial(
                datasets.load_dataset,
                self.dataset.repo,
                name=config,
                revision=self.revision,
                split=self.dataset.split,
                cache_dir=str(self._tables),
            )
            return kept_tables.sound(self._tables, load)
        except Exception as error:
            raise self._unavailable(error, config) from error

    def _features(self, config: str | None) -> datasets.Features | None:
        """Types of the columns as the head of `README.md` declares them; None where it does not."""
        from datasets.info import DatasetInfosDict

        if self.folder is None:
            return None
        infos = DatasetInfosDict.from_directory(str(self.folder))
        info = infos.get(config or "default") or (
            next(iter(infos.values())) if len(infos) == 1 and not config else None
        )
        return info.features if info else None

    @property
    def _tables(self) -> Path:
        """Where the memory-mapped tables lie: a folder for each content.

        In one folder `datasets` would take two repositories of one name, in different mirrors, for the same.
        """
        content = f"{self.source.kind} {self.dataset.repo} {self.revision}"
        return self.cache_dir / "datasets" / hashlib.sha256(content.encode()).hexdigest()[:16]

    def _in_cache(self, error: OSError) -> bool:
        """Whether an error is about the cache folder: it says so, or tells no file."""
        return error.filename is None or Path(str(error.filename)).absolute().is_relative_to(self.cache_dir.absolute())

    def _unavailable(self, error: Exception, config: str | None = None) -> DataError:
        if isinstance(error, OSError) and error.errno in UNKEPT and self._in_cache(error):
            return DataError(
                f"{self.task_id}: the rows of {self.dataset.repo} cannot be kept in {self.cache_dir}"
                f" ({error.strerror}); give cache_dir=FOLDER, one that you may write and that has space"
            )
        what = f"{self.dataset.repo}{f', {config}, split {self.dataset.split}' if config else ''}"
        if self.source.kind == "hub":
            revision = self.dataset.revision or "main"
            return DataError(
                f"{self.task_id}: the hub does not serve {what} at {revision} ({reason(error, 200)});"
                " check the connection, or use data=mirror data.root=FOLDER"
            )
        place = f" in {self.folder}" if self.folder else ""
        if isinstance(error, PermissionError):
            return DataError(f"{self.task_id}: {what}{place} cannot be read ({reason(error, 200)}); make it readable")
        kind = AbsentError if isinstance(error, AbsentError) else DataError
        return kind(f"{self.task_id}: {what}{place} cannot be read ({reason(error, 200)}); get the repository again")


def _without_rows(rows: RowFiles) -> bool:
    """Whether the files hold no row, of which `datasets` says something else."""
    try:
        return not count_rows(rows)
    except (OSError, ValueError):
        return False
