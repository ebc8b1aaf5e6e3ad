"""Tokens of a prompt, by hand."""

import numpy as np
import pytest

from rzen_eval.errors import DataError
from rzen_eval.models.families.token_places import check_vocabulary
from rzen_eval.models.interface import Planned

IMAGE = (5, None)


def test_text_that_a_model_has_no_embedding_for_is_refused_and_visual_tokens_are_its_own():
    tokens, visual = np.array([3, 900, 900, 7]), np.array([1, 2])
    check_vocabulary(Planned("", tokens, visual), 900, IMAGE)
    check_vocabulary(Planned("", tokens, np.zeros(0, dtype=np.int64)), 901, IMAGE)
    with pytest.raises(DataError, match="its prompt has the token 900, and the model knows 900; the tokenizer is of"):
        check_vocabulary(Planned("", tokens, visual[:1]), 900, IMAGE)


def test_a_media_token_that_a_model_counts_apart_is_no_text():
    check_vocabulary(Planned("", np.array([3, 900, 7]), np.zeros(0, dtype=np.int64)), 900, (900, None))
