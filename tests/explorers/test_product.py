import asyncio

import pytest

from explorers.moving import comes_to_rest
from skiplib.explorers.product import ProductExplorer


def test_products_are_those_of_pencil_and_paper():
    explorer = ProductExplorer(q=0.5, alpha=0.2, blocks=10)
    assert explorer.status == "After 10 blocks: plain 1e-3, skip 1."  # 0.5^10 = 0.00098, 1.01^5 = 1.05
    assert "√(1 + 0.2²·0.5²) = 1 (skip)" in explorer._details.value


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"q": "1"}, TypeError, "`q` must be a number; got '1'"),
        ({"blocks": 0}, ValueError, "`blocks` must lie between 1"),
    ],
)
def test_bad_starting_value_is_named(settings, error, message):
    with pytest.raises(error, match=message):
        ProductExplorer(**settings)


def test_ghost_is_the_setting_before_and_a_fresh_explorer_has_none():
    explorer = ProductExplorer(q=0.5, blocks=3)
    assert explorer.ghost is None and 'class="ghost"' not in explorer._picture.value
    before = explorer.drawn
    explorer.controls["blocks"].value = 10
    assert explorer.ghost is before and explorer._picture.value.count('class="ghost"') == 2
    assert explorer.drawn["plain"] == [[0.5**n for n in range(11)]]


def test_ghost_stays_while_a_control_moves():
    async def drag():
        explorer = ProductExplorer(q=0.5, blocks=3)
        before = explorer.drawn
        for blocks in (4, 5):
            explorer.controls["blocks"].value = blocks
            assert explorer.ghost is before and not explorer.moving
        await comes_to_rest(explorer)
        last = explorer.drawn
        explorer.controls["blocks"].value = 6
        assert explorer.ghost is last

    asyncio.run(drag())
