import random
import re
import subprocess
import sys
import warnings
from time import perf_counter

import pytest
import torch
from torch import nn

from explorers.moving import assert_same_as_fresh
from skiplib.arithmetic import ConvGeometry
from skiplib.explorers.residual import ResidualExplorer
from skiplib.pooling import PoolGeometry

SAME = ConvGeometry(kernel_size=3, padding=1)
FAR = {"geometries": [ConvGeometry(7, stride=4)] * 2, "input_size": 64}  # its repairs go beyond the sliders' ends


def pytorch_add(explorer):
    """What PyTorch says to the block that the explorer offers for copying: a shape, or its error."""
    *setup, add = explorer.code.splitlines()
    names = {"nn": nn, "torch": torch}
    exec("\n".join(setup), names)
    try:
        return tuple(eval(add, names))
    except RuntimeError as error:
        return str(error)


def test_residual_explorer_opens_red_with_pytorchs_own_message():
    explorer = ResidualExplorer()
    assert pytorch_add(explorer) in explorer.status
    assert "At the add the shapes do not fit" in explorer._picture.value
    assert "The add runs at 3 to 4; it is stretched at 1;" in explorer._picture.value


@pytest.mark.parametrize(
    ("settings", "verdict", "said"),
    [
        ({"geometries": [SAME, SAME]}, "equal", "both look at the same place"),
        ({"geometries": [SAME, SAME], "in_channels": 1, "out_channels": 4}, "broadcast", "stretches (1, 1, 32, 32)"),
        ({"input_size": 1}, "broadcast", "stretches (1, 3, 1, 1)"),
        ({"input_size": 1, "out_channels": 1}, "broadcast", "stretches (1, 3, 1, 1) and (1, 1, 3, 3)"),
        ({"kind": "projection", "geometry": ConvGeometry(1, stride=3)}, "equal", "look at different places"),
        ({"kind": "projection", "geometry": ConvGeometry(4, 4, 6)}, "equal", "both look at the same place"),
        ({"kind": "resize", "input_size": 37}, "equal", "look at different places"),
        ({"kind": "option A", "geometry": ConvGeometry(1, stride=2), "out_channels": 6}, "error", "The add fails"),
        ({"kind": "average pooling", "geometry": ConvGeometry(4, 4)}, "error", "tensor a (8) must match"),
    ],
)
def test_residual_explorer_agrees_with_pytorch(settings, verdict, said):
    explorer = ResidualExplorer(**settings)
    assert said in explorer.status and f"add={verdict}," in repr(explorer)
    says = pytorch_add(explorer)
    if verdict == "error":
        assert says in explorer.status
    else:
        assert f"({', '.join(map(str, says))})</text>" in explorer._picture.value


def test_bars_are_the_sizes_at_which_pytorch_runs():
    explorer = ResidualExplorer(kind="projection", geometry=ConvGeometry(1, stride=3))
    runs = []
    for size in range(1, 65):
        explorer.controls["input_size"].value = size
        says = pytorch_add(explorer)
        if "add=equal" in repr(explorer):
            runs.append(size)
        assert isinstance(says, tuple) == ("add=error" not in repr(explorer))
    assert "runs_at=12 sizes" in repr(explorer) and len(runs) == 12


DOWN = [ConvGeometry(3, stride=2, padding=1), SAME]
REPORTED = {  # real reports, with the numbers that were reported
    "A01": {
        "geometries": DOWN,
        "input_size": 7,
        "kind": "average pooling",
        "geometry": PoolGeometry(2, mode="average"),
    },
    "A04": {"geometries": [SAME] * 3, "in_channels": 6, "hidden_channels": 24, "out_channels": 24},
    "A06": {"geometries": [ConvGeometry(1), ConvGeometry(3, 1, 1, 2), ConvGeometry(1)], "input_size": 35},
    "A08": {"geometries": DOWN[:1], "input_size": 33, "kind": "max pooling", "geometry": PoolGeometry(2)},
    "A11": {"geometries": DOWN, "input_size": 100},
    "A12": {"geometries": [SAME], "in_channels": 16, "out_channels": 15},
    "A16": {"geometries": [ConvGeometry(3, padding=2)] * 2, "input_size": 10},
    "A17": {"geometries": [ConvGeometry(4, padding=2)]},
    "oblong": {
        "geometries": [(ConvGeometry(3, 2, 1), ConvGeometry(5, 4)), PoolGeometry(3, 2)],
        "input_size": (37, 90),
    },
}
SETTINGS = [{}, {"input_size": 33}, {"geometries": [SAME, SAME], "in_channels": 1}, FAR, *REPORTED.values()]


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_offered_repair_makes_the_add_run(settings):
    for choice in range(1, len(ResidualExplorer(**settings).repair.options)):
        explorer = ResidualExplorer(**settings)
        promise, _ = explorer.repair.options[choice]
        explorer.repair.index = choice
        assert explorer.repair.index == 0
        assert explorer.shortcut.name in promise or promise.startswith("layer ")
        assert "add=equal" in repr(explorer) and isinstance(pytorch_add(explorer), tuple)
        assert ("same place" in promise) == ("both look at the same place" in explorer.status)
        assert ("no later pixel" in promise) == ("that is causal" in explorer.status)
        assert_same_as_fresh(explorer)


