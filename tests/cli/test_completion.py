"""What a shell offers while a command is written."""

import io

import pytest

from rzen_eval.cli import completion
from rzen_eval.cli.completion import offers


@pytest.mark.parametrize(
    ("words", "prefix", "found"),
    [
        ([], "comp", ["compare"]),
        ([], "mod", ["model-check", "model=", "models"]),
        (["estimate"], "mod", ["model="]),
        (["compare", "a"], "task", ["task=", "tasks="]),
        (["compare", "a", "b"], "--le", ["--level"]),
        (["compare", "a", "b"], "model=", []),
        ([], "model=rzenembed_v2", ["model=rzenembed_v2_7b", "model=rzenembed_v2_7b_paper"]),
        (["model=mini"], "task=vidore_arx", ["task=vidore_arxivqa"]),
        (["model=mini"], "task=visdoc/vidore_arx", ["task=visdoc/vidore_arxivqa"]),
        ([], "task=[refcoco,visual7w_p", ["task=[refcoco,visual7w_pointing"]),
        ([], "data=m", ["data=mirror"]),
        ([], "limit=", []),
        (["nonsense"], "zz", []),
    ],
)
def test_a_word_goes_on_with_what_fits(words: list[str], prefix: str, found: list[str]):
    assert offers(words, prefix) == found


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("rzen-eval estimate --for", "--format "),
        ("rzen-eval task=vidore_arx", "vidore_arxivqa "),
        ("rzen-eval model=rzenembed_v2", "rzenembed_v2_7b\vrzenembed_v2_7b_paper"),
    ],
)
def test_the_shell_is_answered_in_its_own_terms(monkeypatch: pytest.MonkeyPatch, line: str, answer: str):
    pytest.importorskip("argcomplete", reason="the extra [completion]")
    # What the function of bash that argcomplete registers sets; with = among its word breaks, it wants what follows.
    asked = {
        "_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_COMP_WORDBREAKS": "\"'><=;|&(:", "_ARGCOMPLETE_SUPPRESS_SPACE": "0",
    }  # fmt: skip
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    said, codes = io.StringIO(), []
    completion.answer(codes.append, said)
    assert (said.getvalue(), codes) == (answer, [0])


def test_without_a_shell_that_asks_nothing_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("_ARGCOMPLETE", raising=False)
    said = io.StringIO()
    completion.answer(pytest.fail, said)
    assert said.getvalue() == ""
