"""What is printed on a terminal, in a pipe, and for other programs."""

import csv
import io
import json
import os
import pty
import re
import select
import struct
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import pytest

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.cli.main import main
from rzen_eval.cli.terminal import fitted
from rzen_eval.results import store
from tests import forked
from tests.results.test_store import result
from tests.runs import hits, write

STYLE = re.compile(r"\x1b\[[\d;]*m")


def on_a_terminal(words: list[str], width: int, folder: Path, **environment: str) -> tuple[int, list[str]]:
    """The exit code of a command, and the lines that a terminal of some width shows of its standard output."""
    mine, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    command = forked.started(
        words, folder, terminal=Path(os.ttyname(theirs)), environment={**kept, "TERM": "xterm", **environment}
    )
    shown = b""
    # What a terminal holds that nobody has open any more is lost, so that it is held open here.
    while select.select([mine], [], [], 0)[0] or command.process.exitcode is None:
        if select.select([mine], [], [], 0.02)[0]:
            shown += os.read(mine, 65536)
    os.close(theirs)
    os.close(mine)
    return command.wait(), shown.decode().replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize(
    ("words", "width"),
    [
        (["tasks"], 80),
        (["tasks"], 120),
        (["models"], 80),
        (["models", "--proof"], 80),
        (["config", "task=visdoc/vidore_arxivqa"], 80),
        (["estimate", "task=vidore_v2"], 80),
        (["table", "--published-only", "--per-task", "--models", "rzen"], 80),
    ],
)
def test_no_line_is_longer_than_the_terminal(words: list[str], width: int, tmp_path: Path):
    code, lines = on_a_terminal(words, width, tmp_path)
    assert code == 0
    assert len(lines) > 5
    assert max(len(STYLE.sub("", line)) for line in lines) <= width


class Terminal(io.StringIO):
    """Standard output that is one."""

    def isatty(self) -> bool:
        return True


def lines_of(words: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a terminal of 80 columns shows of a command that runs in this process."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", shown := Terminal())
    main(words)
    monkeypatch.undo()
    return [STYLE.sub("", line).rstrip() for line in shown.getvalue().splitlines()]


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "R/a_model_of_mine", "R/theirs"],
        ["compare", "R/a_model_of_mine", "R/theirs", "rzenembed_v2_7b"],
        ["cache"],
        ["tasks", "task=visdoc"],
        ["table", "--published-only"],
        ["models"],
        ["models", "--proof"],
    ],
)
def test_tables_are_readable_at_80_columns(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for model, right in (("a_model_of_mine", 50), ("theirs", 20)):
        for task in ("mscoco", "refcoco", "refcoco_matching", "visual7w_pointing"):
            write(tmp_path / model, task, hits(right, 100))
    lines = lines_of([re.sub(r"^R\b", str(tmp_path), word) for word in words], monkeypatch)
    assert [line for line in lines if len(line) > 80 and str(tmp_path) not in line] == []
    # A number that is cut would be another number.
    assert [line for line in lines if re.search(r"\d[.,]?…", line.partition("  ")[2])] == []


def test_an_estimate_at_80_columns_has_its_interval_its_part_and_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sampled = {"error": 0.2, "n_queries": 1000, "judgements": None}
    for task, right in (("mscoco", 1), ("msvd", 3)):
        write(tmp_path / "a_model_of_mine", task, hits(right, 5), limit="sample:5", sampled=sampled)
    lines = lines_of(["table", str(tmp_path), "--models", "a_model_of_mine"], monkeypatch)
    assert max(map(len, lines)) <= 80
    shown = [line for line in lines if line.startswith("a_model_of_mine")]
    assert any(" ≈ 40.0 ± 27.7 (2 of 78)" in line for line in shown)
    assert not any("≈" in part and "…" in part for line in shown for part in line.split("  "))


def test_values_of_a_configuration_are_shown_to_their_end_at_80_columns(monkeypatch: pytest.MonkeyPatch):
    lines = lines_of(["config", "task=visdoc/vidore_arxivqa", "results_dir=/a/folder/with/a/long/name"], monkeypatch)
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    place = lines[0].index("value")
    at = next(number for number, line in enumerate(lines) if line.startswith("results_dir "))
    assert "".join(line[place:].split("  ")[0] for line in lines[at : at + 2]) == "/a/folder/with/a/long/name"


def test_why_a_check_failed_is_told_to_the_end_at_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words = ["check", str(tmp_path / "m"), "--baseline", str(tmp_path / "m.json")]
    write(tmp_path / "m", "vidore_esg_reports_human_labeled_v2", hits(5, 10))
    assert main([*words, "--update"]) == 0
    fields = {"prompts": {"query": "Tell me which page answers this: a", "candidate": "Read."}}
    write(tmp_path / "m", "vidore_esg_reports_human_labeled_v2", hits(5, 10), provenance=fields)
    lines = lines_of(words, monkeypatch)
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    place = next(line.index("why") for line in lines if line.startswith("check "))
    assert '"Tell me which page answers this: a" in the results' in " ".join(line[place:].strip() for line in lines)


def test_an_error_on_a_terminal_names_the_command_that_says_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "stderr", said := Terminal())
    assert main(["failures", "nowhere"]) == 2
    more = said.getvalue().splitlines()[-1].removeprefix("More: rzen-eval ")
    assert main(more.split()) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Words and settings\n\nunknown command …; expected one of\n    settings are ")
    assert max(map(len, shown.splitlines())) <= 100


