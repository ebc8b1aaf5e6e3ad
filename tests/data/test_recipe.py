"""Recipes by name, and their options, checked before any row is read."""

import pytest

from rzen_eval import load_task
from rzen_eval.config import compose
from rzen_eval.core import Item
from rzen_eval.data.recipe import check_options, typical
from rzen_eval.errors import ConfigError


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["task=image/ok_vqa", "tasks.ok_vqa.options.querry=text"],
            "command line: tasks.ok_vqa.options.querry: unknown key; recipe image takes",
        ),
        (["task=image/ok_vqa", "tasks.ok_vqa.options.query=sound"], "command line: tasks.ok_vqa.options.query: "),
        (["task=visdoc/vidore_docvqa", "tasks.vidore_docvqa.options.x=1"], "recipe visdoc takes no options"),
        (["task=image/ok_vqa", "tasks.ok_vqa.recipe=imag"], "tasks.ok_vqa.recipe: no recipe 'imag'"),
        (["task=image/ok_vqa", "tasks.ok_vqa.recipe=os.path"], "'os.path' has no function load(task, repository)"),
    ],
)
def test_options_and_recipes_that_there_are_not_are_refused_when_a_run_is_configured(words: list[str], said: str):
    with pytest.raises(ConfigError) as caught:
        compose.load(words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_recipe_without_a_schema_nothing_is_checked_and_nothing_is_known():
    task = load_task("visdoc/vidore_docvqa").model_copy(
        update={"recipe": "tests.evaluation.breaking", "options": {"anything": 1}}
    )
    check_options(task)
    assert typical(task) is None


def test_every_shipped_recipe_says_what_its_items_are_like():
    tasks = compose.load(["task=[mmeb_v2,mmeb_v2_0,variants]"]).tasks.values()
    for task in tasks:
        shape = typical(task)
        assert shape is not None, task.id
        assert isinstance(shape.query, Item)
        pictures = bool(shape.query.images or shape.query.frames or shape.candidate.images or shape.candidate.frames)
        assert pictures, task.id
