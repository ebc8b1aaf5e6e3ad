"""The commit that a tree of media comes from, by the notes of those who laid it."""

import json
from pathlib import Path

from rzen_eval.data.archives import ARCHIVES
from rzen_eval.data.commits import DOWNLOADS, NOTE, commit_of

ONE, OTHER = "a" * 40, "b" * 40
CLS = ARCHIVES[1]


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_tree_without_a_note_has_no_commit(tmp_path: Path):
    assert commit_of(tmp_path) is None
    assert commit_of(tmp_path, CLS) is None


def test_a_part_has_the_commit_of_the_download_that_got_it(tmp_path: Path):
    write(tmp_path / CLS.parts[0], "an archive")
    write(tmp_path / DOWNLOADS / f"{CLS.parts[0]}.metadata", f"{ONE}\netag\n1.0\n")
    assert commit_of(tmp_path, CLS) == ONE
    write(tmp_path / NOTE, json.dumps({CLS.parts[0]: OTHER}))
    assert commit_of(tmp_path, CLS) == OTHER, "what our own fetch noted comes first"
    write(tmp_path / NOTE, json.dumps({CLS.parts[0]: "main"}))
    assert commit_of(tmp_path, CLS) == ONE, "a name is no commit"


def test_a_snapshot_of_the_hubs_cache_is_named_after_its_commit(tmp_path: Path):
    assert commit_of(tmp_path / "datasets--TIGER-Lab--MMEB-V2/snapshots" / ONE) == ONE
    assert commit_of(tmp_path / "datasets--TIGER-Lab--MMEB-V2/snapshots/main") is None


def test_a_clone_says_its_commit_in_each_of_gits_ways(tmp_path: Path):
    write(tmp_path / ".git/HEAD", f"{ONE}\n")
    assert commit_of(tmp_path) == ONE
    write(tmp_path / ".git/HEAD", "ref: refs/heads/main\n")
    assert commit_of(tmp_path) is None
    write(tmp_path / ".git/packed-refs", f"# pack-refs\n{ONE} refs/heads/other\n{OTHER} refs/heads/main\n")
    assert commit_of(tmp_path) == OTHER
    write(tmp_path / ".git/refs/heads/main", f"{ONE}\n")
    assert commit_of(tmp_path) == ONE


def test_the_marker_remembers_what_the_archive_was_of(tmp_path: Path):
    marker = {"archive": "video_cls", "parts": {}, "files": 1, "bytes": 1, "commit": ONE}
    write(tmp_path / CLS.target / ".rzen-unpacked.json", json.dumps(marker))
    assert commit_of(tmp_path, CLS) == ONE
