"""Media files are known by their content: a result is kept on any machine, and never over other pictures."""

import os
import shutil
from pathlib import Path

import pytest

from rzen_eval import load_task
from rzen_eval.cli.main import main
from rzen_eval.data.load import load
from tests.mirrors import MEDIA, write_rows
from tests.toys import page

ROW = {
    "qry_inst": "<|image_1|>\nAnswer:",
    "qry_text": "Which?",
    "qry_img_path": "A/a.png",
    "tgt_text": ["dark", "light"],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A mirror with two questions on two pictures."""
    write_rows(tmp_path / "root", "ziyjiang/MMEB_Test_Instruct", [ROW, ROW | {"qry_img_path": "A/b.png"}], "OK-VQA")
    place = tmp_path / "root" / MEDIA / "image-tasks/A"
    place.mkdir(parents=True)
    for name, shade in (("a", 10), ("b", 20)):
        (place / f"{name}.png").write_bytes(page(shade))
    return tmp_path / "root"


def replace(root: Path) -> None:
    """Put another picture of the same size and time in the place of one."""
    file = root / MEDIA / "image-tasks/A/a.png"
    before, content = file.stat(), page(200)
    other = file.with_name("other")
    other.write_bytes(content + bytes(before.st_size - len(content)))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def content(root: Path, cache: Path, *words: str) -> str:
    return load(load_task("image/ok_vqa", "data=mirror", f"data.root={root}", f"cache_dir={cache}", *words)).content


def test_a_picture_of_the_same_size_and_time_is_another(root: Path, tmp_path: Path):
    before = content(root, tmp_path / "cache")
    assert "+media:" in before
    replace(root)
    assert content(root, tmp_path / "cache") != before


def test_a_copy_with_other_times_in_another_place_is_the_same(root: Path, tmp_path: Path):
    shutil.copytree(root, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy" / MEDIA / "image-tasks/A/a.png", (0, 0))
    assert content(tmp_path / "copy", tmp_path / "elsewhere") == content(root, tmp_path / "cache")


def test_a_picture_that_is_not_there_is_another_than_one_that_is(root: Path, tmp_path: Path):
    before = content(root, tmp_path / "cache")
    (root / MEDIA / "image-tasks/A/b.png").unlink()
    assert content(root, tmp_path / "cache") != before


def test_whoever_trusts_size_and_time_gets_that(root: Path, tmp_path: Path):
    before = content(root, tmp_path / "cache", "data.trust_files=true")
    assert "+times:" in before
    replace(root)
    assert content(root, tmp_path / "cache", "data.trust_files=true") == before


def test_a_result_is_kept_until_a_picture_is_another(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["task=image/ok_vqa", "data=mirror", f"data.root={root}", f"cache_dir={tmp_path / 'cache'}"]
    words += [f"results_dir={tmp_path / 'results'}", "runtime.workers=0", "runtime.progress=lines"]

    def kept() -> bool:
        assert main(words) == 0
        return "kept from an earlier run" in capsys.readouterr().err

    assert [kept(), kept()] == [False, True]
    replace(root)
    assert not kept()
