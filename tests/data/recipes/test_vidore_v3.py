"""ViDoRe V3: which questions, judgements and pages a task is made of."""

from pathlib import Path

import pytest

from rzen_eval import load_data, load_task
from rzen_eval.config import compose
from rzen_eval.core import TaskData
from rzen_eval.errors import ConfigError, DataError
from tests import vidore3
from tests.toys import page

PAGES = {"p1": page(10), "p2": page(20), "p10": page(10)}
QUERIES = {
    "english": {"q-en": "How many people work here?", "q-en2": "Who is paid least?"},
    "french": {"q-fr": "Combien de gens travaillent ici ?"},
}
JUDGED = [("q-en", "p2", 2), ("q-fr", "p1", 1), ("q-en2", "p10", 1), ("q-fr", "p10", 2)]


def load(root: Path, task: str = "vidore_v3/vidore3_hr_english", *overrides: str) -> TaskData:
    return load_data(load_task(task, "data=mirror", f"data.root={root}", *overrides))


def test_a_task_asks_in_its_language_and_keeps_the_judgements_of_its_questions(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, JUDGED)
    english = load(tmp_path)
    assert english.query_ids == ["q-en", "q-en2"]
    assert [item.text for item in english.queries] == list(QUERIES["english"].values())
    assert english.qrels == {"q-en": {"p2": 2.0}, "q-en2": {"p10": 1.0}}
    french = load(tmp_path, "vidore_v3/vidore3_hr_french")
    assert french.qrels == {"q-fr": {"p1": 1.0, "p10": 2.0}}
    assert french.languages == ["french"]


def test_every_language_searches_the_same_pages_which_are_read_from_one_corpus(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, JUDGED)
    for language in QUERIES:
        data = load(tmp_path, f"vidore_v3/vidore3_hr_{language}")
        assert data.candidate_ids == ["p1", "p2", "p10"]
        assert [item.images[0].read() for item in data.candidates] == list(PAGES.values())
        assert data.pools is None


def test_a_mirror_with_the_corpus_of_another_language_alone_is_read(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, JUDGED, corpora=("german", "french"))
    for language in QUERIES:
        data = load(tmp_path, f"vidore_v3/vidore3_hr_{language}")
        assert [item.images[0].read() for item in data.candidates] == list(PAGES.values())


def test_questions_are_told_what_to_look_for_and_pages_nothing(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, JUDGED)
    data = load(tmp_path)
    told = "Find a screenshot that is relevant to the user's question."
    assert {item.instruction for item in data.queries} == {told}
    assert {(item.instruction, item.text) for item in data.candidates} == {(None, None)}


def test_pages_of_the_second_version_come_with_their_text_trimmed(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, JUDGED, texts=["  # Staff\n\n12 people \n", "", "Pay"])
    data = load(tmp_path, "vidore_v3_1/vidore3_1_hr_english")
    assert [item.text for item in data.candidates] == ["# Staff\n\n12 people", None, "Pay"]
    assert all(item.images for item in data.candidates)


def test_a_question_without_a_judgement_is_left_out_and_said(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, [judged for judged in JUDGED if judged[0] != "q-en"])
    data = load(tmp_path)
    assert data.query_ids == ["q-en2"]
    assert any("1 queries have no judgement and are left out" in warning for warning in data.warnings)


def test_the_last_judgement_of_a_page_counts_and_zero_makes_none_relevant(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, [*JUDGED, ("q-en", "p2", 1), ("q-en2", "p10", 0)])
    data = load(tmp_path)
    assert data.qrels == {"q-en": {"p2": 1.0}, "q-en2": {}}
    assert any("1 of 2 queries have no page with a grade" in warning for warning in data.warnings)


def test_a_judgement_of_a_page_that_is_not_there_is_an_error(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, [*JUDGED, ("q-en", "p3", 1)])
    with pytest.raises(DataError, match="query 'q-en' is judged on page 'p3', which the corpus does not hold"):
        load(tmp_path)


def test_a_question_without_words_is_an_error(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, {"english": {"q-en": ""}}, JUDGED[:1])
    with pytest.raises(DataError, match=r"row 0 of .*, english-queries: text is empty"):
        load(tmp_path)


def test_a_task_without_a_language_is_refused(tmp_path: Path):
    vidore3.write(tmp_path, PAGES, QUERIES, JUDGED)
    with pytest.raises(ConfigError, match="language is missing"):
        load(tmp_path, "vidore_v3/vidore3_hr_english", "tasks.vidore3_hr_english.dataset.language=null")


def test_counts_are_those_of_the_benchmark_for_every_task():
    for suite, judged in (("vidore_v3", 48), ("vidore_v3_en", 8), ("vidore_v3_1", 48), ("vidore_v3_1_en", 8)):
        tasks = compose.load([f"task={suite}"]).tasks.values()
        assert len(tasks) == judged
        assert sum(task.n_queries for task in tasks) == 2419 * judged // 8
        assert sum(task.n_candidates or 0 for task in tasks) == 19252 * judged // 8
