"""What is printed at the end of a run."""

import contextlib
from pathlib import Path

from rzen_eval.cli.run import document
from rzen_eval.config import compose
from rzen_eval.evaluation.session import Outcome
from rzen_eval.results.tables.document import markdown
from tests.results.test_store import result

VERSIONS = {"versions": ["2.0", "2.1"]}


def ended(tmp_path: Path, *words: str, every: bool = False, **failed: str) -> str:
    """The document of a run with one result."""
    config = compose.load(["model=mini", "data=hub", f"results_dir={tmp_path}", *words])
    scored = result("vidore_arxivqa", 0.5, task="ViDoRe_arxivqa", limit=config.limit, provenance=VERSIONS)
    return markdown(document(config, Outcome({"vidore_arxivqa": scored}, failed), every=every))


def test_a_run_ends_with_the_tables_of_the_leaderboard_and_where_they_come_from(tmp_path: Path):
    text = ended(tmp_path)
    assert "| mini    | 50.00 (1 of 78) | –       | –       | 50.00 (1 of 24) |" in text
    assert f"* mini: results in {tmp_path}/mini" in text
    assert f"Every task: --per-task, or rzen-eval table {tmp_path}/mini --per-task" in text
    assert "| vidore_arxivqa" not in text
    with contextlib.chdir(tmp_path):
        assert "What it got wrong: rzen-eval failures mini and rzen-eval report mini" in ended(tmp_path)
    assert "| vidore_arxivqa |" in ended(tmp_path, every=True)


def test_a_published_row_stands_in_the_tables_of_its_own_version(tmp_path: Path):
    text = ended(tmp_path, "reference=rzenembed_v2_7b")
    new, old = text.split("## Data 2.0: ")
    assert "| mini " in new
    assert "| RzenEmbed-v2-7B | 71.61 " in old


def test_failures_are_listed_and_a_limited_score_is_in_no_average(tmp_path: Path):
    text = ended(tmp_path, "limit=first:3", every=True, cirr="cirr: no picture")
    assert "| cirr           | –" in text
    assert "## Failed\n\n* cirr: no picture" in text
    assert "limit=first:3: scores of at most 3 queries a task, left out of the tables" in text
    assert "Overall" not in text
