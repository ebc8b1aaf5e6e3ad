"""What tests of the sample share."""

import pytest


@pytest.fixture
def root(sample_root):
    return sample_root
