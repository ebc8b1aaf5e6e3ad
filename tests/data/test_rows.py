"""Rows on disk: which files they are, where else they lie, and when they have changed."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rzen_eval import load_data
from rzen_eval.config import compose
from rzen_eval.core import Source, Task
from rzen_eval.data.archives import REPO
from rzen_eval.data.repository import Repository
from rzen_eval.data.row_files import row_files
from rzen_eval.data.row_sources import differences
from rzen_eval.errors import DataError
from tests import layouts, toys
from tests.mirrors import write_rows

ROW = {"video_id": "v", "pos_text": "wave"}


def hmdb51(root: Path, **source: Any) -> Task:
    task = compose.load(["task=video/hmdb51", "data=mirror", "data.root=/"]).tasks["hmdb51"]
    return task.model_copy(update={"source": Source(kind="mirror", root=root, **source)})


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"PAR1" if name.endswith("parquet") else b"{}\n")
    return folder


def found(folder: Path, config: str | None = None, split: str = "test") -> list[str]:
    return [file.relative_to(folder).as_posix() for file in row_files(folder, config, split).files]


@pytest.mark.parametrize(
    ("names", "config", "split", "expected"),
    [
        (["data/test.jsonl"], None, "test", ["data/test.jsonl"]),
        (["msrvtt_test_1k.json", "msrvtt_train_9k.json"], "test_1k", "test", ["msrvtt_test_1k.json"]),
        (["msvd_test.json", "msvd_latest.json"], None, "test", ["msvd_test.json"]),
        (["corpus/test-0.parquet", "queries/test-0.parquet"], "corpus", "test", ["corpus/test-0.parquet"]),
        (["json/action_count.json", "json/action_sequence.json"], "action_count", "train", ["json/action_count.json"]),
        (["MC/test-0.parquet", "OE/test-0.parquet"], "MC", "test", ["MC/test-0.parquet"]),
        (["data/val-0.parquet", "data/test-0.parquet"], None, "val", ["data/val-0.parquet"]),
    ],
)  # fmt: skip
def test_without_a_readme_files_are_found_by_their_names(
    names: list[str], config: str | None, split: str, expected: list[str], tmp_path: Path
):
    assert found(files(tmp_path, *names), config, split) == expected


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("{config_name: a, data_files: [{split: test, path: /etc/passwd}]}", "'/etc/passwd', which is no path inside"),
        ("{config_name: a, data_files: [{split: test, path: ../x.jsonl}]}", r"'\.\./x.jsonl', which is no path"),
        (
            "{config_name: a, data_files: [{split: test, path: 'http://h/x.jsonl'}]}",
            "'http://h/x.jsonl', which is no path",
        ),
        ("{config_name: b, data_files: x.jsonl}", "has no configuration a; it has b"),
        ("{config_name: a, data_files: [{split: train, path: x.jsonl}]}", "has no split test of a; it has train"),
        (
            "{config_name: a, data_files: [{split: test, path: gone-*.jsonl}]}",
            r"of a, split test; README.md names gone-\*",
        ),
        ("[", "README.md cannot be read"),
    ],
)
def test_a_readme_that_leads_nowhere_or_outside_is_refused(head: str, said: str, tmp_path: Path):
    files(tmp_path, "x.jsonl")
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n- {head}\n---\n")
    with pytest.raises(DataError, match=said):
        row_files(tmp_path, "a", "test")


def test_a_readme_with_a_byte_order_mark_is_read(tmp_path: Path):
    files(tmp_path, "x.jsonl", "test.jsonl")
    head = "---\nconfigs:\n- {config_name: default, data_files: [{split: test, path: x.jsonl}]}\n---\n"
    (tmp_path / "README.md").write_text(head, encoding="utf-8-sig")
    assert found(tmp_path) == ["x.jsonl"]


def test_parts_of_two_uploads_and_missing_parts_are_refused(tmp_path: Path):
    files(tmp_path, *(f"data/test-{n:05}-of-00002.parquet" for n in range(2)))
    assert len(found(tmp_path)) == 2
    (tmp_path / "data/test-00001-of-00002.parquet").unlink()
    with pytest.raises(DataError, match="lacks 1 of 2 parts, the first is 00001-of-00002"):
        found(tmp_path)
    files(tmp_path, *(f"data/test-{n:05}-of-00003.parquet" for n in range(3)))
    with pytest.raises(DataError, match="has parts of 2 uploads, -of-00002, -of-00003; delete those of the older one"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"<html>404</html>", "no parquet file"), (b"version https://git-lfs.github.com/", "pointer")],
)
def test_a_file_that_holds_something_else_is_named(content: bytes, said: str, tmp_path: Path):
    files(tmp_path, "test.parquet")
    (tmp_path / "test.parquet").write_bytes(content)
    with pytest.raises(DataError, match=f"test.parquet is .*{said}|test.parquet {said}"):
        found(tmp_path)


@pytest.mark.parametrize("name", ["run[12]", "a*", "what?", "{x}", "with space"])
def test_a_folder_is_read_whatever_characters_its_name_has(name: str, tmp_path: Path, cache: Path):
    write_rows(tmp_path / name, "VLM2Vec/HMDB51", [ROW])
    write_rows(tmp_path / "run1", "VLM2Vec/HMDB51", [ROW | {"pos_text": "another folder"}])
    task = hmdb51(tmp_path / name).model_copy(update={"cache_dir": cache / name})
    assert load_data(task).qrels == {"0": {"wave": 1.0}}


def test_the_hub_is_never_read_from_a_folder_of_that_name(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    toys.four_pages(tmp_path)
    monkeypatch.chdir(tmp_path)
    task = toys.toy_task(
        tmp_path, cache, source={"kind": "hub"}, dataset={"repo": toys.REPO, "split": "test", "revision": "a" * 40}
    )
    with pytest.raises(
        DataError, match=f"toy: {tmp_path}/toys/pages would be read in place of the hub's toys/pages; run in"
    ):
        load_data(task)


def revision(root: Path, cache: Path) -> str:
    return Repository.of(toys.toy_task(root, cache)).revision


def test_a_cache_folder_above_a_mirror_does_not_hide_its_files(tmp_path: Path, cache: Path):
    root = tmp_path / ".cache/mirror"
    toys.four_pages(root)
    before = revision(root, cache)
    (root / toys.REPO / "queries/test-00000-of-00001.parquet").write_bytes(b"PAR1 other")
    assert revision(root, cache) != before


def test_files_in_a_linked_folder_count(tmp_path: Path, cache: Path):
    folder = toys.four_pages(tmp_path / "mirror")
    shutil.move(folder / "queries", tmp_path / "elsewhere")
    (folder / "queries").symlink_to(tmp_path / "elsewhere")
    before = revision(tmp_path / "mirror", cache)
    (tmp_path / "elsewhere/test-00000-of-00001.parquet").write_bytes(b"PAR1 other")
    assert revision(tmp_path / "mirror", cache) != before


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_noticed(tmp_path: Path, cache: Path):
    folder = toys.four_pages(tmp_path)
    file = folder / "queries/test-00000-of-00001.parquet"
    before, stat, content = revision(tmp_path, cache), file.stat(), file.read_bytes()
    (folder / "new").write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    os.utime(folder / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (folder / "new").replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert revision(tmp_path, cache) != before
    file.write_bytes(content)
    assert revision(tmp_path, cache) == before, "what counts is the content, not when it was written"


def test_files_of_two_commits_are_a_warning_and_with_strict_an_error(tmp_path: Path):
    write_rows(tmp_path, "VLM2Vec/HMDB51", [ROW])
    notes = tmp_path / "VLM2Vec/HMDB51/.cache/huggingface/download"
    for name, commit in (("README.md", "a" * 40), ("default/test.parquet", "b" * 40), ("gone.parquet", "c" * 40)):
        (notes / name).parent.mkdir(parents=True, exist_ok=True)
        (notes / f"{name}.metadata").write_text(f"{commit}\netag\n1.0\n")
    said = "the mirror holds files of 2 commits of VLM2Vec/HMDB51, aaaaaaaaaaaa, bbbbbbbbbbbb"
    assert f"hmdb51: {said}" in load_data(hmdb51(tmp_path)).warnings
    with pytest.raises(DataError, match=said):
        load_data(hmdb51(tmp_path, strict=True).model_copy(update={"n_queries": 1}))


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Task]:
    """Tasks of a mirror that holds a copy of MMEB-V3 alone, as WeMM's set-up leaves it."""
    layouts.lay_media(tmp_path / REPO, layouts.TREES["the set-up script of WeMM-Embedding"])
    layouts.lay_own_rows(tmp_path / REPO)
    declared = compose.load([f"task=[{','.join(layouts.tasks())}]", "data=mirror", f"data.root={tmp_path}"]).tasks
    return lambda name: declared[name]


