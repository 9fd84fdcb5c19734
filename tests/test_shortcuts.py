import random
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skiplib.arithmetic import ConvGeometry
from skiplib.chains import channels_along, compose, layer_code, sizes
from skiplib.pooling import PoolGeometry
from skiplib.repairs import around, changes, keep_size, propose_shortcuts
from skiplib.shortcuts import CHOICES, Shortcut, geometry_of

PUBLISHED = (ConvGeometry(2, stride=2, padding=2),) * 2
UNPADDED = (ConvGeometry(2, stride=2),) * 2
DOWN = (ConvGeometry(3, stride=2, padding=1), ConvGeometry(3, padding=1))
SAME = (ConvGeometry(3, padding=1),) * 2


def shortcut(kind, branch, kernel_size=1, stride=1, padding=0, *, channels=(3, 3), ceil_mode=False, dilation=1):
    given = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    geometry = geometry_of(kind, given | {"ceil_mode": ceil_mode, "dilation": dilation})
    return Shortcut(kind=kind, branch=branch, in_channels=channels[0], out_channels=channels[1], geometry=geometry)


def make(shortcut):
    """The module that the copyable line makes, with nothing but what every lesson imports."""
    return eval(shortcut.code, {"nn": nn})


def make_branch(layers, in_channels, out_channels):
    channels = channels_along(layers, in_channels, in_channels, out_channels)
    steps = zip(layers, channels, channels[1:], strict=False)
    return nn.Sequential(*(eval(layer_code(layer, *both), {"nn": nn}) for layer, *both in steps))


def shape_or_none(module, shape):
    try:
        out = module(torch.zeros(shape)).shape
    except RuntimeError:
        return None
    return out if all(out) else None  # "resize" to the size of a branch that does not run leaves no pixel


def columns_with_gradient(module, channels, size, column):
    """The input columns on which output ``column`` depends, found by autograd."""
    x = torch.rand(1, channels, size, size, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x)[..., column].sum(), x)
    return gradient.abs().sum(dim=(0, 1, 2)).nonzero().flatten().tolist()


def random_branch(rng):
    """One to three convolutions, channels, and a size at which they run."""
    while True:
        branch = tuple(
            ConvGeometry(rng.randint(1, 5), rng.randint(1, 3), rng.randint(0, 3), rng.choice([1, 1, 2]))
            for _ in range(rng.randint(1, 3))
        )
        channels, size = (rng.randint(1, 4), rng.randint(1, 4)), rng.randint(1, 40)
        try:
            sizes(size, branch)
        except ValueError:
            continue
        return branch, channels, size


# which sizes fit

EVERY_KIND = [
    shortcut("identity", PUBLISHED),
    shortcut("identity", SAME),
    shortcut("identity", SAME, channels=(1, 3)),
    shortcut("identity", (ConvGeometry(2), ConvGeometry(2, padding=1))),
    shortcut("projection", PUBLISHED, 4, 4, 6),
    shortcut("projection", PUBLISHED, 1, 3),
    shortcut("projection", PUBLISHED, 1, 4, 5),
    shortcut("projection", PUBLISHED, 1, 4, 6),
    shortcut("projection", PUBLISHED, 1, 4),
    shortcut("projection", PUBLISHED, 1, 2),
    shortcut("projection", UNPADDED, 1, 4),
    shortcut("projection", DOWN, 1, 2, channels=(3, 6)),
    shortcut("projection", (ConvGeometry(5), ConvGeometry(3, padding=3)), 7, 1, 3),
    shortcut("average pooling", PUBLISHED, 4, 4, 6),
    shortcut("average pooling", PUBLISHED, 4, 4, 2),
    shortcut("average pooling", UNPADDED, 4, 4),
    shortcut("average pooling", DOWN, 2, 2),
    shortcut("average pooling", DOWN, 2, 2, channels=(3, 6)),
    shortcut("average pooling", DOWN, 2, 2, ceil_mode=True),
    shortcut("average pooling", (*DOWN, PoolGeometry(3, 2, ceil_mode=True)), 4, 4, ceil_mode=True),
    shortcut("max pooling", DOWN, 3, 2, 1),
    shortcut("max pooling", (ConvGeometry(5, stride=2), PoolGeometry(2, ceil_mode=True)), 3, 4, 0, dilation=2),
    shortcut("pool, then 1×1", DOWN, 2, 2, channels=(3, 6), ceil_mode=True),
    shortcut("option A", DOWN, 1, 2, channels=(3, 6)),
    shortcut("option A", UNPADDED, 1, 4),
    shortcut("resize", (ConvGeometry(3, 2), PoolGeometry(3, 2, 1, ceil_mode=True), ConvGeometry(2))),
    shortcut("resize", PUBLISHED),
    shortcut("resize", UNPADDED),
    shortcut("resize", DOWN, channels=(3, 6)),
]


