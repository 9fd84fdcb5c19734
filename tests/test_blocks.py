import random
import re
import subprocess
import sys
from itertools import pairwise, product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skiplib import arithmetic
from skiplib.arithmetic import ConvGeometry
from skiplib.blocks import PublishedBlock, Recipe, ResidualBlock, SkipConnection
from skiplib.networks import make_stack
from skiplib.repairs import propose_shortcuts

SEED = 172
PUBLISHED = (ConvGeometry(2, stride=2, padding=2),) * 2
DOWN = (ConvGeometry(3, stride=2, padding=1), ConvGeometry(3, padding=1))
ORDERS = ("article", "original", "pre-activation")
NORMS = ("none", "batch", "group")
SETTINGS = [
    {"order": order, "norm": norm, "num_groups": 3, "activation": activation}
    for order, norm, activation in product(ORDERS, NORMS, ("relu", "tanh", "sigmoid"))
]
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))


def seeded(make):
    torch.manual_seed(SEED)
    return make()


def same_parameters(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[key], theirs[key]) for key in ours)


def jacobian(function, x):
    return torch.autograd.functional.jacobian(function, x).reshape(-1, x.numel())


# the published block and its repair


def test_published_block_raises_pytorchs_message_word_by_word():
    block = seeded(PublishedBlock)
    with pytest.raises(RuntimeError) as caught:
        block(torch.rand(1, 3, 32, 32))
    assert str(caught.value) == (
        "The size of tensor a (32) must match the size of tensor b (11) at non-singleton dimension 3"
    )


def test_published_block_adds_equal_shapes_on_3_and_4_pixels_only_and_broadcasts_five_others():
    block, equal, broadcast = seeded(PublishedBlock), set(), {}
    with torch.no_grad():
        for size in product(range(1, 11), repeat=2):
            try:
                out = tuple(block(torch.rand(1, 3, *size)).shape[-2:])
            except RuntimeError:
                continue
            if out == size:
                equal.add(size)
            else:
                broadcast[size] = out
        larger = {n: block.conv2(block.conv1(torch.rand(1, 3, n, 3))).shape[-2] for n in range(11, 201)}
    assert all(1 < out < n for n, out in larger.items())  # neither equal nor broadcast from here on
    assert equal == set(product((3, 4), repeat=2))
    assert broadcast == {(1, 1): (3, 3), (1, 3): (3, 3), (1, 4): (3, 4), (3, 1): (3, 3), (4, 1): (4, 3)}


def test_published_block_has_the_geometry_that_the_rest_of_the_house_calls_published():
    numbers = PublishedBlock.kernel_size, PublishedBlock.stride, PublishedBlock.padding
    assert ConvGeometry(*numbers) == arithmetic.PUBLISHED


def test_published_block_has_the_values_of_the_article_under_its_seed():
    block, x = seeded(PublishedBlock), torch.rand(2, 3, 4, 3)
    torch.manual_seed(SEED)
    conv1 = nn.Conv2d(3, 6, kernel_size=2, stride=2, padding=2)
    conv2 = nn.Conv2d(6, 3, kernel_size=2, stride=2, padding=2)
    assert torch.equal(block(x), x + F.relu(conv2(F.relu(conv1(x)))))


def test_published_branch_goes_from_32_to_18_to_11_and_40_outputs_never_see_the_image():
    block = seeded(PublishedBlock)
    hidden = F.relu(block.conv1(torch.rand(1, 3, 32, 32)))
    assert (hidden.shape[-1], block.conv2(hidden).shape[-1]) == (18, 11)
    blind = torch.autograd.functional.jacobian(
        lambda x: block.conv2(block.conv1(x.expand(1, 3, 32, 32))).sum(1), torch.rand(1, 1, 32, 32)
    )
    assert (blind.abs().sum(dim=(-4, -3, -2, -1)) == 0).sum() == 40


@pytest.mark.parametrize("height, width", [(32, 32), (1, 1), (3, 4), (31, 7)])
def test_skip_connection_adds_at_every_size(height, width):
    block, x = seeded(SkipConnection), torch.rand(1, 3, height, width)
    torch.manual_seed(SEED)
    conv1, conv2 = nn.Conv2d(3, 6, kernel_size=3, padding=1), nn.Conv2d(6, 3, kernel_size=3, padding=1)
    out = block(x)
    assert out.shape == x.shape
    assert torch.equal(out, x + F.relu(conv2(F.relu(conv1(x)))))