def test_rows_of_the_media_repository_stand_in_for_row_repositories_that_are_not_there(
    own: Callable[..., Task], tmp_path: Path
):
    rows = tmp_path / "rows"
    layouts.lay_rows(rows)
    for clips in layouts.VIDEO:
        task = own(clips.task)
        data = load_data(task)
        same = load_data(task.model_copy(update={"source": Source(kind="mirror", root=rows, media=tmp_path / REPO)}))
        assert (data.qrels, data.pools, data.candidate_ids) == (same.qrels, same.pools, same.candidate_ids)
        assert [query.text for query in data.queries] == [query.text for query in same.queries]
        place = f"video-tasks/data/{clips.jsonl}.jsonl"
        assert f"{task.id}: rows are those of {place}, since the mirror does not hold {clips.repo}" in data.warnings
        assert (data.revision or "").startswith(f"{place}+files:")
    assert len(load_data(own("cirr")).query_ids) == 1
    assert len(load_data(own("mvbench")).query_ids) == 20


def test_rows_without_a_column_are_refused_wherever_they_come_from(own: Callable[..., Task], tmp_path: Path):
    file = tmp_path / REPO / "video-tasks/data/hmdb51.jsonl"
    file.write_text('{"video_id": "v_0", "label": "wave"}\n')
    with pytest.raises(DataError, match="hmdb51: VLM2Vec/HMDB51: no column 'pos_text'; found video_id, label"):
        load_data(own("hmdb51"))


