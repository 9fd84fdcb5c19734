"""The pictures of lesson 05: paths, and networks that are taken apart."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from math import comb

import pytest

from skiplib.diagrams.lesions import Lesions, lesions_picture
from skiplib.diagrams.pairs import layers_picture
from skiplib.diagrams.paths import paths_picture

COUNTS = [comb(24, length) for length in range(25)]
PLAIN = Lesions("plain", (1, 3, 2), (3,), (0.5, 0.0, -0.02), 0.9, 0.12, 0.2)
SKIP = Lesions("skip", (1, 3, 2), (3,), (0.1, 0.01, 0.004), 0.9, 0.88, 0.91)


def bars(svg, name):
    return [
        float(tall) for tall in re.findall(r"v-([\d.]+)h11", re.search(f'class="{name}" d="([^"]*)"', svg).group(1))
    ]


def test_bars_are_relative_to_the_largest_of_their_kind():
    picture = paths_picture([1, 2, 1], [8, 4, 0], (1, 1 / 3))
    assert bars(picture.svg, "many") == [95, 190, 95] and bars(picture.svg, "carried") == [190, 95, 0]
    assert picture.alt == "Paths through 2 blocks pass 1.0 branches on average, the gradient passes 0.3 branches."
    assert "paths: 1.0 on average" in picture.svg and "gradient: 0.3 on average" in picture.svg


def test_axis_stays_put_while_blocks_come_and_go():
    def places(counts):
        return re.findall(r"M(\d+) \d+v", paths_picture(counts, counts, (1, 1)).svg)[: len(counts)]

    assert places(COUNTS)[:3] == places([1, 2, 1])
    assert float(places(COUNTS)[-1]) < 710


def test_lesions_are_shown_and_said():
    picture = lesions_picture([PLAIN, SKIP])
    assert picture.alt == (
        "Networks as rows of blocks. Of the test digits they read: plain 12% (intact 90%), skip 88% (intact 90%)."
    )
    texts = re.findall(">([^<>]+)</text>", picture.svg)
    assert texts[:12] == ["plain", "1", "✗", "2", "alone it", "costs", "−50", "+2", "0", "12% of test digits", *(
        "−78 points; was 90%", "20% of training digits"
    )]  # fmt: skip
    assert picture.svg.count('class="arc"') == 3  # of the skip network alone
    assert picture.svg.count('class="unit moved off bridged"') == 1 == picture.svg.count('class="unit moved off"')


def test_network_that_is_not_trained_has_no_bars():
    picture = lesions_picture([Lesions("skip", (1, 2), ())])
    assert picture.alt.endswith("they read: skip not trained.") and 'class="bar"' not in picture.svg


def test_layers_are_named_where_their_gradient_ends():
    curves = {"plain": [1e-9, 1e-4, 2.0], "skip": [6.0, 4.0, 2.0], "pre-norm": [4, 2, 2], "post-norm": [900, 2, 2]}
    picture = layers_picture(curves)
    assert picture.alt == (
        "Gradient of 2 layers, from the last to the input: "
        "plain vanishes, skip holds, pre-norm holds, post-norm explodes."
    )
    names = re.findall(r'<text x="[^"]*" y="([^"]*)" class="b of-([^ "]*) e">([^<]*)<', picture.svg)
    assert {name for _, name, shown in names if name == shown} == set(curves)
    heights = sorted(float(y) for y, _, _ in names)
    assert all(below - above >= 16 for above, below in pairwise(heights))


@pytest.mark.parametrize(
    "picture",
    [
        paths_picture(COUNTS, COUNTS, (12, 12), ghost=[1, 2, 1]),
        lesions_picture([PLAIN, SKIP]),
        layers_picture({"pre-norm": [1, 2]}),
    ],
)
def test_every_picture_is_xml_named_by_its_alt_in_colours_of_its_page(picture):
    for svg in (picture.svg, picture.live):
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img" and root.get("aria-label") == picture.alt
    assert "var(--jp-ui-font-color1" in picture.svg and "<title>" not in picture.svg
