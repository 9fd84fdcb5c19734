import gc
import random
import re
import tracemalloc
from itertools import combinations, product

import pytest
import torch
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.explorers.base import Control, Explorer, View
from skiplib.explorers.chain import ChainExplorer
from skiplib.explorers.convolution import ConvExplorer
from skiplib.explorers.residual import ResidualExplorer

PUBLISHED = ConvGeometry(kernel_size=2, stride=2, padding=2)
SAME = ConvGeometry(kernel_size=3, padding=1)
FAR = {"geometries": [ConvGeometry(7, stride=4)] * 2, "input_size": 64}  # its repairs reach the sliders' ends
EVERY = [ConvExplorer, ChainExplorer, ResidualExplorer]


def ends(control):
    """The smallest and the largest value of a control, or its first and last option."""
    if isinstance(control, Control):
        return control.slider.min, control.slider.max
    return (control.options[0], control.options[-1]) if hasattr(control, "options") else (False, True)


def move_anywhere(control, rng):
    if isinstance(control, Control):
        control.value = rng.randint(*ends(control))
    else:
        control.value = rng.choice(getattr(control, "options", (False, True)))


def shown(explorer):
    """What a reader sees: status line, picture and details."""
    return explorer._status.value, explorer._picture.value, explorer._details.value


def fresh(explorer):
    """A new explorer at the same settings."""
    if isinstance(explorer, ConvExplorer):
        return ConvExplorer(**explorer.settings, window=explorer.controls["window"].value)
    return type(explorer)(**explorer.settings)


def assert_same_as_fresh(explorer):
    try:
        other = fresh(explorer)
    except ValueError as error:  # the window number of a setting that does not run may lie outside a new slider
        raise AssertionError(explorer) from error
    status, picture, details = shown(explorer)
    assert (status, details) == (other._status.value, other._details.value)
    if "This does not run" in status:
        assert picture.startswith('<div style="opacity:.3">')
    else:
        assert picture == other._picture.value


def pytorch_shape(explorer):
    """The output shape according to PyTorch, from the line that the explorer offers for copying."""
    return tuple(eval(explorer.code, {"nn": nn, "torch": torch}))


@pytest.mark.parametrize("make", EVERY)
def test_every_pair_of_controls_at_its_ends_equals_a_fresh_explorer(make):
    explorer = make()
    for one, two in combinations(explorer.controls, 2):
        for which_one, which_two in product((0, 1), repeat=2):
            explorer.controls[one].value = ends(explorer.controls[one])[which_one]
            explorer.controls[two].value = ends(explorer.controls[two])[which_two]
        assert_same_as_fresh(explorer)


@pytest.mark.parametrize("make", EVERY)
def test_500_random_moves_never_raise_and_keep_memory_flat(make):
    rng = random.Random(172)
    explorer = make()

    def move(times):
        for _ in range(times):
            move_anywhere(explorer.controls[rng.choice(list(explorer.controls))], rng)
        gc.collect()

    tracemalloc.start()
    move(100)
    before = tracemalloc.get_traced_memory()[0]
    move(400)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000
    assert_same_as_fresh(explorer)


@pytest.mark.parametrize(
    "settings",
    [
        {"input_size": 32, "kernel_size": 2, "stride": 2, "padding": 2},
        {"input_size": 33, "kernel_size": 5, "stride": 3, "padding": 1, "dilation": 3},
        {"input_size": (12, 20), "kernel_size": (3, 5), "stride": (3, 4), "padding": (0, 1)},
        {"input_size": 64, "kernel_size": (1, 11), "dilation": (1, 6)},
    ],
)
def test_conv_explorer_agrees_with_pytorch(settings):
    explorer = ConvExplorer(**settings)
    _, _, height, width = pytorch_shape(explorer)
    assert f" becomes {height} × {width}. " in explorer.status
    assert f"at {height} by {width} places" in explorer._picture.value
    assert f"<b>{height}</b>" in explorer._details.value and f"<b>{width}</b>" in explorer._details.value
    assert f"output_size={(height, width) if explorer.controls['separate'].value else height}," in repr(explorer)


def test_chain_explorer_agrees_with_pytorch():
    for geometries in (
        [PUBLISHED] * 2,
        [ConvGeometry(3, 1, 1)],
        [ConvGeometry(7, 2, 3), PUBLISHED, ConvGeometry(3, 1, 4, 4)],
    ):
        explorer = ChainExplorer(geometries, input_size=40)
        assert f"→ {pytorch_shape(explorer)[-1]}. " in explorer.status


def test_moved_slider_moves_the_number_box_and_back():
    explorer = ConvExplorer()
    control = explorer.controls["padding"]
    control.slider.value = 3
    assert (control.box.value, control.value) == (3, 3)
    control.box.value = 1
    assert (control.slider.value, explorer.geometries[0].padding) == (1, 1)


