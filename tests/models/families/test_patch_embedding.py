"""A patch embedding as a matrix product, against the convolution that checkpoints have."""

import pytest
import torch
from torch import nn

from rzen_eval import Item, load_model
from rzen_eval.models.families import patch_embedding
from tests.conftest import FIXTURES


def convolution(*, bias: bool) -> nn.Conv3d:
    torch.manual_seed(0)
    return nn.Conv3d(3, 32, kernel_size=(2, 14, 14), stride=(2, 14, 14), bias=bias)


@pytest.mark.parametrize("bias", [False, True])
def test_the_product_is_the_convolution_within_float_rounding(bias: bool):
    part = convolution(bias=bias)
    patches = torch.randn(50, 3, 2, 14, 14)
    expected = part(patches)
    assert patch_embedding.as_product(part) == [part]
    made = part(patches)
    assert made.shape == expected.shape == (50, 32, 1, 1, 1)
    assert (made - expected).norm() <= 1e-6 * expected.norm()
    assert "forward" in vars(part), "it was the product"


def test_a_picture_as_a_whole_is_still_convolved():
    part = convolution(bias=True)
    whole = torch.randn(1, 3, 4, 28, 42)
    expected = part(whole)
    patch_embedding.as_product(part)
    assert torch.equal(part(whole), expected)


def test_convolutions_that_slide_or_belong_to_someone_stay_as_they_are():
    sliding = nn.Conv3d(3, 4, kernel_size=2, stride=1)
    own = convolution(bias=False)
    own.forward = own.forward  # as a library that puts itself around a layer
    assert patch_embedding.as_product(nn.ModuleList([sliding, own, nn.Conv2d(3, 4, 14, 14)])) == []


def test_a_lent_model_comes_back_as_it_was_and_a_loaded_one_keeps_names_of_weights():
    part = convolution(bias=False)
    with patch_embedding.lent(nn.ModuleList([part])):
        assert "forward" in vars(part)
    assert "forward" not in vars(part)
    model = load_model(
        "rzenembed_v2_7b", f"checkpoint={FIXTURES / 'tiny_qwen2vl'}", "dim=null", "dtype=float32", "device=cpu"
    )
    model.embed([Item(text="a")])
    network = model._model
    assert "forward" in vars(network.visual.patch_embed.proj)
    assert [name for name in network.state_dict() if "patch_embed" in name] == ["visual.patch_embed.proj.weight"]