def test_of_two_files_of_momentseeker_the_one_with_the_declared_count_is_taken(
    own: Callable[..., Task], tmp_path: Path
):
    folder = tmp_path / REPO / "video-tasks/data"
    line = json.dumps(layouts.SEEKER)
    (folder / "momentseeker_1k6.jsonl").write_text(f"{line}\n" * 5)
    (folder / "momentseeker.jsonl").write_text(f"{line}\n" * 3)
    task = own("momentseeker")
    assert len(load_data(task.model_copy(update={"n_queries": 3})).query_ids) == 3
    assert len(load_data(task).query_ids) == 5


def test_verify_compares_both_where_both_are_there(own: Callable[..., Task], tmp_path: Path):
    layouts.lay_rows(tmp_path)
    assert differences(own("hmdb51")) == differences(own("momentseeker")) == []
    file = tmp_path / REPO / "video-tasks/data/hmdb51.jsonl"
    file.write_text(file.read_text().replace("clap", "jump"))
    lines = differences(own("hmdb51"))
    first = "video-tasks/data/hmdb51.jsonl is not what VLM2Vec/HMDB51 has, which is used"
    assert lines == [f"{first}: row 1 has pos_text 'jump' in place of 'clap'"]
    file.write_text(file.read_text() * 2)
    assert differences(own("hmdb51"))[0].endswith("which is used: 4 rows in place of 2")


def test_a_cache_of_the_hub_is_a_mirror_too(tmp_path: Path):
    write_rows(tmp_path / "made", "VLM2Vec/HMDB51", [ROW])
    layouts.as_in_a_cache_of_the_hub(tmp_path / "made/VLM2Vec/HMDB51", tmp_path, "VLM2Vec/HMDB51", "d" * 40)
    assert load_data(hmdb51(tmp_path)).qrels == {"0": {"wave": 1.0}}


def test_a_flipped_bit_in_kept_rows_is_noticed_and_they_are_made_again(tmp_path: Path):
    write_rows(tmp_path / "root", "VLM2Vec/HMDB51", [{"video_id": f"v{n}", "pos_text": f"wave {n}"} for n in range(9)])
    task = hmdb51(tmp_path / "root").model_copy(update={"cache_dir": tmp_path / "cache"})

    def texts() -> list[str]:
        repository = Repository.of(task)
        return repository.table(repository.files(None), None)["pos_text"][:]

    before = texts()
    [file] = (tmp_path / "cache/datasets").rglob("*.arrow")
    content = bytearray(file.read_bytes())
    content[content.index(b"wave 3")] ^= 1
    file.write_bytes(content)
    assert texts() == before == [f"wave {n}" for n in range(9)]
    [again] = (tmp_path / "cache/datasets").rglob("*.arrow")
    again.write_bytes(b"torn")
    assert texts() == before


def test_files_that_macos_leaves_beside_rows_are_no_rows(tmp_path: Path):
    folder = files(tmp_path, "data/test.jsonl", "data/._test.jsonl", "._README.md")
    assert found(folder) == ["data/test.jsonl"]
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: a\n  data_files: [{split: test, path: data/*}]\n---\n"
    )
    assert found(folder, "a") == ["data/test.jsonl"]
