"""Whether a checkpoint is the one that it was is told by its content."""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from rzen_eval.files import SETTLED
from rzen_eval.models.checkpoint.content import content_hash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "checkpoint"
    (place / "1_Dense").mkdir(parents=True)
    (place / "2_Dense").mkdir()
    (place / "1_Dense" / "model.safetensors").write_bytes(b"one")
    (place / "2_Dense" / "model.safetensors").write_bytes(b"two")
    return place


def identity(folder: Path, notes: str = "digests.json") -> str:
    return content_hash(sorted(folder.rglob("*.safetensors")), folder, folder.parent / notes)


def test_a_copy_has_the_same_identity_and_changed_content_another(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "copy")
    assert identity(folder) == identity(tmp_path / "copy")
    (folder / "1_Dense" / "model.safetensors").write_bytes(b"One")
    assert identity(folder) != identity(tmp_path / "copy")


def test_parts_that_changed_places_are_another_model(folder: Path, tmp_path: Path):
    before = identity(folder)
    shutil.move(folder / "1_Dense", tmp_path / "aside")
    shutil.move(folder / "2_Dense", folder / "1_Dense")
    shutil.move(tmp_path / "aside", folder / "2_Dense")
    assert identity(folder) != before


@pytest.fixture
def aged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same when its files have settled."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 2 * SETTLED)
    return folder


@pytest.fixture(scope="module")
def opened() -> list[str]:
    """Weights that this process has opened; an audit hook stays for good, so there is one."""
    seen: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".safetensors"):
            seen.append(str(arguments[0]))

    sys.addaudithook(hook)
    return seen


def test_files_that_did_not_change_are_read_once(aged: Path, opened: list[str]):
    first = identity(aged)
    opened.clear()
    assert (identity(aged), opened) == (first, [])
    (aged.parent / "digests.json").write_text("damaged")
    assert (identity(aged), len(opened)) == (first, 2)


def test_a_file_of_the_same_size_and_time_in_its_place_is_noticed(aged: Path):
    first, file = identity(aged), aged / "1_Dense" / "model.safetensors"
    stat = file.stat()
    file.write_bytes(b"ONE")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert identity(aged) != first
    second, beside = identity(aged), file.with_name("beside")
    beside.write_bytes(b"EIN")
    os.utime(beside, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    beside.replace(file)
    assert identity(aged) not in (first, second)


def test_a_file_that_has_only_just_changed_is_not_noted(folder: Path):
    identity(folder)
    assert not (folder.parent / "digests.json").exists()