@pytest.mark.parametrize("settings", SETTINGS)
def test_repair_costs_the_parameters_that_it_says_and_runs_at_as_many_sizes(settings):
    def parameters(explorer):
        *setup, _ = explorer.code.splitlines()
        names = {"nn": nn, "torch": torch}
        exec("\n".join(setup), names)
        modules = [names[name] for name in ("branch", "shortcut") if isinstance(names[name], nn.Module)]
        return [sum(parameter.numel() for parameter in module.parameters()) for module in modules]

    before = parameters(ResidualExplorer(**settings))[0]
    for choice in range(1, len(ResidualExplorer(**settings).repair.options)):
        explorer = ResidualExplorer(**settings)
        promise, _ = explorer.repair.options[choice]
        explorer.repair.index = choice
        assert f": {sum(parameters(explorer)) - before:+} parameters, " in promise
        if "oblong" not in repr(settings) and explorer.settings["input_size"] == settings.get("input_size"):
            sizes = [
                int(size) for size in re.findall('data-size="([0-9]+)"><title>[0-9]+: equal', explorer._picture.value)
            ]
            if "pictures" not in settings and "axis" not in explorer.settings:
                assert f"runs at {len(sizes)} of 64 sizes" in promise


@pytest.mark.parametrize(
    ("report", "says", "repair"),
    [
        (
            "A01",
            "a (3) must match the size of tensor b (4)",
            "average pooling 2×2, stride 2, padding 0, ceil_mode: +0",
        ),
        (
            "A04",
            "a (6) must match the size of tensor b (24) at non-singleton dimension 1",
            "projection 1×1, stride 1",
        ),
        ("A06", "a (35) must match the size of tensor b (33)", "layer 2: padding 2: +0"),
        ("A08", "a (16) must match the size of tensor b (17)", "max pooling 3×3, stride 2, padding 1: +0"),
        ("A11", "a (100) must match the size of tensor b (50)", "layer 1: stride 1: +0"),
        (
            "A12",
            "a (16) must match the size of tensor b (15) at non-singleton dimension 1",
            "projection 1×1, stride 1",
        ),
        ("A16", "a (10) must match the size of tensor b (14)", "crop: +0 parameters, no later pixel"),
        ("A17", "a (32) must match the size of tensor b (33)", "layer 1: kernel_size 5: +81"),
    ],
)
def test_reported_add_fails_as_reported_and_gets_the_repair_that_helped(report, says, repair):
    explorer = ResidualExplorer(**REPORTED[report])
    assert says in explorer.status and pytorch_add(explorer) in explorer.status
    options = [said for said, _ in explorer.repair.options]
    assert any(said.startswith(repair) for said in options), options


def test_slip_in_the_padding_is_offered_first_and_the_kind_that_is_there_before_others():
    assert (
        ResidualExplorer(**REPORTED["A06"]).repair.options[1][0].startswith("layer 2: padding 2: +0 parameters, same")
    )
    first = ResidualExplorer(**REPORTED["A01"]).repair.options[1][0]
    assert first.startswith(
        "average pooling 2×2, stride 2, padding 0, ceil_mode: +0 parameters, same place, runs at 64"
    )


def test_causal_crop_comes_before_the_slip():
    options = [said for said, _ in ResidualExplorer(**REPORTED["A16"]).repair.options]
    assert options[1].startswith("crop: +0") and options[2].startswith("layer 1: padding 1; layer 2: padding 1: +0")