def test_skip_connection_is_a_residual_block_in_the_articles_order():
    block = seeded(SkipConnection)
    general = ResidualBlock(3, 3, hidden_channels=6, order="article")
    general.load_state_dict(dict(zip(general.state_dict(), block.state_dict().values(), strict=True)))
    x = torch.rand(2, 3, 9, 9)
    assert torch.equal(general(x), block(x))


# the residual block


@every_setting
def test_twins_share_weights_and_the_flag_changes_only_the_add(setting):
    plain, skip = (ResidualBlock(6, 6, skip=skip, alpha=0.5, seed=SEED, **setting) for skip in (False, True))
    assert same_parameters(plain, skip)
    x = torch.rand(4, 6, 5, 5)
    after = skip.after
    assert torch.equal(skip(x), after(x + 0.5 * skip.branch(x)))
    assert torch.equal(plain(x), after(plain.branch(x)))  # alpha belongs to the skip


def test_twins_share_weights_of_the_shortcut_too():
    settings = {"geometries": DOWN, "shortcut": lambda: nn.Conv2d(3, 6, 1, stride=2), "seed": SEED}
    plain, skip = (ResidualBlock(3, 6, skip=skip, **settings) for skip in (False, True))
    assert same_parameters(plain, skip)
    assert "shortcut.weight" in plain.state_dict()
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(skip(x), skip.shortcut(x) + plain(x))


