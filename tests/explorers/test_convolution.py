import random

import pytest
import torch
import torch.nn.functional as F

from explorers.moving import assert_same_as_fresh, ends, move_anywhere, pytorch_shape
from skiplib.digits import first_digits, load_digits
from skiplib.explorers.convolution import ConvExplorer
from skiplib.kernels import KERNELS

DIGIT = load_digits()[0][0]  # 8 by 8


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
    assert f"output_size={(height, width) if explorer.controls['height_and_width_apart'].value else height}," in repr(
        explorer
    )


def test_window_runs_over_the_places_there_are_and_says_so():
    explorer = ConvExplorer(input_size=32, kernel_size=2, stride=2, padding=2, output_index=323)
    assert "There are 324 windows, 0 to 323." in explorer.status
    explorer.controls["stride"].value = 8
    assert explorer.controls["output_index"].value == 24 == explorer.controls["output_index"].box.max
    explorer.controls["output_index"].value = 7
    assert "output row 1 reads" in explorer._picture.value


def test_width_follows_height_until_it_is_set_apart():
    explorer = ConvExplorer(input_size=12)
    assert explorer.controls["stride_w"].layout.display == "none"
    explorer.controls["height_and_width_apart"].value = True
    explorer.controls["input_size_w"].value = 20
    assert explorer.controls["stride_w"].layout.display == ""
    assert explorer.input_size == (12, 20) and "Height: " in explorer._details.value
    explorer.controls["height_and_width_apart"].value = False
    assert explorer.input_size == (12, 12)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input_size": 32, "kernel_size": 2, "stride": 2, "padding": 2}, "Nothing is left over."),
        (
            {"input_size": 8, "kernel_size": 3, "stride": 2},
            "No window reads 15 of 64 pixels. 1 row and 1 column left over at the end.",
        ),
        (
            {"input_size": 8, "kernel_size": 3, "stride": 2, "padding": 1},
            "1 row and 1 column left over at the end, all of it padding.",
        ),
        (
            {"input_size": 9, "kernel_size": 3, "stride": 4},
            "No window reads 45 of 81 pixels. 2 rows and 2 columns left over at the end.",
        ),
        ({"input_size": 8, "kernel_size": 3, "stride": 3, "padding": 3}, "2 rows and 2 columns left over"),
        ({"input_size": 9, "stride": 2, "kernel_size": 1}, "No window reads 56 of 81 pixels. Nothing is left over."),
        (
            {"input_size": (8, 9), "kernel_size": (3, 1), "stride": 2},
            "No window reads 37 of 72 pixels. 1 row left over at the end.",
        ),
        ({"input_size": 1, "kernel_size": 1}, "Nothing is left over. There is 1 window."),
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


def test_live_picture_answers_the_mouse_and_the_stored_one_need_not():
    explorer = ConvExplorer()
    assert 'class="hits"' in explorer._picture.value and 'class="hits"' not in explorer.shown.picture.svg


def test_marked_window_is_counted_row_by_row():
    explorer = ConvExplorer(input_size=(5, 9), output_index=8)  # 3 by 7 places
    assert "Marked: output row 1 reads rows 1, 2, 3; column 1 reads columns 1, 2, 3." in explorer.shown.picture.alt


def says_what_pytorch_computes(explorer):
    """Whether the output pixel that is marked has PyTorch's value."""
    weights = torch.tensor(explorer._weights, dtype=torch.float64)[None, None]
    image = torch.tensor(explorer._image, dtype=torch.float64)[None, None]
    names = ("stride", "padding", "dilation")
    out = F.conv2d(image, weights, **{name: explorer._axes(name) for name in names})[0, 0]
    place = divmod(explorer.controls["output_index"].value, out.shape[1])
    assert explorer.shown.result["output"] == pytest.approx(out[place].item(), abs=0.0051)


@pytest.mark.parametrize("kernel", [*KERNELS, [[1, 0, -0.5], [0, 0.25, 0], [2, 1, 0]]])
def test_sum_is_what_pytorch_computes_at_every_slider_end(kernel):
    explorer = ConvExplorer(image=DIGIT, kernel=kernel, output_index=7)
    says_what_pytorch_computes(explorer)
    for name in ("kernel_size", "stride", "padding", "dilation", "output_index"):
        if name == "kernel_size" and explorer.controls["weights"].value == "own":
            continue
        start = explorer.controls[name].value
        for end in ends(explorer.controls[name]):
            explorer.controls[name].value = end
            if "This does not run" not in explorer.status:
                says_what_pytorch_computes(explorer)
        explorer.controls[name].value = start