def test_padded_average_pooling_on_the_skip_says_what_its_line_prevents():
    pool = PoolGeometry(3, stride=2, padding=1, mode="average")
    explorer = ResidualExplorer(DOWN, input_size=7, kind="average pooling", geometry=pool)
    assert "the skip counts its padding as zeros: of ones it makes 0.67, 1, 1, 0.67 along" in explorer._details.value
    assert "nn.AvgPool2d(kernel_size=3, stride=2, padding=1, count_include_pad=False)" in explorer.code


def test_even_window_is_told_how_to_pad_one_side_more_with_code_that_runs():
    explorer = ResidualExplorer(**REPORTED["A17"])
    (code,) = re.findall(r"<code>(nn\.Sequential.*?)</code>", explorer._details.value)
    assert code == "nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(3, 3, kernel_size=4))"
    x = torch.rand(1, 3, 32, 31)
    padded, same = eval(code, {"nn": nn}), nn.Conv2d(3, 3, kernel_size=4, padding="same")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an even kernel may cost PyTorch a padded copy
        same.load_state_dict(padded[1].state_dict())
        assert torch.allclose(padded(x), same(x), atol=1e-6) and padded(x).shape == x.shape
    assert "ZeroPad2d" not in ResidualExplorer()._details.value
    explorer.controls["shortcut"].value = "crop"
    assert "ZeroPad2d" not in explorer._details.value


def test_strip_of_sizes_follows_a_size_beyond_it():
    explorer = ResidualExplorer(DOWN, input_size=700)
    assert "Input sizes 669 to 732." in explorer.shown.picture.alt and 'data-size="732"' in explorer._picture.value
    explorer.controls["input_size"].value = 4096
    assert "Input sizes 4033 to 4096." in explorer.shown.picture.alt
    explorer.controls["input_size"].value = 64
    assert "Input sizes 1 to 64." in explorer.shown.picture.alt


def test_larger_size_says_which_smaller_one_behaves_alike_and_it_does():
    pool = {"kind": "average pooling", "geometry": PoolGeometry(4, mode="average")}
    explorer = ResidualExplorer(DOWN[:1] * 2, input_size=701, **pool)
    assert "701 pixels behave as 9 do: the same remainder when divided by 4." in explorer._details.value
    large, small = explorer.status, ResidualExplorer(DOWN[:1] * 2, input_size=9, **pool).status
    assert large.replace("(175)", "(2)").replace("(176)", "(3)") == small
    identity = ResidualExplorer(DOWN, input_size=701)  # differs by more, the larger the image is
    assert "behave as" not in identity._details.value


def test_rectangle_fails_on_the_axis_that_fails_and_sets_its_own_box():
    settings = {"input_size": (700, 1401), "kind": "average pooling", "geometry": PoolGeometry(2, mode="average")}
    explorer = ResidualExplorer(DOWN, **settings)
    assert "tensor a (700) must match the size of tensor b (701) at non-singleton dimension 3" in explorer.status
    assert (
        "Widths 1370 to 1433." in explorer.shown.picture.alt
        and ".skiplib-input_size_w input" in explorer._picture.value
    )
    explorer.controls["axis"].value = "height"
    assert (
        "Heights 669 to 732." in explorer.shown.picture.alt and ".skiplib-input_size input" in explorer._picture.value
    )
    assert "at non-singleton dimension 3" in explorer.status
    assert_same_as_fresh(explorer)


def test_branch_of_poolings_alone_keeps_its_channels():
    explorer = ResidualExplorer([PoolGeometry(2)], out_channels=6)
    assert explorer.status.startswith("This does not run: `out_channels` of poolings alone is `in_channels`=3")
    explorer.controls["out_channels"].value = 3
    assert "tensor b (16)" in explorer.status and "nn.ReLU" not in explorer.code
    assert explorer.controls["hidden_channels"].layout.display == "none"


def test_largest_block_is_drawn_within_a_moment():
    layers = [ConvGeometry(7, 2, 3), PoolGeometry(3, 2, 1, ceil_mode=True), ConvGeometry(3, padding=1), SAME]
    explorer = ResidualExplorer(
        layers, input_size=4095, in_channels=4096, pictures=("block", "sizes", "places", "add")
    )
    explorer.controls["output_index"].value = 500
    begin = perf_counter()
    explorer.controls["input_size"].value = 4096
    assert perf_counter() - begin < 0.5 and len(explorer.shown.picture.live) < 150_000


