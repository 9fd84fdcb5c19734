import subprocess
import sys

import pytest
import torch
from torch import nn

from explorers.moving import assert_same_as_fresh
from skiplib.arithmetic import ConvGeometry
from skiplib.explorers.residual import ResidualExplorer

SAME = ConvGeometry(kernel_size=3, padding=1)
FAR = {"geometries": [ConvGeometry(7, stride=4)] * 2, "input_size": 64}  # its repairs reach the sliders' ends


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


@pytest.mark.parametrize("settings", [{}, {"input_size": 33}, {"geometries": [SAME, SAME], "in_channels": 1}, FAR])
def test_every_offered_repair_makes_the_add_run(settings):
    for choice in range(1, len(ResidualExplorer(**settings).repair.options)):
        explorer = ResidualExplorer(**settings)
        promise, _ = explorer.repair.options[choice]
        explorer.repair.index = choice
        assert explorer.repair.index == 0
        assert explorer.shortcut.name in promise
        assert "add=equal" in repr(explorer) and isinstance(pytorch_add(explorer), tuple)
        assert ("same place" in promise) == ("both look at the same place" in explorer.status)
        assert_same_as_fresh(explorer)


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


def test_residual_explorer_shows_only_what_a_shortcut_leaves_to_choose():
    explorer = ResidualExplorer()
    seen = {}
    for kind in explorer.controls["shortcut"].options:
        explorer.controls["shortcut"].value = kind
        names = [name for name in explorer.controls if name.endswith("_skip")]
        seen[kind] = [name for name in names if explorer.controls[name].layout.display != "none"]
    everything = ["kernel_size_skip", "stride_skip", "padding_skip"]
    assert seen == {
        "identity": [],
        "option A": ["stride_skip"],
        "average pooling": everything,
        "projection": everything,
        "resize": [],
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_size": 2, "geometries": [ConvGeometry(5), SAME]}, "convolution 1 of 2: `input_size`=2 is too small"),
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
        ({"geometries": [SAME]}, ValueError, "`geometries` must hold two convolutions; got 1"),
        ({"geometries": [3, 3]}, TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        ({"geometries": [ConvGeometry(9), SAME]}, ValueError, "`kernel_size_1` must lie between 1 and 7"),
        ({"geometries": [SAME, ConvGeometry(3, dilation=2)]}, ValueError, "`dilation` must be 1 in this explorer"),
        ({"kind": "magic"}, ValueError, "`kind` must be one of identity"),
        ({"kind": ["identity"]}, ValueError, "`kind` must be one of identity"),
        ({"output_index": 11}, ValueError, "`output_index` goes up to 10 here; got 11"),
        ({"geometry": 3}, TypeError, "`geometry` must be"),
        ({"geometry": ConvGeometry(40)}, ValueError, "`kernel_size_skip` must lie between 1 and 31"),
        ({"in_channels": 0}, ValueError, "`in_channels` must lie between 1 and 16"),
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


def test_residual_explorer_moves_the_origin_with_the_output_index():
    explorer = ResidualExplorer(
        kind="projection", geometry=ConvGeometry(4, 4, 6), output_index=5, pictures=("places",)
    )
    assert "For output column 5 the branch looks at input columns 14 to 17, the skip at 14 to 17." in (
        explorer._picture.value
    )
    explorer.controls["output_index"].value = 0
    assert "columns −6 to −3, the skip at −6 to −3." in explorer._picture.value


def test_two_faults_at_once_are_said_in_one_way():
    geometries = [ConvGeometry(6), ConvGeometry(1)]
    explorer = ResidualExplorer(geometries, input_size=3, in_channels=4, out_channels=1, kind="option A")
    assert "too small" in explorer._status.value and "too small" in explorer.status and "too small" in repr(explorer)


def test_geometry_explorers_load_no_torch_and_no_numpy():
    rooms = [f"skiplib.explorers.{room}" for room in ("convolution", "chain", "residual")]
    script = f"import sys, {', '.join(rooms)}; skiplib.explorers.residual.ResidualExplorer()._repr_mimebundle_();"
    script += "print({'torch', 'numpy', 'matplotlib'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"
