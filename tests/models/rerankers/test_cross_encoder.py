"""Cross-encoders of Sentence-Transformers, against the same small model computed with transformers alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rzen_eval import Item, load_reranker
from rzen_eval.errors import ModelError

pytest.importorskip("sentence_transformers")

SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


def saved(folder: Path, labels: int = 1) -> Path:
    """A random BERT with a head, whose words are letters."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*"abcdefghijklmnopqrstuvwxyz:."]
    words = [*marks, *letters, *(f"##{letter}" for letter in letters)]
    torch.manual_seed(0)
    config = BertConfig(**SMALL, vocab_size=len(words), max_position_embeddings=64, num_labels=labels)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(5)
    model.save_pretrained(folder)
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}, model_max_length=64).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("cross"))


def opened(folder: Path) -> Any:
    return load_reranker("cross_encoder", f"checkpoint={folder}", "device=cpu", "dtype=float32", "name=cross")


def test_scores_equal_those_of_transformers(folder: Path):
    from transformers import AutoTokenizer, BertForSequenceClassification

    candidates = ["a boat", "a kite on a string", "no"]
    scores = opened(folder).score(Item(text="boat", instruction="find:"), [Item(text=text) for text in candidates])
    stock = BertForSequenceClassification.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(["find: boat"] * 3, candidates, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = torch.sigmoid(stock(**tokens).logits[:, 0])
    assert scores == pytest.approx(expected.numpy(), abs=1e-5)
    assert len(set(scores.tolist())) == 3


def test_a_checkpoint_whose_head_was_never_trained_is_refused(tmp_path: Path):
    place = saved(tmp_path / "bare")
    weights = load_file(place / "model.safetensors")
    bare = {name: weight for name, weight in weights.items() if not name.startswith("classifier.")}
    save_file(bare, place / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"cross: 2 weights missing in .* \(classifier.bias, classifier.weight\)"):
        opened(place)


def test_a_weight_that_is_not_finite_is_refused_though_no_pair_reads_it(tmp_path: Path):
    place = saved(tmp_path / "odd")
    weights = load_file(place / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"][-1, 0] = float("inf")
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"cross: weights in .*odd are not finite: .*word_embeddings"):
        opened(place).score(Item(text="boat"), [Item(text="a")])


def test_one_of_several_classes_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"gives a pair 3 numbers; expected one, its score"):
        opened(saved(tmp_path / "three", 3))
