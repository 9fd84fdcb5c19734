from skiplib.explorers.spectrum import SpectrumExplorer


def test_alpha_leaves_the_plain_chain_alone():
    explorers = [SpectrumExplorer(blocks=2, init="he", alpha=alpha) for alpha in (1.0, 0.3)]
    plain, skip = ([explorer._singular_values(skip=flag) for explorer in explorers] for flag in (False, True))
    assert plain[0] == plain[1] and skip[0] != skip[1]
