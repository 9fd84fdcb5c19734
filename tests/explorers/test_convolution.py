import pytest

from explorers.moving import pytorch_shape
from skiplib.explorers.convolution import ConvExplorer


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
    assert f"output_size={(height, width) if explorer.controls['width_apart'].value else height}," in repr(explorer)


def test_window_runs_over_the_places_there_are_and_says_so():
    explorer = ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2, output_index=323)
    assert "There are 324 windows, 0 to 323." in explorer.status
    explorer.controls["stride"].value = 8
    assert (
        explorer.controls["output_index"].value
        == 24
        == explorer.controls["output_index"].box.max
        == explorer._play.max
    )
    explorer._play.value = 7
    assert explorer.controls["output_index"].value == 7
    assert "output row 1 reads" in explorer._picture.value


def test_width_follows_height_until_it_is_set_apart():
    explorer = ConvExplorer(input_size=12)
    assert explorer.controls["stride_w"].layout.display == "none"
    explorer.controls["width_apart"].value = True
    explorer.controls["input_size_w"].value = 20
    assert explorer.controls["stride_w"].layout.display == ""
    assert explorer.input_size == (12, 20) and "Height: " in explorer.status
    explorer.controls["width_apart"].value = False
    assert explorer.input_size == (12, 12)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_size": 32, "kernel_size": 2, "stride": 2, "padding": 2}, "Nothing is left over."),
        (
            {"input_size": 8, "kernel_size": 3, "stride": 2},
            "No window reads 1 of 8 rows and columns (leftover at the end: 1).",
        ),
        ({"input_size": 8, "kernel_size": 3, "stride": 2, "padding": 1}, "1 left over, all of it padding."),
        (
            {"input_size": 9, "kernel_size": 3, "stride": 4},
            "No window reads 3 of 9 rows and columns (leftover at the end: 2).",
        ),
        ({"input_size": 8, "kernel_size": 3, "stride": 3, "padding": 3}, "2 left over, all of it padding."),
        (
            {"input_size": 9, "stride": 2, "kernel_size": 1},
            "No window reads 4 of 9 rows and columns (leftover at the end: 0).",
        ),
        (
            {"input_size": (8, 9), "kernel_size": (3, 1), "stride": 2},
            "Height: No window reads 1 of 8 rows (leftover at the end: 1). Width: No window reads 4 of 9 columns (",
        ),
    ],
)
def test_status_says_what_is_lost(settings, said):
    assert said in ConvExplorer(**settings).status


def test_details_name_the_sizes_that_give_the_same_output():
    explorer = ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2)
    assert "input sizes 32, 33 both give 18" in explorer._details.value
    assert "⌊(32 + 2·2 − 1·(2 − 1) − 1) / 2⌋ + 1 = ⌊34 / 2⌋ + 1 = <b>18</b>" in explorer._details.value


def test_marked_window_is_said_in_the_alt_text():
    explorer = ConvExplorer(output_index=7)
    assert "Marked: output row 1 reads rows 1, 2, 3; column 2 reads columns 2, 3, 4." in explorer._picture.value


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"input_size": 65}, ValueError, "`input_size` must lie between 1 and 64"),
        ({"stride": 0}, ValueError, "`stride` must lie between 1 and 8"),
        ({"kernel_size": 2.0}, TypeError, r"`kernel_size` must be an integer; got 2.0 \(float\)"),
        ({"padding": True}, TypeError, "`padding` must be an integer; got True"),
        ({"padding": (1, 2, 3)}, TypeError, r"`padding` must be one number or \(height, width\)"),
        ({"padding": (1, "2")}, TypeError, "`padding_w` must be an integer; got '2'"),
        ({"output_index": -1}, ValueError, "`output_index` must lie between 0 and"),
        ({"output_index": 25}, ValueError, "`output_index` goes up to 24 here; got 25"),
        ({"output_index": (0, 1)}, TypeError, "`output_index` must be an integer"),
    ],
)
def test_bad_starting_value_is_named(settings, error, message):
    with pytest.raises(error, match=message):
        ConvExplorer(**settings)


def test_play_goes_on_from_the_marked_window_where_it_came_back():
    explorer = ConvExplorer(input_size=9, output_index=48)
    explorer.controls["input_size"].value = 3
    explorer.controls["input_size"].value = 9
    assert explorer.controls["output_index"].value == explorer._play.value == 48


def test_live_picture_answers_the_mouse_and_the_stored_one_need_not():
    explorer = ConvExplorer()
    assert 'class="hits"' in explorer._picture.value and 'class="hits"' not in explorer.shown.picture.svg


def test_marked_window_is_counted_row_by_row():
    explorer = ConvExplorer(input_size=(5, 9), output_index=8)  # 3 by 7 places
    assert "Marked: output row 1 reads rows 1, 2, 3; column 1 reads columns 1, 2, 3." in explorer.shown.picture.alt
