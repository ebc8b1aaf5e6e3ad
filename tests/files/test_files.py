"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from rzen_eval.files import appearing, write_whole


def test_a_file_appears_when_it_is_whole_and_nothing_is_left_beside_it(tmp_path: Path):
    file = tmp_path / "new" / "a.txt"
    with appearing(file) as place:
        place.write_text("half")
        assert not file.exists()
    assert file.read_text() == "half"
    assert list(file.parent.iterdir()) == [file]


def test_what_was_there_stays_where_writing_fails(tmp_path: Path):
    file = tmp_path / "a.txt"
    write_whole(file, b"old")
    with pytest.raises(UnicodeEncodeError), appearing(file) as place:
        place.write_text("new \ud800", encoding="utf-8")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"]


def test_the_place_to_write_at_can_be_chosen(tmp_path: Path):
    scratch = tmp_path / ".scratch"
    with appearing(tmp_path / "a.txt", scratch) as place:
        place.write_text("new")
        assert scratch.is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_cannot_be_made_is_the_systems_own_error(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        write_whole(tmp_path / "file" / "a.txt", b"new")
