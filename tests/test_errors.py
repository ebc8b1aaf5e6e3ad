"""How messages name things."""

import pytest
from pydantic import Field, ValidationError, field_validator

from rzen_eval.core import Frozen
from rzen_eval.errors import failure, first_fault, nearest, reason, some


class Settings(Frozen):
    size: int = Field(gt=0)
    inner: dict[str, float] = Field(default={})

    @field_validator("inner")
    @classmethod
    def _named(cls, inner: dict[str, float]) -> dict[str, float]:
        if "a/b" in inner:
            raise ValueError("expected a name without '/', found 'a/b'")
        return inner


def test_of_many_names_the_first_are_shown_and_the_rest_counted():
    assert some(["a", "b", "c"], 3) == "a, b, c"
    assert some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert some(["a", "b", "c"], 1, joined="; ") == "a and 2 more"
    assert some([]) == ""


def test_a_word_that_is_like_a_known_one_gets_a_hint():
    assert nearest("vidoer", iter(["video", "image"])) == " (did you mean video?)"
    assert nearest("xyz", ["video"]) == ""


def test_what_another_library_says_becomes_one_short_line():
    assert reason(ValueError("one\n  two\tthree")) == "one two three"
    assert reason(ValueError("x" * 400)) == "x" * 300
    assert reason(ValueError("\x1b[1mbold\x1b[0m \x07\x00 word")) == "bold word"
    assert reason(EOFError()) == "EOFError"
    assert failure(EOFError()) == "EOFError"
    assert failure(KeyError("a\nb")) == r"KeyError: 'a\nb'"


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ('{"size": "big"}', "size", "expected a valid integer, unable to parse string as an integer, found 'big'"),
        ('{"size": 0}', "size", "expected greater than 0, found 0"),
        ('{"size": 1, "inner": {"x": []}}', "inner.x", "expected a valid number, found []"),
        ('{"size": 1, "inner": {"a/b": 1}}', "inner", "expected a name without '/', found 'a/b'"),
        ("{}", "size", "missing; expected a value"),
        ('{"size": 1, "sice": 2}', "sice", "unknown key"),
        ("{", "the file", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
    ],
)
def test_the_first_fault_of_a_file_is_a_place_and_what_was_expected_there(content: str, where: str, what: str):
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate_json(content)
    assert first_fault(caught.value) == (where, what)
