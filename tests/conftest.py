import pytest
import torch

torch.set_num_threads(1)  # the tensors are tiny: on a busy machine a second thread costs eight times as much


@pytest.fixture(autouse=True)
def _own_generator():
    """Every test begins at the same seed, and none disturbs another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(172)
        yield
