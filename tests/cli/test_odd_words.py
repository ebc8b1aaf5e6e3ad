"""Words, files and terminals that nobody expects give one line, or what was meant."""

import io
import os
import sys
from functools import partial
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from rzen_eval.errors import ConfigError
from tests.forked import ended

MODEL = "name: x\nfamily: python\nclass: m:M\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


def own(folder: Path, text: str, group: str = "model", name: str = "x") -> Path:
    (folder / group).mkdir(parents=True, exist_ok=True)
    (folder / group / f"{name}.yaml").write_text(text)
    return folder


def said(*words: str, folder: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        compose.load(["task=visdoc/vidore_arxivqa", *words], [folder] if folder else [])
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "expected at most 100,000 values, found 1,234,567,901,245 once its anchors are put in"),
        ("name: &a [*a]\n", "a value holds itself"),
        (f"name: {'[' * 5000}{']' * 5000}\n", "expected values at most 50 deep, found more"),
        (f"{MODEL}batch_size: {'9' * 5000}\n", "expected no number of more than 1000 digits, found one of 5000"),
    ],
)
def test_yaml_that_would_take_all_time_and_memory_is_refused_with_its_name(tmp_path: Path, text: str, problem: str):
    line = said("model=x", folder=own(tmp_path, text))
    assert line.startswith(f"{tmp_path}/model/x.yaml: ")
    assert problem in line


def test_defaults_that_lead_back_to_themselves_are_refused(tmp_path: Path):
    own(tmp_path, "# @package _global_\ndefaults: [b]\n", "task", "a")
    own(tmp_path, "# @package _global_\ndefaults: [a]\n", "task", "b")
    assert "lead back to themselves" in said("task=a", folder=tmp_path)


@pytest.mark.parametrize("key", ["results_dir", "cache_dir"])
@pytest.mark.parametrize("value", ["2024_01_01", "1e5", "007", "1.50", "true", "-3", "nan"])
def test_a_text_that_looks_like_a_number_stays_a_text(key: str, value: str):
    assert getattr(compose.load([f"{key}={value}"], need_tasks=False), key).name == value
    assert compose.load([f"model.name={value.strip('-')}"], need_tasks=False).model.name == value.strip("-")
    assert compose.load([f"model.revision={value}", "model=rzenembed_v2_7b"], need_tasks=False).model.revision == value


def test_a_number_stays_a_number_and_null_nothing():
    config = compose.load(["frames=16", "model.revision=null", "model.max_length=1000"], need_tasks=False)
    assert (config.frames, config.model.revision) == (16, None)


def test_a_number_without_end_is_refused():
    assert "expected no number of more than 1000 digits" in said(f"frames={'9' * 5000}")


@pytest.mark.parametrize("key", ["results_dir", "cache_dir", "data.root", "model.checkpoint"])
def test_a_path_that_no_file_system_takes_is_refused(key: str):
    assert "bytes" in said(f"{key}={'x' * 300}")
    assert "bytes" in said(f"{key}={'x/' * 3000}")


def test_a_null_character_in_a_path_is_refused(tmp_path: Path):
    own(tmp_path, '# @package _global_\nresults_dir: "a\\0b"\n', "experiment")
    assert "results_dir: expected a path, found 'a\\x00b' with a null character" in said(
        "experiment=x", folder=tmp_path
    )


def test_a_folder_of_yaml_may_have_an_apostrophe_in_its_name_and_a_file_a_byte_order_mark(tmp_path: Path):
    own(tmp_path / "it's", f"\ufeff{MODEL}")
    assert compose.load(["model=x"], [tmp_path / "it's"], need_tasks=False).model.name == "x"


def test_where_no_home_folder_is_known_a_line_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RZEN_EVAL_CACHE")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    line = said()
    assert "cache_dir" in line
    assert "no home folder is known, since HOME is not set and the system has no entry for this user" in line
    assert "no home folder is known" in said("data.root=~/x", "cache_dir=/tmp/x")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_the_encoding_of_standard_output_lacks_is_replaced(encoding: str, monkeypatch: pytest.MonkeyPatch):
    heard = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(heard, encoding=encoding))
    assert main(["table", "--published-only"]) == 0
    assert "RzenEmbed" in heard.getvalue().decode(encoding)


def to_a_full_disk(words: list[str]) -> int:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    return main(words)


@pytest.mark.parametrize("words", [["models"], ["--help"], ["table", "--published-only", "--format", "json"]])
def test_a_full_disk_behind_standard_output_is_one_line(words: list[str], tmp_path: Path):
    done = ended(partial(to_a_full_disk, words), tmp_path)
    assert (done.code, done.text) == (
        1,
        "rzen-eval: standard output cannot be written (No space left on device); results are kept\n",
    )


@pytest.mark.parametrize("device", ["nonsense", "cuda:77"])
def test_a_device_for_ranking_that_is_not_there_is_said_before_anything_is_embedded(
    device: str, tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
):
    words = [
        "model=python",
        "model.class=tests.evaluation.breaking:Numbers",
        f"data.root={mirror}",
        "runtime.workers=0",
    ]
    places = [f"results_dir={tmp_path}", f"cache_dir={tmp_path / 'cache'}", f"runtime.rank_device={device}"]
    assert main(["task=visdoc/vidore_docvqa", *words, *places]) == 2
    heard = capsys.readouterr()
    assert f"rzen-eval: runtime.rank_device={device} is not there (" in heard.err
    assert not heard.out