def test_bad_setting_is_a_sentence_and_the_last_good_picture_stays_greyed():
    explorer = ConvExplorer(input_size=8, kernel_size=3)
    good = explorer._picture.value
    explorer.controls["kernel_size"].value = 9
    assert (
        "✗" in explorer._status.value
        and "the smallest <code>input_size</code> that fits is 9" in explorer._status.value
    )
    assert explorer._picture.value == f'<div style="opacity:.3">{good}</div>'
    assert "-> does not run: `input_size`=8" in repr(explorer)
    assert explorer.settings["kernel_size"] == 9
    explorer.controls["kernel_size"].value = 3
    assert explorer._picture.value == good


def test_explorer_opened_at_a_bad_setting_says_so():
    explorer = ConvExplorer(input_size=2, kernel_size=7)
    assert explorer.status.startswith("This does not run: `input_size`=2 is too small")
    assert "does not run" in explorer._repr_mimebundle_()["text/html"]


def test_window_runs_over_the_places_there_are_and_says_so():
    explorer = ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2, window=323)
    assert "There are 324 windows, 0 to 323." in explorer.status
    explorer.controls["stride"].value = 8
    assert explorer.controls["window"].value == 24 == explorer.controls["window"].box.max == explorer._play.max
    explorer._play.value = 7
    assert explorer.controls["window"].value == 7
    assert "output row 1 reads" in explorer._picture.value


def test_width_follows_height_until_it_is_set_apart():
    explorer = ConvExplorer(input_size=12)
    assert explorer._width_row.layout.display == "none"
    explorer.controls["separate"].value = True
    explorer.controls["input_size_w"].value = 20
    assert explorer._width_row.layout.display == ""
    assert explorer.input_size == (12, 20) and "Height: " in explorer.status
    explorer.controls["separate"].value = False
    assert explorer.input_size == (12, 12)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_size": 32, "kernel_size": 2, "stride": 2, "padding": 2}, "Nothing is left over."),
        ({"input_size": 8, "kernel_size": 3, "stride": 2}, "No window reads 1 of 8 pixels (leftover at the end: 1)."),
        ({"input_size": 8, "kernel_size": 3, "stride": 2, "padding": 1}, "1 left over, all of it padding."),
        ({"input_size": 9, "kernel_size": 3, "stride": 4}, "No window reads 3 of 9 pixels (leftover at the end: 2)."),
        ({"input_size": 8, "kernel_size": 3, "stride": 3, "padding": 3}, "2 left over, all of it padding."),
        ({"input_size": 9, "stride": 2, "kernel_size": 1}, "No window reads 4 of 9 pixels (leftover at the end: 0)."),
    ],
)
def test_status_says_what_is_lost(settings, said):
    assert said in ConvExplorer(**settings).status


def test_details_name_the_sizes_that_give_the_same_output():
    explorer = ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2)
    assert "input sizes 32, 33 all give 18" in explorer._details.value
    assert "⌊(32 + 2·2 − 1·(2 − 1) − 1) / 2⌋ + 1 = ⌊34 / 2⌋ + 1 = <b>18</b>" in explorer._details.value


def test_chain_explorer_shows_only_the_layers_that_count():
    explorer = ChainExplorer([PUBLISHED])
    assert [row.layout.display for row in explorer._layer_rows] == ["", "none", "none"]
    explorer.controls["layers"].value = 3
    assert len(explorer.geometries) == 3 and explorer._layer_rows[2].layout.display == ""
    assert explorer.status.startswith("32 → 18 → 11 → 7. ")


def test_chain_explorer_names_the_one_convolution_with_the_same_sizes():
    explorer = ChainExplorer([ConvGeometry(5, 2, 1), ConvGeometry(3, 2)])
    assert "receptive_field=9," in repr(explorer)
    assert "Receptive field 9, effective stride 4, effective padding 1:" in explorer._details.value


def test_chain_explorer_names_the_convolution_that_does_not_fit():
    explorer = ChainExplorer([ConvGeometry(7, stride=4), ConvGeometry(7)], input_size=12)
    assert explorer.status.startswith("This does not run: convolution 2 of 2: `input_size`=2 is too small")


@pytest.mark.parametrize(
    ("index", "said"),
    [(0, "sees padding only"), (1, "pixels 0 to 1 of"), (2, "pixels 2 to 5 of"), (10, "padding only")],
)
def test_chain_explorer_says_what_of_the_view_is_padding(index, said):
    assert said in ChainExplorer([PUBLISHED] * 2, output_index=index).status


@pytest.mark.parametrize("explorer", [make() for make in EVERY], ids=lambda explorer: type(explorer).__name__)
def test_explorer_stores_a_live_view_a_picture_and_a_text_twin(explorer):
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert bundle["text/plain"] == repr(explorer) and "..." not in repr(explorer)
    alt = explorer.view(hover=False).picture.alt
    assert f'<img alt="{alt}"' in bundle["text/html"]
    assert len(bundle["text/html"]) < 60_000


