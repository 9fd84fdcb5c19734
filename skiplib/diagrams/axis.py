"""One axis of a convolution as pictures need it: where its windows stand, and what is said of them (layer L2)."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property

from skiplib.arithmetic import ConvGeometry, transposed_output_size
from skiplib.words import counted, minus


class Axis:
    """One axis of a picture: an image size, a window that fits, and what follows from them."""

    place, reading, outside = "output", "reads", "padding"  # what a window is of, what it does there, and around it

    def __init__(self, name: str, size: int, geometry: ConvGeometry) -> None:
        self.name, self.size, self.geometry = name, size, geometry
        self.padding, self.padded = geometry.padding, size + 2 * geometry.padding
        self.windows = [geometry.window(place) for place in range(geometry.output_size(size))]
        self.places, self.leftover = len(self.windows), geometry.leftover(size)
        self.lost = geometry.unread_pixels(size)
        left_over = range(self.padded - self.leftover, self.padded)
        self.unread = sorted({*left_over, *(pixel + self.padding for pixel in self.lost)})  # padded positions to mark

    @cached_property
    def feeds(self) -> list[list[int]]:
        """For every padded position the places whose windows read it."""
        feeds: list[list[int]] = [[] for _ in range(self.padded)]
        for place, window in enumerate(self.windows):
            for tap in window.taps:
                feeds[tap].append(place)
        return feeds

    def reads(self, index: int) -> str:
        """What place ``index`` reads, in image pixels (0 is the first, and a negative one lies in the padding)."""
        pixels = self.geometry.pixels(index)
        outside = sum(not 0 <= pixel < self.size for pixel in pixels)
        note = f" ({'all' if outside == len(pixels) else 'partly'} {self.outside})" if outside else ""
        return f"{self.name} {index} {self.reading} {self.name}s {_few(pixels)}{note}"

    @property
    def extent(self) -> str:
        """The padded size, as a sum if there is padding."""
        return f"{self.size} + 2·{self.padding} = {self.padded}" if self.padding else str(self.size)

    def answers(self, image: float, output: float) -> dict[str, object]:
        """For ``convolution.js``: where the panels begin, what each place reads, what each padded position feeds."""
        sizes = {"places": self.places, "padded": self.padded, "padding": self.padding}
        moves = {"stride": self.geometry.stride, "span": self.geometry.effective_kernel_size}
        reads = [f"{self.place} {self.reads(place)}" for place in range(self.places)]
        return {"input": image, "output": output, **sizes, **moves, "reads": reads, "feeds": self.feeds}


class Spread(Axis):
    """One axis of a transposed convolution: the convolution with the same numbers, from its output to its image.

    Each input stands where a window does, and reaches every position that this would read. ``size`` is that of the
    output, if ``transposed_output_size`` knows one; padding is what is cropped before and after it.
    """

    place, reading, outside = "input", "reaches output", "cropped"

    def __init__(self, name: str, inputs: int, geometry: ConvGeometry, output_padding: int = 0) -> None:
        size = transposed_output_size(inputs, **asdict(geometry), output_padding=output_padding)
        super().__init__(name, size, geometry)
        self.places, self.added = inputs, output_padding
        self.windows = self.windows[:inputs]  # in what output_padding adds a convolution may find room for more
        self.padded -= min(output_padding, self.padding)  # so much less is cropped at the end

    @property
    def extent(self) -> str:
        """The size, as a sum if something is cropped or added."""
        crop, added = f" − 2·{self.padding}" * bool(self.padding), f" + {self.added}" * bool(self.added)
        return f"{self.windows[-1].last + 1}{crop}{added} = {self.size}" if crop or added else str(self.size)

    @property
    def counts(self) -> list[int]:
        """How many inputs reach each output."""
        return [len(self.sources(pixel)) for pixel in range(self.size)]

    @property
    def inner_counts(self) -> set[int]:
        """The same far from the borders: several where the stride does not divide the kernel size, a checkerboard.

        (Odena, Dumoulin and Olah, 2016, Distill, doi 10.23915/distill.00003.)
        """
        taps, stride = range(0, self.geometry.effective_kernel_size, self.geometry.dilation), self.geometry.stride
        return {sum(tap % stride == phase for tap in taps) for phase in range(stride)}

    def sources(self, pixel: int) -> list[int]:
        """The inputs that reach an output pixel."""
        return self.feeds[pixel + self.padding]

    def reached(self, pixel: int) -> str:
        """The same in words, and through which rows or columns of the kernel."""
        sources = self.sources(pixel)
        taps = [self.windows[place].taps.index(pixel + self.padding) for place in sources]
        names = self.name + "s" * (len(sources) > 1)
        note = "" if 0 <= pixel < self.size else f" ({self.outside})"
        ways = f"input {names} {_few(sources)} through kernel {names} {_few(taps)}" if sources else "no input"
        return minus(f"output {self.name} {pixel}{note} is reached by {ways}")

    def answers(self, image: float, output: float) -> dict[str, object]:
        """The same, and what is said of every position: it is an output here."""
        reached = [self.reached(position - self.padding) for position in range(self.padded)]
        return super().answers(image, output) | {"reached": reached, "size": self.size}


def unread_pixels(rows: Axis, columns: Axis) -> tuple[int, int]:
    """How many pixels no window reads, of how many; a pixel is read in a row and in a column that are read."""
    pixels = rows.size * columns.size
    return pixels - (rows.size - len(rows.lost)) * (columns.size - len(columns.lost)), pixels


def in_words(rows: Spread, columns: Spread) -> str:
    """How many inputs reach an output pixel, what ``output_padding`` adds, and whether any input reaches that.

    >>> in_words(Spread("row", 6, ConvGeometry(3, 2, 1), 1), Spread("column", 6, ConvGeometry(3, 2)))
    'An output pixel is reached by 1 to 4 inputs. output_padding adds 1 row at the end: computed like the others.'
    """
    least, most = (end(rows.counts) * end(columns.counts) for end in (min, max))
    few = f"{least} to " if least < most else ""
    reach = f"An output pixel is reached by {few}{counted(most, 'input')}."
    what = " and ".join(counted(axis.added, axis.name) for axis in (rows, columns) if axis.added)
    if not what:
        return reach
    lines = [count for axis in (rows, columns) for count in axis.counts[axis.size - axis.added :]]
    which = f"{lines.count(0)} of them" if any(lines) else "them"
    but = f", but no input reaches {which}: bias alone" if 0 in lines else ""
    return f"{reach} output_padding adds {what} at the end: computed like the others{but}."


def _few(numbers: Sequence[int]) -> str:
    shown = numbers if len(numbers) <= 4 else [*numbers[:2], "…", numbers[-1]]
    return minus(", ".join(map(str, shown)))
