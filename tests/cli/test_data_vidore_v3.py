"""ViDoRe V3 from the hub to a score: `data plan`, `data fetch`, `data verify`, a run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rzen_eval.cli.main import main
from rzen_eval.config import compose
from tests import vidore3
from tests.loopback import Hub
from tests.toys import page

SUITE = "task=vidore_v3_hr"
PAGES = {"p1": page(10), "p2": page(120), "p3": page(240)}
QUERIES = {language: {f"q-{language}": "How many people work here?"} for language in vidore3.LANGUAGES}
JUDGED = [(f"q-{language}", "p2", 2) for language in vidore3.LANGUAGES]


@pytest.fixture
def commit() -> str:
    """What the tasks of the set are pinned to."""
    (found,) = {task.dataset.revision for task in compose.load([SUITE]).tasks.values()}
    assert found is not None
    return found


@pytest.fixture
def hub(commit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The set at its commit, with a corpus for every language."""
    folder = vidore3.write(tmp_path / "hub", PAGES, QUERIES, JUDGED, corpora=vidore3.LANGUAGES)
    folder.rename(folder.with_name(f"{folder.name}@{commit}"))
    folder.mkdir()
    with Hub(tmp_path / "hub") as served:
        served.lead(monkeypatch)
        yield served


def test_a_set_is_planned_fetched_with_one_corpus_for_its_six_languages_verified_and_run(
    hub: Hub, commit: str, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    words = [SUITE, f"data.root={tmp_path / 'root'}", f"cache_dir={cache}", "runtime.workers=0"]
    assert [main(["data", verb, *words]) for verb in ("plan", "fetch", "verify")] == [0, 0, 0]
    printed = capsys.readouterr().out
    assert f"| {vidore3.REPO} | 6 tasks | {commit[:12]} |" in printed
    assert f"{vidore3.REPO}: 14 files" in printed, "a README, queries and judgements of each language, and pages"
    assert "6 of 6 tasks are complete, of 6 the rows are not the benchmark's (see above;" in printed
    assert "with a warning" not in printed
    names = [name for name, _ in hub.downloads]
    assert len(names) == len(set(names)) == 14
    assert [name for name in names if "-corpus/" in name] == ["english-corpus/test-00000-of-00001.parquet"]
    assert main([*words, f"results_dir={tmp_path / 'results'}"]) == 0
    found = [json.loads(file.read_text()) for file in (tmp_path / "results/mini").glob("*.json")]
    assert len(found) == 6
    for result in found:
        assert result["provenance"]["dataset"]["revision"].startswith(f"{commit}+files:")
        assert result["score"] == pytest.approx(found[0]["score"]), "of the same question about the same pages"


def test_verify_tells_a_warning_from_rows_that_are_not_the_benchmarks(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
):
    vidore3.write(tmp_path, PAGES, {"english": {"q": "Who works here?", "q2": "Nobody judged this"}}, [("q", "p2", 2)])
    counts = [f"tasks.vidore3_hr_english.{key}" for key in ("n_queries=1", "n_candidates=3")]
    words = ["task=vidore3_hr_english", f"data.root={tmp_path}", f"cache_dir={cache}", "runtime.workers=0"]
    assert main(["data", "verify", *words, *counts]) == 0
    printed = capsys.readouterr().out
    assert "1 queries have no judgement and are left out" in printed
    assert "1 of 1 tasks are complete, 1 with a warning (see above);" in printed
    assert "not the benchmark's" not in printed
