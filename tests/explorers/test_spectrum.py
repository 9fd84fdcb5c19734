import pytest

from skiplib.explorers.spectrum import SpectrumExplorer


def test_alpha_leaves_the_plain_chain_alone():
    explorers = [SpectrumExplorer(blocks=2, init="he", alpha=alpha) for alpha in (1.0, 0.3)]
    plain, skip = ([explorer._singular_values(skip=flag) for explorer in explorers] for flag in (False, True))
    assert plain[0] == plain[1] and skip[0] != skip[1]


def test_spectrum_starts_at_its_largest_value():
    alt = SpectrumExplorer(blocks=3, init="he").shown.picture.alt
    assert "plain 1 to " in alt and "skip 1 to " in alt


def test_bad_starting_value_is_named():
    with pytest.raises(ValueError, match="`blocks` must lie between 1 and 50"):
        SpectrumExplorer(blocks=0)
