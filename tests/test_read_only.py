"""Folders that the user may not write, or not even read, are named in one line that says what to do."""

import ctypes
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from tests.forked import Ended, ended

CAPABILITIES = 0x20080522
"""Version 3 of Linux's structures for the rights of a process."""


def powerless(words: list[str]) -> int:
    """A command by a user whom permissions hold for, root too."""
    header, rights = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, rights) == 0
    return main(words)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A cache folder with something in it that takes nothing more."""
    folder = tmp_path / "cache"
    (folder / "vectors" / "m-a").mkdir(parents=True)
    (folder / "vectors" / "m-a" / "file").touch()
    places = [folder, folder / "vectors", folder / "vectors" / "m-a"]
    for place in places:
        place.chmod(0o555)
    yield folder
    for place in places:
        place.chmod(0o755)


def command(folder: Path, cache: Path, *words: str) -> Ended:
    (work := folder / "work").mkdir()
    done = ended(partial(powerless, [*words, f"cache_dir={cache}"]), work)
    assert not done.why
    assert "Traceback" not in done.text
    return done


def run(folder: Path, sample_root: Path, cache: Path) -> Ended:
    words = ["task=visdoc/vidore_arxivqa", "limit=1", "data=mirror", f"data.root={sample_root}", "runtime.workers=0"]
    return command(folder, cache, *words, f"results_dir={folder / 'results'}", "runtime.progress=quiet")


def test_rows_that_cannot_be_kept_are_no_reason_to_fetch_them_again(tmp_path: Path, sample_root: Path, closed: Path):
    done = run(tmp_path, sample_root, closed)
    assert done.code == 1
    assert f"cannot be kept in {closed} (Permission denied); give cache_dir=FOLDER" in done.text
    assert "get the repository again" not in done.text


def test_a_cache_that_cannot_be_read_is_one_line(tmp_path: Path, sample_root: Path, closed: Path):
    closed.chmod(0)
    done = run(tmp_path, sample_root, closed)
    assert done.code == 1
    assert "Permission denied" in done.text
    assert "cache_dir=FOLDER" in done.text


def test_what_cannot_be_removed_is_named(tmp_path: Path, closed: Path):
    done = command(tmp_path, closed, "cache", "--prune", "all")
    assert done.code == 2
    assert done.lines == [f"rzen-eval: cache: {closed}/vectors/m-a cannot be removed (Permission denied)"]
