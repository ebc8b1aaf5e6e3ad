"""A family is named once: what is said of it elsewhere comes from its class."""

import ast
from pathlib import Path
from typing import get_args

import pytest
import transformers

import rzen_eval
from rzen_eval.models import FAMILIES, class_of
from rzen_eval.models.declaration.local import ModelSpec

PACKAGE = Path(rzen_eval.__file__).parent
HOME = PACKAGE / "models" / "families"


def names(source: Path) -> set[str]:
    """Families that a module names in its code, docstrings left out."""
    tree = ast.parse(source.read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & FAMILIES.keys()


def test_no_module_but_the_table_names_a_family():
    named = {source for source in PACKAGE.rglob("*.py") if HOME not in source.parents and names(source)}
    assert named == {PACKAGE / "models" / "__init__.py"}


def test_a_declaration_takes_the_families_of_the_table():
    assert get_args(ModelSpec.model_fields["family"].annotation) == tuple(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_names_classes_of_transformers_that_are_there(family: str):
    kind = class_of(family)
    for name in (kind.architecture, kind.configuration, kind.whole_class):
        assert hasattr(transformers, name), name


def test_what_families_say_of_themselves():
    said = {
        name: (kind.budgeted, kind.causal, kind.tiled, getattr(kind, "token_side", None))
        for name, kind in ((name, class_of(name)) for name in FAMILIES)
    }
    assert said == {
        "qwen2_vl": (True, True, False, 28),
        "qwen2_5_vl": (True, True, False, 28),
        "qwen3_vl": (True, True, False, 32),
        "qwen3_5": (True, True, False, 32),
        "jina_embeddings_v4": (True, True, False, 28),
        "jina_embeddings_v4_multivector": (True, True, False, 28),
        "nemotron_colembed": (True, False, False, 32),
        "qwen2_5_omni": (True, True, False, 28),
        "nv_omni_embed": (True, False, False, 28),
        "colqwen2": (True, True, False, 28),
        "colqwen2_5": (True, True, False, 28),
        "colqwen3": (True, True, False, 32),
        "colqwen3_5": (True, True, False, 32),
        "llava_onevision": (False, True, True, None),
        "colpali": (False, False, False, None),
    }
