"""Kernels with names, and the sums that a convolution makes of an image, in plain numbers (layer L0)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from skiplib.arithmetic import ConvGeometry, checked_word
from skiplib.words import minus

Grid = Sequence[Sequence[float]]  # rows of numbers, all of one length
LARGEST = 1e9  # of a pixel or a weight: their sums stay exact
KERNELS = {
    "edge": "the right of the window minus its left",
    "blur": "the mean of the window",
    "sharpen": "the middle pixel, once for every weight, minus all the others",
    "identity": "the middle pixel alone",
    "random": "any weights, as before training",
}


def named_weights(name: str, height: int, width: int) -> list[list[float]]:
    """The weights of a kernel of ``KERNELS`` in any size; the middle of an even size is the first of its two.

    >>> named_weights("edge", 3, 3)[0], named_weights("sharpen", 3, 3)[1], named_weights("identity", 1, 2)
    ([-1, 0, 1], [-1, 9, -1], [[1, 0]])
    """
    checked_word("kernel", name, KERNELS)
    numbers, middle = random.Random(172), ((height - 1) // 2, (width - 1) // 2)
    rules: dict[str, Callable[[int, int], float]] = {
        "edge": lambda row, column: (2 * column > width - 1) - (2 * column < width - 1),
        "blur": lambda row, column: 1 / (height * width),
        "sharpen": lambda row, column: height * width if (row, column) == middle else -1,
        "identity": lambda row, column: int((row, column) == middle),
        "random": lambda row, column: round(2 * numbers.random() - 1, 1) + 0.0,  # which makes 0.0 of -0.0
    }
    return [[rules[name](row, column) for column in range(width)] for row in range(height)]


@dataclass(frozen=True)
class Convolution:
    """An image, the weights of one kernel, and what they make; padding is zeros, and there is no bias.

    >>> Convolution([[1, 2, 4]], [[-1, 1]], (ConvGeometry(1), ConvGeometry(2))).output
    [[1, 2]]
    """

    image: Grid
    weights: Grid
    geometries: tuple[ConvGeometry, ConvGeometry]  # vertical and horizontal

    @cached_property
    def products(self) -> list[list[list[tuple[float, float]]]]:
        """For every output pixel all pixels that it reads, row by row, each with its weight."""
        (down, across), height, width = self.geometries, len(self.image), len(self.image[0])
        rows = [down.pixels(place) for place in range(down.output_size(height))]
        columns = [across.pixels(place) for place in range(across.output_size(width))]

        def read(ys: range, xs: range) -> list[tuple[float, float]]:
            return [
                (self.image[y][x] if 0 <= y < height and 0 <= x < width else 0, weight)
                for y, weights in zip(ys, self.weights, strict=True)
                for x, weight in zip(xs, weights, strict=True)
            ]

        return [[read(ys, xs) for xs in columns] for ys in rows]

    @cached_property
    def output(self) -> list[list[float]]:
        """Every output pixel: the sum of its products."""
        return [[sum(pixel * weight for pixel, weight in terms) for terms in row] for row in self.products]

    def written(self, row: int, column: int) -> str:
        """The sum of an output pixel, written out; above 9 products it is shortened, and ≈ says that it is rounded.

        >>> Convolution([[1, 2, 4]], [[-1, 1]], (ConvGeometry(1), ConvGeometry(2))).written(0, 1)
        '2·(−1) + 4·1 = 2'
        """
        products, value = self.products[row][column], self.output[row][column]
        shown = products if len(products) <= 9 else [*products[:4], *products[-1:]]
        terms = ["·".join(f"({short(n)})" if n < 0 else short(n) for n in product) for product in shown]
        if len(products) > 9:
            terms.insert(4, "…")
        exact = all(round(n, 2) == round(n, 9) for product in shown for n in (*product, value))
        return f"{' + '.join(terms)} {'=' if exact else '≈'} {short(value)}"


def short(value: float, decimals: int = 2) -> str:
    """A number with at most so many decimals.

    >>> short(-1 / 3), short(12), short(-0.001), short(103.456, 1)
    ('−0.33', '12', '0', '103.5')
    """
    return minus(f"{round(value, decimals) + 0.0:.10g}")


def checked_grid(name: str, numbers: Any, *, most: int) -> list[list[float]]:
    """Rows of numbers out of nested lists, an array or a tensor; leading sizes of 1 (images, channels) fall away.

    At most ``most`` by ``most``, or a ``ValueError``; a ``TypeError`` for what is no number.

    >>> checked_grid("image", [[[0, 1], [2, 3]]], most=16)
    [[0, 1], [2, 3]]
    """
    grid = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    try:
        while len(grid) == 1 and grid[0] and isinstance(grid[0][0], list | tuple):
            grid = grid[0]
        numbers = [number for row in grid for number in row]
    except (TypeError, LookupError):
        numbers = [None]  # no rows, which is no number either
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise TypeError(f"`{name}` must be rows of numbers, such as [[0, 1], [2, 3]]; got {type(grid).__name__}")
    sizes = {len(row) for row in grid}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"`{name}` must have rows of one length; got rows of {sorted(sizes)}")
    outside = [number for number in numbers if not -LARGEST <= number <= LARGEST]  # nan, too
    if outside:
        raise ValueError(f"`{name}` must hold numbers from −{LARGEST:g} to {LARGEST:g}; got {str(outside[0])[:12]}")
    if max(len(grid), *sizes) > most:
        raise ValueError(f"`{name}` must have at most {most} rows and columns; got {len(grid)} by {max(sizes)}")
    return [list(row) for row in grid]