def test_moves_with_an_image_end_where_a_fresh_explorer_begins():
    rng, explorer = random.Random(172), ConvExplorer(image=DIGIT[:, :6], kernel="random")
    for _ in range(60):
        move_anywhere(explorer.controls[rng.choice(list(explorer.controls))], rng)
    explorer.controls["weights"].value = "blur"
    assert explorer.input_size == (8, 6)
    assert_same_as_fresh(explorer)


def test_own_weights_are_nine_numbers_and_refuse_another_kernel_size():
    explorer = ConvExplorer(image=DIGIT)
    assert explorer._own.layout.display == "none"
    explorer.controls["weights"].value = "own"
    assert explorer._own.layout.display == "" and explorer._boxes[0].value == -1
    explorer._boxes[0].value = 0.5
    assert "as you set them" in explorer._details.value and explorer.settings["kernel"][0] == [0.5, 0, 1]
    says_what_pytorch_computes(explorer)
    explorer.controls["kernel_size"].value = 2
    assert "`weights` of your own are 3 by 3, but `kernel_size` is 2 by 2" in explorer.status
    assert explorer._picture.value.startswith('<div style="opacity:.3">')


@pytest.mark.parametrize("image", [DIGIT.tolist(), torch.tensor(DIGIT), first_digits(1)[0], [[0, 0.5], [1, 2]]])
def test_any_rows_of_numbers_are_an_image(image):
    explorer = ConvExplorer(image=image, kernel="identity", kernel_size=1, output_index=2)
    assert explorer.controls.keys().isdisjoint({"input_size", "input_size_w"})
    assert explorer.shown.result["output"] == round(float(torch.as_tensor(image).flatten()[2]), 2)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"image": [[0] * 17]}, ValueError, "`image` must have at most 16 rows and columns; got 1 by 17"),
        ({"image": [[1, 2], [3]]}, ValueError, "`image` must have rows of one length"),
        ({"image": [[1, float("nan")]]}, ValueError, "`image` must hold numbers from −1e\\+09 to 1e\\+09; got"),
        ({"image": [[1, 10**400]]}, ValueError, "`image` must hold numbers from −1e\\+09 to 1e\\+09; got"),
        ({"image": []}, ValueError, "`image` must have rows"),
        ({"image": [[]]}, ValueError, "`image` must have rows"),
        ({"image": "7"}, TypeError, "`image` must be rows of numbers"),
        ({"image": 7}, TypeError, "`image` must be rows of numbers"),
        ({"image": torch.zeros(3, 8, 8)}, TypeError, "`image` must be rows of numbers"),
        ({"image": DIGIT, "kernel": "egde"}, ValueError, "`kernel` must be one of edge, blur, "),
        ({"image": DIGIT, "kernel": [[1, 2]]}, ValueError, "`kernel` must have 3 rows of 3 numbers; got 1 of 2"),
        ({"image": DIGIT, "kernel": 5}, TypeError, "`kernel` must be rows of numbers"),
        ({"image": DIGIT, "show": ["input_size"]}, ValueError, "`show` must name some of "),
    ],
)
def test_bad_image_or_kernel_is_named(settings, error, message):
    with pytest.raises(error, match=message):
        ConvExplorer(**settings)


def test_window_that_does_not_fit_is_drawn_and_stored():
    explorer = ConvExplorer(input_size=3, kernel_size=9)
    assert "This does not run: `input_size`=3 is too small" in explorer.status
    assert "sticks out by 6 rows and 6 columns" in explorer._picture.value
    assert "<img " in explorer._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("input_size", "said"),
    [((3, 9), "6 rows and 0 columns"), ((9, 3), "0 rows and 6 columns"), ((8, 8), "1 row and")],
)
def test_window_that_fits_along_one_axis_is_drawn_where_it_sticks_out(input_size, said):
    explorer = ConvExplorer(input_size=input_size, kernel_size=9)
    assert f"it sticks out by {said}" in explorer.refusal().alt and said in explorer._picture.value


@pytest.mark.parametrize(("padding", "refusing"), [(3, []), (4, ["reflect"]), (5, ["reflect", "circular"])])
def test_padding_modes_that_refuse_what_zeros_accept_are_named(padding, refusing):
    details = ConvExplorer(input_size=4, padding=padding)._details.value
    for mode in ("reflect", "circular"):
        assert (mode in details) == (mode in refusing)
        if mode in refusing:
            with pytest.raises(RuntimeError):
                F.pad(torch.zeros(1, 1, 4, 4), (padding,) * 4, mode=mode)
        else:
            F.pad(torch.zeros(1, 1, 4, 4), (padding,) * 4, mode=mode)
