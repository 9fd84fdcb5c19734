from time import perf_counter

import pytest
import torch
import torch.nn.functional as F

from explorers.moving import assert_same_as_fresh, pytorch_shape
from skiplib.arithmetic import PUBLISHED, ConvGeometry
from skiplib.explorers.chain import ChainExplorer
from skiplib.pooling import PoolGeometry

HALF = PoolGeometry(2)


def test_chain_explorer_agrees_with_pytorch():
    for geometries in (
        [PUBLISHED] * 2,
        [ConvGeometry(3, 1, 1)],
        [ConvGeometry(7, 2, 3), PUBLISHED, ConvGeometry(3, 1, 4, 4)],
        [ConvGeometry(7, 2, 3), PoolGeometry(3, 2, 1, ceil_mode=True), ConvGeometry(3, 2, 1), HALF],
        [PoolGeometry(4, 3, 2, mode="average", ceil_mode=True), (ConvGeometry(3), ConvGeometry(5))],
    ):
        explorer = ChainExplorer(geometries, input_size=40)
        *_, height, width = pytorch_shape(explorer)
        size = width if all(type(layer) is not tuple for layer in geometries) else f"{height} × {width}"
        assert f"→ {size}. " in explorer.status


def test_chain_explorer_names_the_one_convolution_with_the_same_sizes():
    explorer = ChainExplorer([ConvGeometry(5, 2, 1), ConvGeometry(3, 2)])
    assert "receptive_field=9," in repr(explorer)
    assert "Receptive field 9, effective stride 4, effective padding 1:" in explorer._details.value


def test_chain_explorer_names_the_layer_that_does_not_fit():
    explorer = ChainExplorer([ConvGeometry(7, stride=4), ConvGeometry(7)], input_size=12)
    assert explorer.status.startswith("This does not run: layer 2 of 2: `input_size`=2 is too small")


@pytest.mark.parametrize(
    ("index", "said"),
    [(0, "sees padding only"), (1, "pixels 0 to 1 of"), (2, "pixels 2 to 5 of"), (10, "padding only")],
)
def test_chain_explorer_says_what_of_the_view_is_padding(index, said):
    assert said in ChainExplorer([PUBLISHED] * 2, output_index=index).status


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"output_index": 11}, ValueError, "`output_index` goes up to 10 here; got 11"),
        ({"geometries": ConvGeometry(3)}, TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        ({"geometries": []}, ValueError, "`geometries` must hold at least one ConvGeometry; got none"),
        ({"geometries": [PUBLISHED] * 5}, ValueError, "`geometries` must hold 1 to 4 layers; got 5"),
        ({"geometries": [(2, 2, 2)]}, TypeError, "`geometries` must hold pairs of two geometries"),
        ({"geometries": [PUBLISHED, ConvGeometry(1025)]}, ValueError, "takes `kernel_size` up to 1024, .*=1025"),
        ({"input_size": 4097}, ValueError, "`input_size` must lie between 1 and 4096 in this explorer; got 4097"),
        ({"axis": "depth"}, ValueError, "`axis` must be one of height, width; got 'depth'"),
        ({"input_size": "32"}, TypeError, "`input_size` must be an integer; got '32'"),
    ],
)
def test_bad_starting_value_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        ChainExplorer(**arguments)


def test_chain_explorer_goes_on_with_its_last_layer():
    explorer = ChainExplorer([ConvGeometry(5, 2, 1), ConvGeometry(3, 2)])
    explorer.controls["layers"].value = 3
    assert explorer.geometries[2] == explorer.geometries[1]


def test_what_the_last_output_sees_ends_inside_the_image():
    assert "seen=4..5" in repr(ChainExplorer([ConvGeometry(3, padding=1)], input_size=6, output_index=5))


