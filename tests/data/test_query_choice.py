"""Which queries of a task are scored, where not all are."""

import pytest

from rzen_eval.api import load_task
from rzen_eval.core import Limit, Task, TaskData
from rzen_eval.data.load import load_data
from rzen_eval.data.query_choice import chosen, judgements

EVERY = [str(number) for number in range(1000)]


DOCVQA = load_task("vidore_docvqa")


def task(limit: object, **fields: object) -> Task:
    return DOCVQA.model_copy(update={"limit": limit and Limit.model_validate(limit), **fields})


def loaded(name: str, *words: str) -> TaskData:
    return load_data(load_task(name, "data=sample", *words))


@pytest.mark.parametrize(
    ("given", "spelled", "words"),
    [
        (100, "sample:100", "100 random queries"),
        ("100", "sample:100", "100 random queries"),
        ("sample:100:7", "sample:100:7", "100 random queries (seed 7)"),
        ("first:20", "first:20", "the first 20 queries"),
    ],
)
def test_a_limit_is_read_as_it_is_written(given: object, spelled: str, words: str):
    limit = Limit.model_validate(given)
    assert (str(limit), limit.words, Limit.model_validate(str(limit))) == (spelled, words, limit)


def test_a_sample_is_the_same_everywhere_and_in_every_order():
    kept = chosen(task(5), EVERY)
    assert kept == ["422", "427", "598", "926", "958"]
    assert sorted(chosen(task(5), EVERY[::-1])) == kept


def test_a_larger_sample_holds_a_smaller_one_and_another_seed_draws_another():
    small, large = (set(chosen(task(n), EVERY)) for n in (50, 200))
    assert small < large
    assert small != set(chosen(task("sample:50:1"), EVERY))


def test_versions_of_a_task_share_a_sample_and_other_tasks_do_not():
    assert chosen(task(50, id="another version"), EVERY) == chosen(task(50), EVERY)
    assert chosen(task(50, name="another task"), EVERY) != chosen(task(50), EVERY)


def test_a_sample_favours_no_part_of_a_task():
    # Every query is as likely as any other: over 400 seeds each of 50 is drawn 40 times, by 6 more or less.
    counts = dict.fromkeys(EVERY[:50], 0)
    for seed in range(400):
        for query in chosen(task(f"sample:5:{seed}"), EVERY[:50]):
            counts[query] += 1
    assert sum(counts.values()) == 2000
    assert 15 < min(counts.values()) < 40 < max(counts.values()) < 65


def test_the_corpus_stays_whole_and_judgements_are_those_of_the_chosen_queries():
    whole, part = loaded("vidore_docvqa"), loaded("vidore_docvqa", "limit=3")
    assert part.whole is not None
    assert (len(part.query_ids), part.whole.n_queries) == (3, len(whole.query_ids))
    assert part.candidate_ids == whole.candidate_ids
    assert part.candidates is whole.candidates or len(part.candidates) == len(whole.candidates)
    assert part.qrels == {query_id: whole.qrels[query_id] for query_id in part.query_ids}
    assert part.whole.judgements == judgements(whole)


@pytest.mark.parametrize("name", ["image/ok_vqa", "video/qvhighlight", "video/momentseeker", "video/mvbench"])
def test_pools_stay_whole_and_candidates_of_other_pools_go(name: str):
    whole, part = loaded(name), loaded(name, "limit=2")
    assert whole.pools is not None
    assert part.pools == {query_id: whole.pools[query_id] for query_id in part.query_ids}
    assert set(part.candidate_ids) == {candidate for pool in part.pools.values() for candidate in pool}
    texts = dict(zip(whole.query_ids, (item.text for item in whole.queries), strict=True))
    assert [item.text for item in part.queries] == [texts[query_id] for query_id in part.query_ids]
    assert part.whole is not None
    assert part.whole.n_queries == len(whole.query_ids)
