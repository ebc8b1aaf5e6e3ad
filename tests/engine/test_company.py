"""Runs that embed into one store at once share the work, and nobody waits for anybody."""

import os
from pathlib import Path

import numpy as np

from rzen_eval.core import Item, Side
from rzen_eval.engine.company import Company, _spread
from rzen_eval.engine.inline import Inline
from rzen_eval.engine.job import Done
from rzen_eval.engine.picture_loader import Loader
from rzen_eval.engine.plan import Plan, TaskSide
from rzen_eval.engine.vector_store import VectorStore
from tests.engine.test_embed import Counting


def test_each_run_begins_in_the_middle_of_the_largest_gap():
    assert [_spread(number) for number in range(6)] == [0, 0.5, 0.25, 0.75, 0.125, 0.625]


def test_a_run_begins_elsewhere_while_others_are_at_work_and_leaves_no_note(tmp_path: Path):
    with Company(tmp_path) as first, Company(tmp_path) as second, Company(tmp_path) as third:
        assert (first.place, second.place, third.place) == (0, 0.5, 0.25)
    assert list(tmp_path.iterdir()) == []
    with Company(tmp_path) as alone:
        assert alone.place == 0


def test_a_run_that_was_killed_is_no_company(tmp_path: Path):
    (tmp_path / ".at-work-00000000000000000001-00000000-1-0123456789ab").touch()
    with Company(tmp_path) as beside:
        assert beside.place == 0.5, "it may be at work on another machine"
    os.utime(next(tmp_path.iterdir()), (0, 0))
    with Company(tmp_path) as alone:
        assert alone.place == 0


def planned(folder: Path, begin: float = 0) -> Plan:
    plan = Plan(Counting(), VectorStore(folder), 40, begin=begin)
    names = [str(number) for number in range(600)]
    plan.add(TaskSide("task", Side.CANDIDATE, [Item(text=f"3 {name}") for name in names], names))
    assert len(plan.order()) > 8
    return plan


def test_two_runs_at_once_make_each_vector_once_but_for_the_windows_at_which_they_meet(tmp_path: Path):
    plans = [planned(tmp_path), planned(tmp_path, 0.5)]
    with Loader(0, 60) as loader:
        runs = [Inline(plan.model, loader).run(plan) for plan in plans]
        heard: list[list[Done]] = [[], []]
        going = {0, 1}
        while going:
            for one in (0, 1):
                news = next((news for news in runs[one] if isinstance(news, Done)), None)
                going.discard(one) if news is None else heard[one].append(news)
    total = len(plans[0].order())
    assert [len(done) for done in heard] == [total, total]
    assert not [done for several in heard for done in several if done.error]
    made = [sum(done.spent.items > 0 for done in several) for several in heard]
    assert total <= sum(made) <= total + 2
    assert min(made) >= total // 2 - 1
    keys = [key for number in plans[0].order() for key in plans[0].keys(number)]
    both = [np.concatenate(plan.store.get(keys)) for plan in plans]
    assert np.array_equal(*both)


def test_a_window_that_another_run_has_done_counts_as_done_and_takes_no_forward_pass(tmp_path: Path):
    late = planned(tmp_path)
    early = planned(tmp_path)
    with Loader(0, 60) as loader:
        list(Inline(early.model, loader).run(early))
        late.store.refresh()
        news = [one for one in Inline(late.model, loader).run(late) if isinstance(one, Done)]
    assert sorted(one.number for one in news) == sorted(late.order())
    assert all(one.spent.items == 0 and one.error is None for one in news)
