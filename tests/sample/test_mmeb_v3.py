"""The sample's MMEB-V3 has a small task for each of the real ones, in files of the same names."""

from pathlib import Path

import pytest

from rzen_eval import load_data
from rzen_eval.benchmark.manifest import manifest
from rzen_eval.config import compose
from rzen_eval.sample import COUNTS
from rzen_eval.sample.mmeb_v3 import REPO

A_KIND_EACH = (
    *("bright_aops", "r2med_biology", "followir_core17", "infosearch_length_v1", "longembed_needle"),
    *("multiconir_legal_document", "nanobeir_scifact", "tool_code_toolink", "memory_knowmebench", "mcmr"),
)


def test_every_task_of_the_suite_is_in_the_sample():
    entries = [entry for entry in manifest().entries.values() if entry.benchmark == "mmeb_v3"]
    assert {(entry.repo, entry.config) for entry in entries} == {key for key in COUNTS if key[0] == REPO}


def test_the_sample_of_the_whole_suite_is_small_enough_to_be_run_in_a_minute_or_two():
    tasks = compose.load(["task=mmeb_v3_core", "data=sample"]).tasks.values()
    counts = [COUNTS[task.dataset.repo, task.dataset.config] for task in tasks]
    new = [count for task, count in zip(tasks, counts, strict=True) if task.dataset.repo == REPO]
    assert (len(counts), len(new)) == (171, 93)
    assert sum(count.n_queries + count.n_candidates for count in new) < 2_000
    assert sum(count.n_queries + count.n_candidates for count in counts) < 6_500


@pytest.mark.parametrize("suffix", ["", "_wemm"])
def test_tasks_of_each_kind_load_with_their_counts_and_every_query_has_its_answer(suffix: str, cache: Path):
    ids = {entry.id for entry in manifest().entries.values()}
    names = [f"{name}{suffix}" for name in A_KIND_EACH if f"{name}{suffix}" in ids]
    tasks = compose.load([f"task=[{','.join(names)}]", "data=sample", f"cache_dir={cache}"]).tasks
    for task in tasks.values():
        data = load_data(task)
        count = COUNTS[task.dataset.repo, task.dataset.config]
        assert (len(data.query_ids), len(data.candidate_ids)) == (count.n_queries, count.n_candidates)
        assert all(set(grades) <= set(data.candidate_ids) and grades for grades in data.qrels.values())
        assert not data.warnings
