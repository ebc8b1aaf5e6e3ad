"""What people give from Python and is none: a line that says what was expected, of the package's own errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rzen_eval import ConfigError, DataError, Item, evaluate, evaluate_suite, load_model, load_task, score_run

QRELS = {"q": {"ab": 1.0}}


@pytest.mark.parametrize(
    ("run", "qrels", "expected"),
    [
        ({"q": "ab"}, QRELS, "the run ranks query 'q' by 'ab'; expected a list of candidates, best first"),
        ({"q": {"ab": 0.5}}, QRELS, r"by a mapping; expected candidates, best first: sorted\(scores, key=scores.get"),
        ({"q": {"ab"}}, QRELS, "expected a list of candidates, best first"),
        (None, QRELS, r"expected a run as {query: \[candidates\]}, found NoneType"),
        ({"q": ["ab"]}, {"q": ["ab"]}, "expected qrels as {query: {candidate: grade}}"),
    ],
)
def test_what_is_no_run_is_not_scored(run: Any, qrels: Any, expected: str):
    with pytest.raises(DataError, match=expected):
        score_run(run, qrels)


def test_a_run_may_be_of_arrays():
    assert score_run({"q": np.array(["b", "ab"])}, QRELS)["mrr@5"] == 0.5  # type: ignore[dict-item]


class Model:
    def embed(self, items: list[Item], side: str) -> Any:
        del side
        return np.ones((len(items), 2))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: evaluate(load_task("longembed_needle"), Model(), {"workers": 0}), r"expected runtime=Runtime\(...\)"),
        (lambda: evaluate_suite(Model(), None), "expected the name of a suite, or a list, found None"),
        (lambda: evaluate_suite(Model(), "mmeb_v3_memory", results_dir=3), "expected a folder, found 3"),
        (lambda: evaluate_suite(Model(), "mmeb_v3_memory", runtime="pool"), r"expected runtime=Runtime\(...\)"),
        (lambda: load_model("mini").embed(["a cat"], "query"), r"expected a list of Items, found 'a cat' in it; write"),
        (lambda: load_model("mini").embed(Item(text="a cat"), "query"), "expected a list of Items, found Item"),
        (lambda: load_model("mini").embed("a cat", "query"), "expected a list of Items, found str"),
        (
            lambda: load_model("mini").embed([Item(text="a cat")], "text"),
            "expected one of query, candidate, found 'text'",
        ),
    ],
)
def test_what_is_no_argument_is_named(call: Callable[[], Any], expected: str):
    with pytest.raises(ConfigError, match=expected):
        call()


@pytest.mark.parametrize("name", ["text", "instruction"])
def test_a_cell_that_pandas_has_no_text_for_is_no_text(name: str):
    with pytest.raises(TypeError, match=rf"Item\({name}=...\) takes a text, found float: nan"):
        Item(**{name: float("nan")})
