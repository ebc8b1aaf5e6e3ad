"""The sample's ViDoRe V3 has the layout of the real one: six languages, the same pages, all judgements in each."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from rzen_eval.benchmark.manifest import manifest
from rzen_eval.sample import COUNTS
from rzen_eval.sample.six_languages import LANGUAGES
from rzen_eval.sample.vidore_v3 import PAGES, QUESTIONS, SETS, TWICE

REPOSITORIES = [repo for one in SETS for repo in (one.images, one.images_and_text)]


def rows(root: Path, repo: str, config: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(root / repo / files(root, repo)[config]).to_pylist()
    return found


def files(root: Path, repo: str) -> dict[str, str]:
    """Of each configuration, as the card lists them."""
    card = yaml.safe_load((root / repo / "README.md").read_text().split("---")[1])
    return {one["config_name"]: one["data_files"][0]["path"] for one in card["configs"]}


def test_every_task_of_the_suite_has_its_repository_in_the_sample():
    entries = [entry for entry in manifest().entries.values() if entry.benchmark == "vidore_v3"]
    assert {entry.repo for entry in entries} == set(REPOSITORIES)
    for entry in entries:
        count = COUNTS[entry.repo, None]
        assert (count.n_queries_by_language or {})[entry.language or ""] == QUESTIONS
        assert count.n_candidates == PAGES + 1


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_a_repository_has_three_tables_a_language_and_the_same_pages_in_all(sample_root: Path, repo: str):
    configs = {f"{language}-{kind}" for language in LANGUAGES for kind in ("corpus", "queries", "qrels")}
    assert set(files(sample_root, repo)) == configs
    pages = rows(sample_root, repo, "english-corpus")
    assert all(rows(sample_root, repo, f"{language}-corpus") == pages for language in LANGUAGES)
    assert set(pages[0]) == {"image", "id"} | ({"text"} if "OCR" in repo else set())


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_each_table_of_judgements_holds_graded_ones_of_all_languages(sample_root: Path, repo: str):
    judged = rows(sample_root, repo, "english-qrels")
    assert all(rows(sample_root, repo, f"{language}-qrels") == judged for language in LANGUAGES)
    asked = {row["id"]: language for language in LANGUAGES for row in rows(sample_root, repo, f"{language}-queries")}
    assert len(asked) == QUESTIONS * len(LANGUAGES)
    assert {row["query-id"] for row in judged} == set(asked)
    assert {row["score"] for row in judged} == {1, 2}
    assert {row["corpus-id"] for row in judged} <= {row["id"] for row in rows(sample_root, repo, "english-corpus")}


def test_questions_are_written_in_their_language(sample_root: Path):
    first = {
        language: rows(sample_root, "vidore/vidore_v3_hr_mteb_format", f"{language}-queries")[0]["text"]
        for language in LANGUAGES
    }
    assert len(set(first.values())) == len(LANGUAGES)
    assert (first["german"].split()[0], first["italian"].split()[0]) == ("Welche", "Quale")


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_one_page_is_there_twice_as_in_the_real_corpora(sample_root: Path, repo: str):
    images = [row["image"]["bytes"] for row in rows(sample_root, repo, "english-corpus")]
    assert [place for place, image in enumerate(images) if images.count(image) > 1] == [TWICE, PAGES]


def test_the_text_of_a_page_is_what_is_printed_on_it_and_some_have_none(sample_root: Path):
    pages = rows(sample_root, "mteb/Vidore3HrOCRRetrieval", "english-corpus")
    assert sum(not page["text"] for page in pages) == 4
    assert all(page["text"].startswith("# ") for page in pages if page["text"])
