"""Commands that are forked run as commands that are started do."""

import os
import sys
from pathlib import Path

import pytest

from tests import forked

OF_ARROW = "jemalloc_bg_thd"
"""A thread of its allocator, which lets go of its locks before a fork."""


def threads_of_what_forks() -> int:
    if "tests.warm" not in sys.modules:
        return 1
    tasks = Path(f"/proc/{os.getppid()}/task").iterdir()
    return 40 + sum((task / "comm").read_text().strip() != OF_ARROW for task in tasks)


def test_what_forks_has_imported_what_commands_need_and_has_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert forked.ended(threads_of_what_forks, tmp_path).code == 41


def test_a_command_has_its_words_its_variables_and_its_exit_code(tmp_path: Path):
    narrow = os.environ | {"COLUMNS": "60"}
    told = [forked.started(words, tmp_path, environment=narrow) for words in (["help", "check"], ["chekc"])]
    assert [command.wait() for command in told] == [0, 2]
    assert told[0].out.startswith("usage: rzen-eval check ")
    assert max(map(len, told[0].out.splitlines())) <= 60
    assert told[0].err == told[1].out == ""
    assert "did you mean check?" in told[1].err
