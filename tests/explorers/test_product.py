import pytest

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