def test_chain_of_reported_size_says_what_is_lost_and_which_smaller_size_shows_the_same():
    explorer = ChainExplorer([HALF] * 4, input_size=700)
    assert explorer.status.startswith("700 → 350 → 175 → 87 → 43. ")
    assert "700 pixels behave as 28 do: the same remainder when divided by 16." in explorer._details.value
    assert 'data-size="28"' in explorer._details.value and "skiplib-input_size input" in explorer._details.value
    for size in (28, 64):
        explorer.controls["input_size"].value = size
        assert "behave as" not in explorer._details.value


def test_smaller_size_that_shows_the_same_is_as_large_as_the_window():
    explorer = ChainExplorer([ConvGeometry(5, padding=2), HALF], input_size=66)  # 2 and 4 pixels would run, too
    assert "66 pixels behave as 6 do: the same remainder when divided by 2." in explorer._details.value


def test_chain_of_a_rectangle_draws_one_axis_and_says_both():
    layers = [ConvGeometry(7, 2, 3), PoolGeometry(3, 2, 1, ceil_mode=True), ConvGeometry(3, 2, 1)]
    explorer = ChainExplorer(layers, input_size=(720, 1280))
    assert explorer.status.startswith(
        "720 × 1280 → 360 × 640 → 181 × 321 → 91 × 161. Along the width, output 0 (of 0"
    )
    assert "chain of layers: 1280 to 640 to 321 to 161." in explorer.shown.picture.alt
    assert pytorch_shape(explorer)[2:] == (91, 161)
    explorer.controls["axis"].value = "height"
    assert "chain of layers: 720 to 360 to 181 to 91." in explorer.shown.picture.alt and "axis='height'" in repr(
        explorer
    )
    assert_same_as_fresh(explorer)


def test_padded_average_pooling_says_what_it_does_to_the_border():
    pool = PoolGeometry(7, 3, 3, mode="average", ceil_mode=True)
    explorer = ChainExplorer([pool], input_size=9)
    row = F.avg_pool1d(torch.ones(1, 1, 9), 7, 3, 3, ceil_mode=True)[0, 0]
    assert (
        "layer 1 counts its padding as zeros: of ones it makes 0.57, 1, 0.86, 0.5 along this axis, and less in"
        in explorer._details.value
    )
    assert [f"{share:.2g}" for share in row] == ["0.57", "1", "0.86", "0.5"]
    explorer.controls["padding"].value = 0
    assert "of ones" not in explorer._details.value


def test_largest_chain_is_drawn_within_a_moment():
    explorer = ChainExplorer([ConvGeometry(31, 3, 31)] * 4, input_size=4095)
    explorer.controls["output_index"].value = 30
    begin = perf_counter()
    explorer.controls["input_size"].value = 4096
    assert perf_counter() - begin < 0.5 and len(explorer.shown.picture.live) < 40_000


@pytest.mark.parametrize(
    ("layers", "size", "sizes"),
    [
        ([PoolGeometry(2, 2, 1, ceil_mode=True)], 5, "5 → 3. "),  # B01
        ([PoolGeometry(1, 2, ceil_mode=True)], 32, "32 → 16. "),
        ([PoolGeometry(3, 3, 1, ceil_mode=True)], 5, "5 → 2. "),
        ([PoolGeometry(3, padding=1, mode="average")], 7, "7 → 3. "),  # B02
        ([ConvGeometry(7, 2, 3), PoolGeometry(3, 2, 1), ConvGeometry(3, 2, 1)], (720, 1280), "→ 90 × 160. "),  # B03
        ([(ConvGeometry(3, 2, 1), ConvGeometry(3, 2))], (7, 5), "7 × 5 → 4 × 2. "),  # B06
        ([ConvGeometry(3, 1, 2, 2)], 64, "64 → 64. "),  # B13
        ([ConvGeometry(5, padding=2), HALF] * 2, 28, "28 → 28 → 14 → 14 → 7. "),  # B15
        ([ConvGeometry(16, 16)], 32, "32 → 2. "),  # A18
    ],
)
def test_reported_sizes_are_those_of_pytorch(layers, size, sizes):
    explorer = ChainExplorer(layers, input_size=size)
    *_, height, width = pytorch_shape(explorer)
    assert sizes in explorer.status and str(width) in sizes and str(height) in sizes