@pytest.mark.parametrize(
    "make",
    [lambda seed: ResidualBlock(3, 3, seed=seed), lambda seed: make_stack(10, channels=8, skip=True, seed=seed)],
)
def test_seed_decides_the_weights_and_leaves_the_global_generator_alone(make):
    before = torch.get_rng_state()
    one, two, three = make(SEED), make(SEED), make(SEED + 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert same_parameters(one, two)
    assert not same_parameters(one, three)


@pytest.mark.parametrize("make", [lambda: ResidualBlock(3, 3), lambda: make_stack(10, channels=8, skip=True)])
def test_without_a_seed_the_global_generator_decides(make):
    first = seeded(make)
    assert same_parameters(first, seeded(make))
    assert not same_parameters(first, make())


@every_setting
def test_layers_stand_in_their_order(setting):
    act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[setting["activation"]]
    block, x = ResidualBlock(3, 6, hidden_channels=9, skip=False, seed=SEED, **setting), torch.randn(4, 3, 5, 5)
    conv1, conv2 = (layer for layer in block.branch if isinstance(layer, nn.Conv2d))

    def norm(h):
        if setting["norm"] == "batch":
            return F.batch_norm(h, None, None, training=True)
        return F.group_norm(h, 3) if setting["norm"] == "group" else h

    if setting["order"] == "pre-activation":
        expected = conv2(act(norm(conv1(act(norm(x))))))
    else:
        expected = act(norm(conv2(act(norm(conv1(x))))))  # "original" has its last activation behind the add
    torch.testing.assert_close(block(x), expected)


def test_original_order_puts_its_last_activation_behind_the_add():
    block, x = ResidualBlock(3, 3, order="original", seed=SEED), torch.randn(2, 3, 5, 5)
    conv1, _, conv2 = block.branch
    assert torch.equal(block(x), F.relu(x + conv2(F.relu(conv1(x)))))


@pytest.mark.parametrize("norm, order", list(product(NORMS, ("original", "pre-activation"))))
def test_zero_branch_is_the_identity_exactly(norm, order):
    block = ResidualBlock(4, 4, order=order, norm=norm, init="zero", seed=SEED)
    x = torch.randn(5, 4, 6, 6)
    assert torch.equal(block(x), F.relu(x) if order == "original" else x)
    assert all(layer.weight.any() for layer in block.branch if isinstance(layer, nn.Conv2d)) == (
        norm != "none" and order != "pre-activation"  # there the zeros are the last norm's
    )


def test_zero_alpha_is_the_identity_exactly():
    x = torch.randn(5, 4, 6, 6)
    assert torch.equal(ResidualBlock(4, 4, alpha=0, seed=SEED)(x), x)


def test_jacobian_is_the_identity_plus_that_of_the_branch():
    for order, norm, alpha in product(("article", "pre-activation"), NORMS, (1.0, 0.3)):
        block = ResidualBlock(4, 4, order=order, norm=norm, alpha=alpha, seed=SEED).double()
        x = torch.randn(2, 4, 3, 3, dtype=torch.double)
        whole, branch = jacobian(block, x), jacobian(block.branch, x)
        assert branch.abs().max() > 0.01
        assert (whole - (torch.eye(x.numel(), dtype=torch.double) + alpha * branch)).abs().max() < 1e-6


def test_gradient_is_that_of_the_output_plus_what_the_branch_sends_back():
    block, x = (
        ResidualBlock(3, 3, seed=SEED).double(),
        torch.randn(1, 3, 4, 4, dtype=torch.double, requires_grad=True),
    )
    upstream = torch.randn_like(x)
    (whole,) = torch.autograd.grad(block(x), x, upstream)
    (branch,) = torch.autograd.grad(block.branch(x), x, upstream)
    assert (whole - (upstream + branch)).abs().max() < 1e-12


@pytest.mark.parametrize("seed", range(30))
def test_blocks_with_proposed_shortcuts_run(seed):
    rng = random.Random(seed)
    branch = tuple(ConvGeometry(rng.randint(1, 4), rng.randint(1, 3), rng.randint(0, 2)) for _ in range(2))
    x = torch.rand(2, 4, 24, 24)
    for proposal in propose_shortcuts(branch, 4, 8, input_size=24):
        settings = {"norm": "group", "seed": seed, "shortcut": lambda code=proposal.code: eval(code, {"nn": nn})}
        block = ResidualBlock(4, 8, geometries=branch, **settings)
        assert block(x).shape == (2, *proposal.shapes(24)[1])


def test_relu_before_the_add_only_climbs():
    torch.manual_seed(SEED)
    means = [(x := torch.rand(8, 16, 8, 8)).mean().item()]
    with torch.no_grad():
        for number in range(20):
            after = ResidualBlock(16, 16, order="article", seed=number)(x)
            assert (after >= x).all()
            means.append((x := after).mean().item())
    assert all(later > earlier for earlier, later in pairwise(means))
    assert means[-1] > 1.5


@pytest.mark.parametrize("order", ORDERS)
def test_branch_may_have_any_number_of_convolutions(order):
    for count in (1, 3):
        block = ResidualBlock(3, 3, geometries=[ConvGeometry(3, padding=1)] * count, order=order, seed=SEED)
        assert sum(isinstance(layer, nn.Conv2d) for layer in block.branch) == count
        assert block(torch.rand(1, 3, 5, 5)).shape == (1, 3, 5, 5)


@pytest.mark.parametrize(
    ("init", "spread"), [("default", 1 / (3 * 144)), ("zero", 1 / (3 * 144)), ("xavier", 1 / 144), ("he", 2 / 144)]
)
def test_initialisation_has_the_distribution_of_its_paper(init, spread):
    block = ResidualBlock(16, 16, init=init, seed=SEED)
    conv1, conv2 = (layer for layer in block.branch if isinstance(layer, nn.Conv2d))
    assert conv1.weight.var().item() == pytest.approx(spread, rel=0.08)
    assert bool((conv1.weight.abs() > 1.01 * (3 * spread) ** 0.5).any()) == (init == "he")  # the others are uniform
    assert bool(conv1.bias.any()) == (init in ("default", "zero"))
    assert bool(conv2.weight.any()) == (init != "zero")


def test_default_initialisation_is_pytorchs():
    block = ResidualBlock(3, 6, seed=SEED)
    torch.manual_seed(SEED)
    assert torch.equal(block.branch[1].weight, nn.Conv2d(3, 6, 3).weight)


def test_missing_projection_on_a_grayscale_image_is_found():
    block = ResidualBlock(1, 16, seed=SEED)
    with pytest.raises(ValueError, match=r"differ on axis 1 \(1 against 16\)"):
        block(torch.rand(8, 1, 28, 28))
    x = torch.rand(8, 1, 28, 28, requires_grad=True)
    (x + block.branch(x.detach())).sum().backward()
    assert (x.grad == 16).all()  # the skip's gradient, sixteen times


@pytest.mark.parametrize(
    "setting",
    [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": 1},
        {"kernel_size": 5, "padding": 2},
        {"kernel_size": 7, "padding": 3},
        {"kernel_size": 2, "dilation": 2, "padding": 1},
    ],
)
def test_branches_that_keep_every_size(setting):
    geometry = ConvGeometry(**setting)
    assert geometry.keeps_every_size
    block = ResidualBlock(3, 3, hidden_channels=6, geometries=[geometry] * 2, order="article", seed=SEED)
    assert all(block(torch.rand(1, 3, n, n)).shape[-1] == n for n in range(1, 65))


def test_our_blocks_leave_their_input_alone():
    for order, norm in product(ORDERS, NORMS):
        x = torch.randn(2, 4, 8, 8)
        before = x.clone()
        ResidualBlock(4, 4, order=order, norm=norm, seed=SEED)(x).sum().backward()
        assert torch.equal(x, before)


# wrong input


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"in_channels": 0}, ValueError, "`in_channels` must be at least 1; got 0"),
        ({"out_channels": -1}, ValueError, "`out_channels` must be at least 1; got -1"),
        ({"hidden_channels": 0}, ValueError, "`hidden_channels` must be at least 1; got 0"),
        ({"in_channels": 3.0}, TypeError, "`in_channels` must be an integer; got 3.0"),
        (
            {"geometries": nn.Conv2d(3, 3, 3)},
            TypeError,
            "`geometries` must be a list or tuple of ConvGeometry; got",
        ),
        (
            {"geometries": [nn.Conv2d(3, 3, 3)]},
            TypeError,
            "`geometries` must be a list or tuple of ConvGeometry; g",
        ),
        ({"geometries": ()}, ValueError, "`geometries` must hold at least one ConvGeometry; got none"),
        ({"shortcut": nn.Identity()}, TypeError, "`shortcut` must be a function that makes a module; got Identity()"),
        ({"shortcut": "identity"}, TypeError, "`shortcut` must be a function that makes a module; got 'identity'"),
        ({"order": "post"}, ValueError, "`order` must be one of article, original, pre-activation; got 'post'"),
        ({"activation": "gelu"}, ValueError, "`activation` must be one of relu, tanh, sigmoid; got 'gelu'"),
        ({"norm": "layer"}, ValueError, "`norm` must be one of none, batch, group; got 'layer'"),
        ({"norm": None}, ValueError, "`norm` must be one of none, batch, group; got None"),
        ({"init": "ones"}, ValueError, "`init` must be one of default, xavier, he, zero; got 'ones'"),
        ({"norm": "group"}, ValueError, "`num_groups` must divide the channels that it normalises, 3; got 4"),
        ({"norm": "group", "num_groups": 0}, ValueError, "`num_groups` must be at least 1; got 0"),
        ({"alpha": float("nan")}, ValueError, "`alpha` must be a finite number; got nan"),
        ({"alpha": 10**400}, ValueError, "`alpha` must be a finite number"),
        ({"alpha": "1"}, TypeError, "`alpha` must be a number; got '1'"),
        ({"alpha": True}, TypeError, "`alpha` must be a number; got True"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0; got -1"),
        ({"seed": 1.5}, TypeError, "`seed` must be an integer; got 1.5"),
        ({"init": "zero", "order": "article"}, ValueError, "`init` must not be 'zero' with `order`='article'"),
    ],
)
def test_residual_block_names_the_wrong_argument(keywords, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ResidualBlock(**{"in_channels": 3, "out_channels": 3, **keywords})


def test_recipe_makes_what_its_options_make_and_an_option_may_differ():
    options = {"order": "original", "norm": "group", "num_groups": 2, "init": "he", "alpha": 0.5}
    one, other = (ResidualBlock(4, 4, seed=SEED, **way) for way in ({"recipe": Recipe(**options)}, options))
    assert same_parameters(one, other) and repr(one) == repr(other) and one.alpha == other.alpha == 0.5
    changed = ResidualBlock(4, 4, recipe=Recipe(**options), norm="batch")
    assert isinstance(changed.branch[1], nn.BatchNorm2d) and changed.alpha == 0.5
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        ResidualBlock(4, 4, colour="red")


def test_branch_larger_than_its_input_is_refused():
    block = ResidualBlock(3, 3, geometries=[ConvGeometry(5)], seed=SEED)
    with pytest.raises(RuntimeError, match=r"Kernel size can't be greater than actual input size"):
        block(torch.rand(1, 3, 4, 4))


def test_shapes_that_cannot_be_reconciled_name_both_sides():
    block = ResidualBlock(3, 3, geometries=PUBLISHED, seed=SEED)
    with pytest.raises(ValueError, match=r"`identity` \(1, 3, 32, 32\) and `residual` \(1, 3, 11, 11\) differ"):
        block(torch.rand(1, 3, 32, 32))


def test_importing_changes_no_global_state():
    script = (
        "import torch; state = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype();"
        "import skiplib.blocks, skiplib.networks, skiplib.training;"
        "assert torch.equal(state[0], torch.get_rng_state());"
        "assert state[1:] == (torch.get_num_threads(), torch.get_default_dtype())"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