def test_residual_explorer_offers_the_repairs_of_what_is_set_now():
    explorer = ResidualExplorer(out_channels=4)
    explorer.controls["out_channels"].value = 5  # as many repairs, with other parameters
    assert explorer.repair.options == ResidualExplorer(out_channels=5).repair.options


@pytest.mark.parametrize(("input_size", "most"), [(32, 10), (1, 0)])
def test_output_index_runs_over_what_both_sides_have(input_size, most):
    assert ResidualExplorer(input_size=input_size).controls["output_index"].box.max == most


@pytest.mark.parametrize(
    ("pictures", "says", "index"),
    [
        (("block", "sizes"), ["A block.", "Input sizes 1 to 64."], "none"),
        (("places",), ["For output column 0"], ""),
        (["add", "places"], ["Skip (1, 3, 32, 32) and branch (1, 3, 11, 11)", "For output column 0"], ""),
    ],
)
def test_residual_explorer_draws_the_pictures_that_are_asked_for(pictures, says, index):
    explorer = ResidualExplorer(pictures=pictures)
    alt = explorer.shown.picture.alt
    assert [alt.index(each) for each in says] == sorted(alt.index(each) for each in says)
    starts = ("A block.", "Input sizes", "For output column", "Skip (")
    assert sum(start in alt for start in starts) == len(pictures)
    assert explorer.controls["output_index"].layout.display == index


def test_moved_shortcut_moves_the_digit():
    explorer = ResidualExplorer(kind="projection", geometry=ConvGeometry(1, stride=3), pictures=("add",))
    assert "look at different places" in explorer.shown.picture.alt
    explorer.repair.value = next(proposal for _, proposal in explorer.repair.options[1:] if proposal.aligned(32))
    assert "every number has its partner." in explorer.shown.picture.alt


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_size": 2, "geometries": [ConvGeometry(5), SAME]}, "layer 1 of 2: `input_size`=2 is too small"),
        ({"kind": "option A", "in_channels": 6}, "`out_channels` must be at least 6; got 3"),
        ({"kind": "average pooling", "geometry": ConvGeometry(4, 4, 6)}, "`padding` of a pooling is at most half"),
        ({"kind": "projection", "geometry": ConvGeometry(31)}, None),
    ],
)
def test_residual_explorer_says_what_does_not_run(settings, said):
    status = ResidualExplorer(**settings).status
    assert status.startswith(f"This does not run: {said}") if said else "runs" in status or "fails" in status


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"geometries": [SAME] * 5}, ValueError, "`geometries` must hold 1 to 4 layers; got 5"),
        ({"geometries": [3, 3]}, TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        ({"geometries": [SAME, ConvGeometry(1, dilation=65)]}, ValueError, "`dilation` up to 64; got ConvGeometry"),
        ({"kind": "magic"}, ValueError, "`kind` must be one of identity"),
        ({"kind": ["identity"]}, ValueError, "`kind` must be one of identity"),
        ({"output_index": 11}, ValueError, "`output_index` goes up to 10 here; got 11"),
        ({"geometry": 3}, TypeError, "`geometry` must be"),
        ({"geometry": ConvGeometry(31, 64, 20)}, ValueError, "`geometry` of identity must be .*_size=1,.*got .*=31"),
        (
            {"kind": "option A", "geometry": ConvGeometry(2, 2)},
            ValueError,
            "of option A must be ConvGeometry.*=1, st",
        ),
        ({"kind": "resize", "geometry": (SAME, SAME)}, ValueError, "`geometry` of resize must be ConvGeometry"),
        ({"kind": "max pooling", "geometry": PoolGeometry(2, mode="average")}, ValueError, "must be .*mode='max'"),
        ({"kind": "average pooling", "geometry": ConvGeometry(2, 2, 0, 2)}, ValueError, "dilation=1, mode='average'"),
        (
            {"kind": "option A", "geometry": ConvGeometry(1, 1025)},
            ValueError,
            "`stride` up to 1024, .*; got ConvGeometry",
        ),
        ({"in_channels": 0}, ValueError, "`in_channels` must lie between 1 and 4096"),
        (
            {"pictures": "add"},
            ValueError,
            "`pictures` must name some of block, sizes, places, add, each once; got 'add'",
        ),
        ({"pictures": ()}, ValueError, "`pictures` must name some of"),
        (
            {"pictures": ["block", "sum"]},
            ValueError,
            "`pictures` must name some of block, sizes, places, add, each once; got ",
        ),
    ],
)
def test_residual_explorer_names_a_bad_starting_value(settings, error, message):
    with pytest.raises(error, match=message):
        ResidualExplorer(**settings)