@pytest.mark.parametrize("tried", EVERY_KIND, ids=lambda s: f"{s.name} ({compose(s.branch).kernel_size})")
def test_shortcut_fits_exactly_the_sizes_that_pytorch_adds(tried):
    branch, module = make_branch(tried.branch, tried.in_channels, tried.out_channels), make(tried)
    with torch.no_grad():
        for size in range(1, 201):
            shape = (1, tried.in_channels, size, size)
            here, there = shape_or_none(module, shape), shape_or_none(branch, shape)
            assert tried.fits(size) == (here is not None and here == there), size
            assert tried.verdict(size) == what_becomes_of_the_add(here, there), size
            assert tried.verdicts([size], 0)[size] == tried.verdicts([size])[size] == tried.verdict(size)
            if here is not None and there is not None:
                assert tried.shapes(size)[0] == tuple(here[1:])
                assert tried.shapes(size)[1] == tuple(there[1:])


def what_becomes_of_the_add(here, there):
    if here is None or there is None:
        return "error"
    try:
        return "equal" if torch.broadcast_shapes(here, there) == here == there else "broadcast"
    except RuntimeError:
        return "error"


@pytest.mark.parametrize(
    ("tried", "legal"),
    [
        (shortcut("identity", PUBLISHED), [3, 4]),
        (shortcut("identity", SAME), range(1, 129)),
        (shortcut("projection", PUBLISHED, 4, 4, 6), range(1, 129)),
        (shortcut("projection", PUBLISHED, 1, 3), [19, 22, 23, *range(25, 31), 32, 33, 36]),
        (shortcut("projection", PUBLISHED, 1, 4, 5), [n for n in range(1, 129) if n % 4 != 3]),
        (shortcut("projection", PUBLISHED, 1, 4, 6), range(4, 129, 4)),
        (shortcut("average pooling", PUBLISHED, 4, 4, 6), []),
        (shortcut("average pooling", UNPADDED, 4, 4), range(4, 129)),
        (shortcut("projection", UNPADDED, 1, 4), range(4, 129, 4)),
        (shortcut("option A", DOWN, 1, 2, channels=(3, 6)), range(1, 129)),
        (shortcut("projection", DOWN, 1, 2, channels=(3, 6)), range(1, 129)),
        (shortcut("resize", PUBLISHED), range(1, 129)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_shortcut_repairs_the_sizes_of_the_lesson(tried, legal):
    assert [size for size in range(1, 129) if tried.fits(size)] == list(legal)


# where both sides look


@pytest.mark.parametrize("seed", range(40))
def test_columns_are_those_with_a_gradient(seed):
    branch, (channels, _), size = random_branch(random.Random(seed))
    module = make_branch(branch, channels, channels)
    for tried in propose_shortcuts(branch, channels, channels, input_size=size):
        if tried.kind == "max pooling" or "crop" in tried.kind:
            continue  # a pooling's gradient is that of one pixel; a crop is made at the add
        made = make(tried)
        for index in range(tried.shapes(size)[0][-1]):
            ((skip, span),) = tried.looks([index], size)
            expected = [column for column in skip if 0 <= column < size]
            assert columns_with_gradient(made, channels, size, index) == expected
            if span[0] >= 0 and span[-1] < size:
                seen = columns_with_gradient(module, channels, size, index)
                assert (seen[0], seen[-1]) == (span[0], span[-1])


@pytest.mark.parametrize(
    ("tried", "size", "aligned"),
    [
        (shortcut("projection", PUBLISHED, 4, 4, 6), 32, True),
        (shortcut("projection", PUBLISHED, 1, 4, 5), 32, True),  # half a pixel to the left of the middle
        (shortcut("projection", PUBLISHED, 1, 4, 4), 33, True),  # half a pixel to the right
        (shortcut("projection", PUBLISHED, 1, 4, 6), 32, False),  # inside the window, but a pixel and a half off
        (shortcut("projection", (ConvGeometry(5, stride=4, padding=2),), 1, 4), 31, True),
        (shortcut("projection", (ConvGeometry(5, stride=4, padding=2),), 1, 4, 1), 30, False),  # one pixel off
        (shortcut("projection", PUBLISHED, 1, 3), 32, False),
        (shortcut("projection", (ConvGeometry(1, stride=2),), 1, 3), 4, False),  # the first output alone is in place
        (shortcut("projection", UNPADDED, 1, 4), 32, False),
        (shortcut("average pooling", UNPADDED, 4, 4), 32, True),
        (shortcut("average pooling", UNPADDED, 4, 4), 35, True),
        (shortcut("resize", UNPADDED), 32, True),
        (shortcut("resize", UNPADDED), 35, False),  # spreads over the columns that the branch leaves over
        (shortcut("resize", PUBLISHED), 32, False),
        (shortcut("option A", DOWN, 1, 2, channels=(3, 6)), 32, True),
        (shortcut("option A", DOWN, 1, 2, channels=(3, 6)), 33, True),
        (shortcut("identity", SAME), 32, True),
        (shortcut("identity", PUBLISHED), 3, False),  # equal shapes, different places
    ],
)
def test_aligned_means_half_a_pixel_at_most(tried, size, aligned):
    assert tried.fits(size)
    assert tried.aligned(size) is aligned


def test_what_does_not_fit_is_not_aligned():
    assert not shortcut("identity", PUBLISHED).aligned(32)
    assert not shortcut("identity", SAME, channels=(1, 3)).aligned(32)


# values


def test_option_a_keeps_pixels_and_adds_zero_channels():
    x = torch.rand(2, 3, 5, 6)
    out = make(shortcut("option A", DOWN, 1, 2, channels=(3, 7)))(x)
    assert torch.equal(out[:, :3], x[:, :, [0, 2, 4]][..., [0, 2, 4]])
    assert out.shape == (2, 7, 3, 3)
    assert not out[:, 3:].any()


def test_resize_averages_as_adaptive_pooling_does():
    x = torch.rand(2, 3, 32, 9)
    assert torch.equal(make(shortcut("resize", PUBLISHED))(x), F.adaptive_avg_pool2d(x, (11, 5)))
    assert torch.equal(make(shortcut("resize", SAME))(x), x)


def test_average_pooling_and_identity_are_pytorchs():
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(make(shortcut("average pooling", UNPADDED, 4, 4))(x), F.avg_pool2d(x, 4))
    assert make(shortcut("identity", SAME))(x) is x


def test_projection_has_the_geometry_it_says():
    geometry = ConvGeometry(3, 2, 2, dilation=2)
    tried = Shortcut(kind="projection", branch=SAME, in_channels=3, out_channels=5, geometry=geometry)
    expected = nn.Conv2d(3, 5, 3, stride=2, padding=2, dilation=2)
    x = torch.rand(1, 3, 9, 9)
    made = make(tried)
    made.load_state_dict(expected.state_dict())
    assert torch.equal(made(x), expected(x))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pooling_moves_as_its_line_says(stride):
    tried, x = shortcut("average pooling", UNPADDED, 2, stride), torch.rand(1, 3, 9, 9)
    assert torch.equal(make(tried)(x), F.avg_pool2d(x, 2, stride)) and ("stride" in tried.code) == (stride != 2)


# proposals


def added(shortcut, made, branch, x):
    """The shape that the copyable lines show at the add."""
    *setup, add = shortcut.add_code.splitlines()
    names = {"nn": nn, "shortcut": made, "branch": branch, "x": x}
    exec("\n".join(setup), names)
    return tuple(eval(add, names))


@pytest.mark.parametrize("seed", range(200))
def test_proposals_run_and_add(seed):
    branch, (in_channels, out_channels), size = random_branch(random.Random(1000 + seed))
    whole = compose(branch)
    proposals = propose_shortcuts(branch, in_channels, out_channels, input_size=size)
    assert len(set(proposals)) == len(proposals)
    assert len({proposal.name for proposal in proposals}) == len(proposals)
    assert any(proposal.kind == "projection" and proposal.aligned(size) for proposal in proposals)
    keeps_shape = (in_channels, size) == (out_channels, sizes(size, branch)[-1])
    assert any(proposal.kind == "identity" for proposal in proposals) == keeps_shape
    x = torch.rand(2, in_channels, size, size)
    branched = make_branch(branch, in_channels, out_channels)
    residual = branched(x)
    for proposal in proposals:
        made = make(proposal)
        assert added(proposal, made, branched, x) == (2, *proposal.shapes(size)[0])
        assert proposal.shapes(size)[1] == proposal.shapes(size)[0]
        assert "crop" in proposal.kind or made(x).shape == residual.shape
        parameters = made.parameters() if isinstance(made, nn.Module) else ()
        assert proposal.parameter_count == sum(p.numel() for p in parameters)
        wide = torch.rand(1, in_channels, size, size + whole.stride)
        if "crop" not in proposal.kind:
            fits = made(wide).shape == branched(wide).shape
            assert fits == proposal.fits((size, size + whole.stride)) == proposal.fits(size + whole.stride)


def test_proposals_for_the_published_block_are_those_of_the_lesson():
    proposals = propose_shortcuts(PUBLISHED, 3, 3, input_size=32)
    size = "(n + 2 * 6 - 4) // 4 + 1"
    assert {p.code: (p.parameter_count, p.aligned(32), sum(map(p.fits, range(1, 129)))) for p in proposals} == {
        f'lambda x: nn.functional.interpolate(x, size=[{size} for n in x.shape[-2:]], mode="area")': (0, False, 128),
        "nn.Conv2d(3, 3, kernel_size=1, stride=4, padding=5)": (12, True, 96),
        "nn.Conv2d(3, 3, kernel_size=1, stride=3)": (12, False, 12),
        "nn.Conv2d(3, 3, kernel_size=4, stride=4, padding=6)": (147, True, 128),
    }


def test_proposals_for_a_downsampling_branch_are_he_options_a_and_b():
    codes = [p.code for p in propose_shortcuts(DOWN, 3, 6, input_size=32)]
    assert codes[0] == "lambda x: nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 3))"
    assert codes[1] == "nn.Sequential(nn.AvgPool2d(kernel_size=2, ceil_mode=True), nn.Conv2d(3, 6, kernel_size=1))"
    assert codes[3] == "nn.Conv2d(3, 6, kernel_size=1, stride=2)"


def test_proposals_for_a_branch_that_keeps_its_shape_leave_it_alone():
    assert [p.code for p in propose_shortcuts(SAME, 3, 3, input_size=32)] == [
        "nn.Identity()",
        "nn.Conv2d(3, 3, kernel_size=1)",
    ]


@pytest.mark.parametrize(("branch", "size", "pooled"), [(UNPADDED, 32, 4), ((ConvGeometry(3, stride=2),), 33, 2)])
def test_proposals_pool_where_the_branch_steps_without_padding(branch, size, pooled):
    kinds = [(p.kind, p.geometry.kernel_size) for p in propose_shortcuts(branch, 3, 3, input_size=size)]
    assert ("average pooling", pooled) in kinds


@pytest.mark.parametrize("seed", range(20))
def test_an_aligned_projection_fits_wherever_the_branch_runs(seed):
    branch, channels, size = random_branch(random.Random(seed))
    runs = []
    for n in range(1, 201):
        try:
            runs.append(bool(sizes(n, branch)))
        except ValueError:
            runs.append(False)
    assert any(
        proposal.kind == "projection" and proposal.aligned(size) and [*map(proposal.fits, range(1, 201))] == runs
        for proposal in propose_shortcuts(branch, *channels, input_size=size)
    )


def offered(branch, size, channels=(3, 3)):
    return {p.name: len(p.runs_at(range(1, 65))) for p in propose_shortcuts(branch, *channels, input_size=size)}


@pytest.mark.parametrize(
    ("branch", "size", "channels", "name", "runs"),
    [
        (DOWN, 7, (3, 3), "average pooling 2×2, stride 2, padding 0, ceil_mode", 64),  # A01
        (DOWN, 7, (3, 6), "pool 2×2, then 1×1, stride 2, padding 0, ceil_mode", 64),
        ((ConvGeometry(3, 2, 1),), 33, (3, 3), "max pooling 3×3, stride 2, padding 1", 64),  # A08
        ((ConvGeometry(3, padding=1),) * 3, 32, (6, 24), "projection 1×1, stride 1, padding 0", 64),  # A04
        ((ConvGeometry(3, padding=1),) * 3, 32, (6, 24), "option A, stride 1", 64),
        ((ConvGeometry(3, padding=2),) * 2, 10, (3, 3), "crop", 64),  # A16
        ((ConvGeometry(4, padding=1),), 32, (3, 3), "centre crop", 63),  # A17: at 1 the window does not fit
    ],
)
def test_reported_adds_get_the_repair_that_helped(branch, size, channels, name, runs):
    assert offered(branch, size, channels)[name] == runs


def test_no_pooling_is_offered_twice_with_and_without_ceil_mode():
    assert not {name for name in offered(DOWN, 8) if f"{name}, ceil_mode" in offered(DOWN, 8)}


def test_crops_come_last_unless_causal_and_only_where_the_difference_stays():
    names = list(offered((ConvGeometry(3, padding=2),) * 2, 10))
    assert (names[0], names[-1]) == ("crop", "centre crop")  # the first one is causal
    assert list(offered((ConvGeometry(3),) * 2, 10))[-2:] == ["centre crop", "crop"]
    assert not {"crop", "centre crop"} & offered(PUBLISHED, 32).keys()


def test_causal_branch_sees_no_later_pixel_than_its_cropped_skip():
    causal = (ConvGeometry(3, padding=2),) * 2
    assert shortcut("crop", causal).place(10) == "no later pixel"
    assert shortcut("centre crop", causal).place(10) == "same place"
    assert shortcut("crop", (ConvGeometry(3),)).place(10) == "other places"
    x = torch.zeros(1, 1, 10, 10, requires_grad=True)
    make_branch(causal, 1, 1)(x)[..., 4].sum().backward()
    assert x.grad.abs().sum((0, 1, 2)).nonzero().flatten().tolist() == [0, 1, 2, 3, 4]


def test_pooling_that_is_padded_leaves_an_image_of_ones_as_it_is():
    tried = shortcut("average pooling", DOWN, 3, 2, 1)
    assert tried.code.endswith("padding=1, count_include_pad=False)")
    assert make(tried)(torch.ones(1, 1, 7, 7)).eq(1).all()


def random_layer(rng):
    kernel, stride = rng.randint(1, 5), rng.randint(1, 3)
    if rng.random() < 0.6:
        return ConvGeometry(kernel, stride, rng.randint(0, 3), rng.choice([1, 1, 2]))
    mode = rng.choice(["max", "average"])
    return PoolGeometry(kernel, stride, rng.randint(0, kernel // 2), mode=mode, ceil_mode=rng.random() < 0.5)


@pytest.mark.parametrize("seed", range(200))
def test_proposals_around_poolings_and_rectangles_run_and_add(seed):
    rng = random.Random(seed)
    layers = [random_layer(rng) for _ in range(rng.randint(1, 4))]
    branch = [
        (layer, ConvGeometry(rng.randint(1, 5), rng.randint(1, 3))) if type(layer) is ConvGeometry else layer
        for layer in layers
    ]
    convs = any(type(layer) is ConvGeometry for layer in layers)
    channels = (3, rng.choice([2, 3, 5])) if convs else (3, 3)
    x = torch.rand(1, 3, rng.randint(9, 40), rng.randint(9, 40))
    branched = make_branch(branch, *channels)
    if shape_or_none(branched, x.shape) is None:
        return
    proposals = propose_shortcuts(branch, *channels, input_size=tuple(x.shape[-2:]))
    assert proposals
    for proposal in proposals:
        assert proposal.kind in CHOICES and proposal.fits(tuple(x.shape[-2:]))
        assert added(proposal, make(proposal), branched, x) == (1, *proposal.shapes(tuple(x.shape[-2:]))[1])
        assert proposal.place(tuple(x.shape[-2:])) in ("same place", "other places", "no later pixel")


@pytest.mark.parametrize(
    ("branch", "said"),
    [
        ([ConvGeometry(1), ConvGeometry(3, padding=1, dilation=2), ConvGeometry(1)], "layer 2: padding 2"),  # A06
        (DOWN, "layer 1: stride 1"),  # A11
        (PUBLISHED, "; ".join(f"layer {layer}: kernel_size 3, stride 1, padding 1" for layer in (1, 2))),
        ([ConvGeometry(4, padding=1)], "layer 1: kernel_size 5, padding 2"),
        ([(ConvGeometry(3, 2, 1), ConvGeometry(5, 1, 2))], "layer 1: stride 1"),
        ([(ConvGeometry(3), ConvGeometry(5))], "layer 1: padding (1, 2)"),
        ([ConvGeometry(2, stride=2, dilation=2)], "layer 1: stride 1, padding 1"),  # it spans 3 pixels
    ],
)
def test_branch_that_keeps_its_size_changes_as_little_as_possible(branch, said):
    for channels in ((3, 3), (3, 5)):
        kept = keep_size(branch, *channels)
        assert changes(branch, kept.branch) == said
        assert kept.runs_at(range(1, 65)) == list(range(1, 65)) and kept.aligned(32)
        x = torch.zeros(1, 3, 9, 8)
        assert make(kept)(x).shape == make_branch(kept.branch, *channels)(x).shape


def test_branch_that_keeps_or_pools_is_left_alone():
    assert keep_size(SAME, 3, 3) is None and keep_size([PoolGeometry(2)], 3, 3) is None


@pytest.mark.parametrize(("size", "first"), [(1, 1), (64, 1), (65, 34), (700, 669), (4096, 4033)])
def test_sizes_around_hold_the_size(size, first):
    assert around(size, most=4096) == range(first, first + 64) and size in around(size, most=4096)


# wrong input


def test_branch_larger_than_its_input_names_the_layer():
    with pytest.raises(ValueError, match=r"layer 2 of 2: `input_size`=2 is too small"):
        propose_shortcuts((ConvGeometry(3), ConvGeometry(3)), 3, 3, input_size=4)


@pytest.mark.parametrize("branch", [nn.Conv2d(3, 3, 1), [nn.Conv2d(3, 3, 1)], nn.Sequential(), ConvGeometry(3), "k3"])
def test_module_where_a_geometry_is_expected_is_named(branch):
    with pytest.raises(TypeError, match=r"`geometries` must be a list or tuple of ConvGeometry; got"):
        propose_shortcuts(branch, 3, 3, input_size=8)
    with pytest.raises(TypeError, match=r"`branch` must be a list or tuple of ConvGeometry; got"):
        Shortcut(kind="identity", branch=branch, in_channels=3, out_channels=3)


def test_shortcut_geometry_that_is_a_module_is_named():
    with pytest.raises(TypeError, match=r"`geometry` must be .*ConvGeometry; got"):
        Shortcut(kind="projection", branch=SAME, in_channels=3, out_channels=3, geometry=nn.Conv2d(3, 3, 1))


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"in_channels": 0}, ValueError, "`in_channels` must be at least 1; got 0"),
        ({"out_channels": -3}, ValueError, "`out_channels` must be at least 1; got -3"),
        ({"in_channels": 3.0}, TypeError, "`in_channels` must be an integer; got 3.0 (float)"),
        ({"out_channels": True}, TypeError, "`out_channels` must be an integer; got True (bool)"),
        ({"branch": ()}, ValueError, "`branch` must hold at least one ConvGeometry; got none"),
        ({"kind": "pad"}, ValueError, "`kind` must be one of identity, option A, max pooling, average pooling, pool"),
        ({"kind": "option A", "out_channels": 2}, ValueError, "`out_channels` must be at least 3; got 2"),
        ({"kind": "option A", "in_channels": 6}, ValueError, "`out_channels` must be at least 6; got 3"),
        ({"kind": "option A", "geometry": ConvGeometry(2, 2)}, ValueError, "`geometry` of option A must be"),
        ({"kind": "resize", "geometry": ConvGeometry(2)}, ValueError, "`geometry` of resize must be"),
        ({"kind": "identity", "geometry": ConvGeometry(1, 2)}, ValueError, "`geometry` of identity must be"),
        (
            {"kind": "average pooling", "geometry": ConvGeometry(2, dilation=2)},
            ValueError,
            "`geometry` of average pooling must be PoolGeometry(kernel_size=2, stride=1, padding=0, dilation=1,",
        ),
        (
            {"kind": "max pooling", "geometry": PoolGeometry(2, mode="average")},
            ValueError,
            "`geometry` of max pooling",
        ),
        ({"branch": [PoolGeometry(2)], "out_channels": 6}, ValueError, "`out_channels` of poolings alone is `in_ch"),
    ],
)
def test_shortcut_names_the_wrong_argument(keywords, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Shortcut(**{"kind": "projection", "branch": SAME, "in_channels": 3, "out_channels": 3, **keywords})


@pytest.mark.parametrize("size, error", [(0, ValueError), (-1, ValueError), (2.5, TypeError), (True, TypeError)])
def test_sizes_below_one_or_broken_are_named(size, error):
    same = shortcut("identity", SAME)
    for ask in (same.verdict, same.fits, same.aligned):
        with pytest.raises(error, match="`input_size` must be"):
            ask(size)
    with pytest.raises(error, match="`input_size` must be"):
        propose_shortcuts(SAME, 3, 3, input_size=size)