def test_a_comparison_at_80_columns_has_its_intervals_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for model, right in (("a_model_of_mine", 50), ("theirs", 20)):
        write(tmp_path / model, "mscoco", hits(right, 100))
    lines = lines_of(["compare", str(tmp_path / "a_model_of_mine"), str(tmp_path / "theirs")], monkeypatch)
    (line,) = [line for line in lines if line.startswith("mscoco ")]
    assert re.search(r"−30\.00 +−\d\d\.00 to −\d\d\.00 ", line)
    assert line.endswith("lower")


def test_what_a_terminal_leaves_out_is_named_and_a_pipe_has_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _, lines = on_a_terminal(["tasks", "task=vidore_v1"], 80, tmp_path)
    shown = [STYLE.sub("", line) for line in lines]
    assert "visdoc/vidore_arxivqa" in shown[2]
    (left_out,) = [line for line in shown if line.startswith("left out at this width: ")]
    assert "repository" in left_out
    assert main(["tasks", "task=vidore_v1"]) == 0
    printed = capsys.readouterr().out
    assert "| repository " in printed
    assert "vidore/arxivqa_test_subsampled_beir" in printed


def test_a_terminal_shows_texts_as_they_are_and_obeys_none(tmp_path: Path):
    for name in ("a|<b>", "evil\x1b[2J\u202e"):
        store.write_alone(tmp_path / name, result("vidoseek_doc", 0.5, task="ViDoSeek-doc"))
    _, lines = on_a_terminal(["table", str(tmp_path), "--models", "a|<b>,evil"], 200, tmp_path)
    shown = "\n".join(lines)
    assert "a|<b>" in shown
    assert "evil␛[2J�" in shown
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown


def test_colours_are_left_out_where_nobody_wants_them(tmp_path: Path):
    words = ["tasks", "task=vidore_v2"]
    assert any(STYLE.search(line) for line in on_a_terminal(words, 80, tmp_path)[1])
    assert not any(STYLE.search(line) for line in on_a_terminal(words, 80, tmp_path, NO_COLOR="1")[1])


@pytest.mark.parametrize(
    ("widths", "room", "cut"),
    [
        ([10, 20, 30], 64, [10, 20, 30]),
        ([10, 20, 30], 59, [10, 20, 25]),
        ([40, 5, 30], 60, [35, 5, 16]),
        ([40, 12, 12], 52, [24, 12, 12]),
        ([16, 12, 12], 38, [16, 9, 9]),
        ([100], 40, [40]),
    ],
)
def test_long_texts_are_cut_first_and_numbers_last(widths: list[int], room: int, cut: list[int]):
    assert fitted(widths, room) == cut


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]):
    """What a command prints as JSON, or as CSV."""

    def call(*words: str):
        assert main([*words, "--format", "json"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert main([*words, "--format", "csv"]) == 0
        return content, list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    return call


def test_tasks_are_listed_for_other_programs(read):
    content, lines = read("tasks")
    assert [row["id"] for row in content["tasks"]] == [entry.path for entry in manifest().entries.values()]
    assert [line["id"] for line in lines] == [row["id"] for row in content["tasks"]]
    arxivqa = next(row for row in content["tasks"] if row["task"] == "ViDoRe_arxivqa")
    assert (arxivqa["queries"], arxivqa["candidates"], arxivqa["data"]) == (500, 500, ["2.0", "2.1"])
    assert read("tasks", "task=visdoc/vidore_arxivqa")[0]["tasks"] == [arxivqa]


def test_tasks_of_ones_own_are_listed_too(read, tmp_path: Path):
    (tmp_path / "task/mine").mkdir(parents=True)
    (tmp_path / "task/mine/own.yaml").write_text(
        "# @package tasks.own\ndefaults: [/family/vidore@_here_, _self_]\nname: Own\ngroup: Mine\n"
        "dataset: {repo: me/own}\nn_queries: 3\nn_candidates: 4\nversions: []\n"
    )
    content, _ = read("--config-dir", str(tmp_path), "tasks")
    assert (content["tasks"][-1]["id"], content["tasks"][-1]["queries"]) == ("mine/own", 3)


def test_models_are_listed_for_other_programs(read):
    content, lines = read("models")
    (row,) = [row for row in content["models"] if row["model"] == "rzenembed_v2_7b"]
    assert (row["dims"], row["reference"], row["published"]) == (3584, ["rzenembed_v2_7b"], ["71.61"])
    assert len(lines) == len(content["models"])


def test_what_each_model_was_held_against_is_listed_for_other_programs(read):
    rows = {row["model"]: row for row in read("models", "--proof")[0]["models"]}
    assert rows["gme_2b_mteb"]["equal"] == "not proven"
    rzen = rows["rzenembed_v2_7b"]
    assert (rzen["equal"], rzen["commit"], rzen["published"]) == ("20 of 22", "b07eb54", ["rzenembed_v2_7b"])
    assert float(rzen["cosine"]) >= 0.9999
    assert [said.partition(":")[0] for said in rzen["on purpose"]] == ["t09", "m04"]
    assert all(row["uncertain"] for row in rows.values())


def test_an_estimate_is_numbers_for_other_programs(read):
    words = ["estimate", "task=[vidore_v2,video/msr_vtt]", "model=rzenembed_v2_7b", "--devices", "h100,cpu"]
    content, lines = read(*words)
    assert [line["task"] for line in lines] == [row["task"] for row in content["tasks"]]
    assert len(content["totals"]) == 3
    for key in ("items", "flops", "visual_tokens", "vector_bytes"):
        assert content["totals"][-1][key] == sum(row[key] for row in content["tasks"])
    assert content["totals"][-1]["seconds_cpu"] > content["totals"][-1]["seconds_h100"] > 0


def test_an_empty_cache_is_an_empty_list(read, tmp_path: Path):
    assert read("cache", f"cache_dir={tmp_path}") == ({"kept": []}, [])