def test_residual_explorer_offers_no_repair_of_a_branch_that_does_not_run():
    explorer = ResidualExplorer(geometries=[ConvGeometry(7), SAME])
    assert len(explorer.repair.options) > 1
    explorer.controls["input_size"].value = 3
    assert explorer.status.startswith("This does not run") and len(explorer.repair.options) == 1


def test_smaller_size_is_the_same_for_both_sides_of_the_add():
    settings = {"input_size": 65, "kind": "projection", "geometry": ConvGeometry(1, 3)}
    explorer = ResidualExplorer([ConvGeometry(2, 2)], **settings)
    assert [explorer.shortcut.sides(size, 1) for size in (63, 65)] == [(21, 31), (22, 32)]  # as far apart, by chance
    assert "behave as" not in explorer._details.value  # for no size that is 6, 12, ... smaller it is so
    settings["geometry"] = ConvGeometry(1, 2)
    assert "65 pixels behave as 5 do: the same remainder when divided by 2." in (
        ResidualExplorer([ConvGeometry(2, 2)], **settings)._details.value
    )


def test_residual_explorer_moves_the_origin_with_the_output_index():
    explorer = ResidualExplorer(
        kind="projection", geometry=ConvGeometry(4, 4, 6), output_index=5, pictures=("places",)
    )
    said = "For output column 5 the branch reads input columns 14 to 17, the skip input columns 14 to 17."
    assert said in explorer._picture.value
    explorer.controls["output_index"].value = 0
    assert "the branch reads padding only, the skip padding only." in explorer._picture.value


def test_two_faults_at_once_are_said_in_one_way():
    geometries = [ConvGeometry(6), ConvGeometry(1)]
    explorer = ResidualExplorer(geometries, input_size=3, in_channels=4, out_channels=1, kind="option A")
    assert "too small" in explorer._status.value and "too small" in explorer.status and "too small" in repr(explorer)


def test_geometry_explorers_load_no_torch_and_no_numpy():
    rooms = [f"skiplib.explorers.{room}" for room in ("convolution", "chain", "residual")]
    script = f"import sys, {', '.join(rooms)}; skiplib.explorers.residual.ResidualExplorer()._repr_mimebundle_();"
    script += "print({'torch', 'numpy', 'matplotlib'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"


def random_layer(rng):
    kernel, stride = rng.randint(1, 5), rng.choice([1, 1, 2, 3])
    if rng.random() < 0.6:
        conv = ConvGeometry(kernel, stride, rng.randint(0, 3), rng.choice([1, 1, 2]))
        return conv if rng.random() < 0.7 else (conv, ConvGeometry(rng.randint(1, 5), padding=1))
    mode = rng.choice(["max", "average"])
    return PoolGeometry(kernel, stride, rng.randint(0, kernel // 2), mode=mode, ceil_mode=rng.random() < 0.5)


@pytest.mark.parametrize("seed", range(30))
def test_random_block_says_what_pytorch_says_and_every_repair_runs(seed):
    rng = random.Random(seed)
    layers = [random_layer(rng) for _ in range(rng.randint(1, 4))]
    convs = any(not isinstance(layer, PoolGeometry) for layer in layers)
    size, channels = rng.choice([rng.randint(1, 90), (rng.randint(1, 60), rng.randint(1, 60))]), rng.randint(1, 5)
    settings = {"input_size": size, "out_channels": channels if convs else 3, "hidden_channels": 2}
    explorer = ResidualExplorer(layers, **settings)
    if isinstance(explorer.shown, str):
        assert isinstance(pytorch_add(explorer), str)
        return
    says = pytorch_add(explorer)
    assert (says in explorer.status) if isinstance(says, str) else ("add=error" not in repr(explorer))
    assert len(explorer.repair.options) > 1
    for choice in range(1, len(explorer.repair.options)):
        repaired = ResidualExplorer(layers, **settings)
        repaired.repair.index = choice
        assert "add=equal" in repr(repaired) and isinstance(pytorch_add(repaired), tuple)
