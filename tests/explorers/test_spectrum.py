import math

import pytest
import torch

from skiplib.digits import first_digits
from skiplib.explorers import spectrum
from skiplib.explorers.spectrum import SpectrumExplorer
from skiplib.networks import make_stack
from skiplib.words import magnitude


def test_alpha_leaves_the_plain_chain_alone():
    explorers = [SpectrumExplorer(blocks=2, init="he", alpha=alpha) for alpha in (1.0, 0.3)]
    plain, skip = ([explorer._singular_values(skip=flag) for explorer in explorers] for flag in (False, True))
    assert plain[0] == plain[1] and skip[0] != skip[1]


def test_size_and_directions_are_those_of_one_chain_as_pytorch_has_it():
    explorer = SpectrumExplorer(blocks=2, init="he", alpha=0.5)
    by, average = [], []
    for name, skip in (("plain", False), ("skip", True)):
        stack = make_stack(6, channels=6, skip=skip, init="he", alpha=0.5, seed=172).double()
        image = stack.stem(first_digits(1)[0].double())
        values = torch.linalg.svdvals(torch.autograd.functional.jacobian(stack.blocks, image).reshape(384, 384))
        assert explorer.shown.result[name] == (values > values[0] / 100).sum()
        by.append(f"{magnitude(values[0].item())} ({name})")
        average.append(f"{magnitude(values.square().mean().sqrt().item())} ({name})")
    said = f"multiplied by {' and '.join(by)}, all of them on average by {' and '.join(average)}."
    assert said in explorer._details.value


def test_average_is_what_happens_to_gradients_that_point_anywhere():
    values = SpectrumExplorer(blocks=2, init="he")._singular_values(skip=False)
    matrix = torch.diag(torch.tensor(values, dtype=torch.float64))
    random = torch.nn.functional.normalize(torch.randn(2000, len(values), dtype=torch.float64))
    mean_square = (random @ matrix).square().sum(1).mean().item()
    assert math.sqrt(mean_square) == pytest.approx(spectrum._average(values), rel=0.05)


def test_spectrum_starts_at_its_largest_value():
    alt = SpectrumExplorer(blocks=3, init="he").shown.picture.alt
    assert "plain 1 to " in alt and "skip 1 to " in alt


def test_bad_starting_value_is_named():
    with pytest.raises(ValueError, match="`blocks` must lie between 1 and 25"):
        SpectrumExplorer(blocks=0)


def test_explorer_says_that_it_computes_before_a_long_picture():
    explorer, said = SpectrumExplorer(blocks=1), []
    explorer._status.observe(lambda change: said.append(change["new"]), "value")
    explorer.controls["blocks"].value = 2
    assert not any("Computing" in sentence for sentence in said)
    explorer.controls["blocks"].value = 9
    assert "Computing …" in said[-2] and "Computing" not in said[-1]
    assert explorer._picture.value.count('class="ghost"') == 2