@pytest.mark.parametrize("explorer", [make() for make in EVERY], ids=lambda explorer: type(explorer).__name__)
def test_every_control_has_a_name_and_the_status_is_announced(explorer):
    for name, control in explorer.controls.items():
        assert (control.box if isinstance(control, Control) else control).description.strip(), name
    assert 'role="status" aria-live="polite"' in explorer._status.value


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ConvExplorer(input_size=65), ValueError, "`input_size` must lie between 1 and 64"),
        (lambda: ConvExplorer(stride=0), ValueError, "`stride` must lie between 1 and 8"),
        (lambda: ConvExplorer(kernel_size=2.0), TypeError, r"`kernel_size` must be an integer; got 2.0 \(float\)"),
        (lambda: ConvExplorer(padding=True), TypeError, "`padding` must be an integer; got True"),
        (lambda: ConvExplorer(padding=(1, 2, 3)), TypeError, r"`padding` must be one number or \(height, width\)"),
        (lambda: ConvExplorer(padding=(1, "2")), TypeError, "`padding_w` must be an integer; got '2'"),
        (lambda: ConvExplorer(window=-1), ValueError, "`window` must lie between 0 and"),
        (lambda: ConvExplorer(window=25), ValueError, "`window` goes up to 24 here; got 25"),
        (lambda: ConvExplorer(window=(0, 1)), TypeError, "`window` must be an integer"),
        (lambda: ChainExplorer(output_index=11), ValueError, "`output_index` goes up to 10 here; got 11"),
        (lambda: ChainExplorer(ConvGeometry(3)), TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        (lambda: ChainExplorer([]), ValueError, "`geometries` must hold 1 to 3 convolutions; got 0"),
        (lambda: ChainExplorer([PUBLISHED] * 4), ValueError, "got 4"),
        (lambda: ChainExplorer([(2, 2, 2)]), TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        (lambda: ChainExplorer([ConvGeometry(9)]), ValueError, "`kernel_size_1` must lie between 1 and 7"),
        (lambda: ChainExplorer(input_size="32"), TypeError, "`input_size` must be an integer; got '32'"),
    ],
)
def test_bad_starting_value_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_two_explorers_do_not_disturb_each_other():
    one, two = ConvExplorer(input_size=8), ConvExplorer(input_size=9)
    before = shown(two)
    one.controls["input_size"].value = 20
    assert shown(two) == before


def test_learners_text_is_shown_as_text():
    class Refusing(Explorer):
        def view(self, *, hover: bool) -> View:
            raise ValueError("<img src=x onerror=alert(1)>")

    explorer = Refusing({}, Control("n", 1, 0, 2))
    assert "<img" not in explorer._status.value and "&lt;img" in explorer._status.value
    assert not re.search("<img(?! alt)", explorer._repr_mimebundle_()["text/html"])


def pytorch_add(explorer):
    """What PyTorch says to the block that the explorer offers for copying: a shape, or its error."""
    *setup, add = explorer.code.splitlines()
    names = {"nn": nn, "torch": torch, "F": torch.nn.functional}
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
        promise = explorer.repair.options[choice]
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


def test_residual_explorer_shows_only_what_a_shortcut_leaves_to_choose():
    explorer = ResidualExplorer()
    seen = {}
    for kind in explorer.controls["shortcut"].options:
        explorer.controls["shortcut"].value = kind
        seen[kind] = [name for name, control in explorer._chosen.items() if control.layout.display != "none"]
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


def test_a_move_draws_once_even_if_it_moves_a_bound():
    explorer = ConvExplorer(input_size=32, window=100)
    drawn = []
    explorer._picture.observe(drawn.append, "value")
    explorer.controls["input_size"].value = 8
    assert explorer.controls["window"].value == 35 and len(drawn) == 1


def test_marked_window_is_said_in_the_alt_text():
    explorer = ConvExplorer(window=7)
    assert "Marked: output row 1 reads rows 1, 2, 3; column 2 reads columns 2, 3, 4." in explorer._picture.value


def test_residual_explorer_moves_the_origin_with_the_output_index():
    explorer = ResidualExplorer(kind="projection", geometry=ConvGeometry(4, 4, 6), output_index=5)
    assert "For output column 5 the branch looks at input columns 14 to 17, the skip at 14 to 17." in (
        explorer._picture.value
    )
    explorer.controls["output_index"].value = 0
    assert "columns −6 to −3, the skip at −6 to −3." in explorer._picture.value


def test_value_that_had_to_move_down_comes_back_when_there_is_room():
    explorer = ConvExplorer(input_size=8, kernel_size=3, window=30)
    before = explorer._picture.value
    explorer.controls["kernel_size"].value = 5
    assert explorer.controls["window"].value == 15
    explorer.controls["kernel_size"].value = 3
    assert explorer.controls["window"].value == 30 and explorer._picture.value == before
    explorer.controls["kernel_size"].value = 5
    explorer.controls["window"].value = 2  # the learner wants another one now
    explorer.controls["kernel_size"].value = 3
    assert explorer.controls["window"].value == 2
