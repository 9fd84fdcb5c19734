import pytest

from explorers.moving import pytorch_shape
from skiplib.arithmetic import PUBLISHED, ConvGeometry
from skiplib.explorers.chain import ChainExplorer


def test_chain_explorer_agrees_with_pytorch():
    for geometries in (
        [PUBLISHED] * 2,
        [ConvGeometry(3, 1, 1)],
        [ConvGeometry(7, 2, 3), PUBLISHED, ConvGeometry(3, 1, 4, 4)],
    ):
        explorer = ChainExplorer(geometries, input_size=40)
        assert f"→ {pytorch_shape(explorer)[-1]}. " in explorer.status


def test_chain_explorer_shows_only_the_layers_that_count():
    explorer = ChainExplorer([PUBLISHED])
    assert [explorer.controls[f"stride_{layer}"].layout.display for layer in (1, 2, 3)] == ["", "none", "none"]
    explorer.controls["layers"].value = 3
    assert len(explorer.geometries) == 3 and explorer.controls["padding_3"].layout.display == ""
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


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"output_index": 11}, ValueError, "`output_index` goes up to 10 here; got 11"),
        ({"geometries": ConvGeometry(3)}, TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        ({"geometries": []}, ValueError, "`geometries` must hold 1 to 3 convolutions; got 0"),
        ({"geometries": [PUBLISHED] * 4}, ValueError, "got 4"),
        ({"geometries": [(2, 2, 2)]}, TypeError, "`geometries` must be a list or tuple of ConvGeometry"),
        ({"geometries": [ConvGeometry(9)]}, ValueError, "`kernel_size_1` must lie between 1 and 7"),
        ({"input_size": "32"}, TypeError, "`input_size` must be an integer; got '32'"),
    ],
)
def test_bad_starting_value_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        ChainExplorer(**arguments)


def test_chain_explorer_goes_on_with_its_last_convolution():
    explorer = ChainExplorer([ConvGeometry(5, 2, 1), ConvGeometry(3, 2)])
    explorer.controls["layers"].value = 3
    assert explorer.geometries[2] == explorer.geometries[1]


def test_what_the_last_output_sees_ends_inside_the_image():
    assert "seen=4..5" in repr(ChainExplorer([ConvGeometry(3, padding=1)], input_size=6, output_index=5))
