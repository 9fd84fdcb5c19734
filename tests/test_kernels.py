import pytest
import torch
import torch.nn.functional as F
from effort import slow
from hypothesis import given
from hypothesis import strategies as st

from skiplib.arithmetic import ConvGeometry
from skiplib.kernels import KERNELS, Convolution, named_weights

AXES = st.builds(ConvGeometry, st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))
VALUES = st.floats(-9, 9) | st.integers(0, 16)


@slow(60)
@given(st.data(), AXES, AXES, st.sampled_from([*KERNELS]))
def test_output_is_what_conv2d_computes(data, vertical, horizontal, name):
    sizes = [data.draw(st.integers(axis.smallest_input_size, 16)) for axis in (vertical, horizontal)]
    image = [[data.draw(VALUES) for _ in range(sizes[1])] for _ in range(sizes[0])]
    weights = named_weights(name, vertical.kernel_size, horizontal.kernel_size)
    found = Convolution(image, weights, (vertical, horizontal)).output
    tensors = (torch.tensor(numbers, dtype=torch.float64)[None, None] for numbers in (image, weights))
    names = ("stride", "padding", "dilation")
    same = F.conv2d(*tensors, **{name: (getattr(vertical, name), getattr(horizontal, name)) for name in names})
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), same[0, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("height", range(1, 12))
@pytest.mark.parametrize("width", [1, 2, 3, 11])
def test_named_weights_do_what_their_rule_says_in_every_size(height, width):
    weights = {name: torch.tensor(named_weights(name, height, width)) for name in KERNELS}
    assert all(each.shape == (height, width) for each in weights.values())
    assert weights["edge"].sum() == 0 and (weights["edge"].abs().sum() == 0) == (width == 1)
    assert torch.equal(weights["edge"], -weights["edge"].flip(1).to(weights["edge"].dtype))
    assert weights["blur"].sum() == pytest.approx(1)
    assert weights["sharpen"].sum() == 1 and (weights["sharpen"] > 0).sum() == 1
    middle = (weights["identity"] == 1).nonzero().tolist()
    assert middle == [[(height - 1) // 2, (width - 1) // 2]] and weights["identity"].sum() == 1
    assert named_weights("random", height, width) == named_weights("random", height, width)
    assert weights["random"].abs().max() <= 1


@pytest.mark.parametrize(
    ("image", "weights", "said"),
    [
        ([[1, -2]], [[-1, 0.5]], "1·(−1) + (−2)·0.5 = −2"),
        ([[1, 1]], [[1 / 3, 0]], "1·0.33 + 1·0 ≈ 0.33"),
        ([[0.123, 0]], [[1, 0]], "0.12·1 + 0·0 ≈ 0.12"),
        ([list(range(10))], [[1] * 10], "0·1 + 1·1 + 2·1 + 3·1 + … + 9·1 = 45"),
    ],
)
def test_sum_is_written_out(image, weights, said):
    axes = ConvGeometry(1), ConvGeometry(len(image[0]))
    assert Convolution(image, weights, axes).written(0, 0) == said


def test_kernel_without_a_name_is_refused():
    with pytest.raises(ValueError, match="`kernel` must be one of edge, blur, sharpen, identity, random; got 'own'"):
        named_weights("own", 3, 3)
