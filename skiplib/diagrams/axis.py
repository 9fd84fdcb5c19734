"""One axis of a convolution as pictures need it: where its windows stand, and what is said of them (layer L2)."""

from skiplib.arithmetic import ConvGeometry
from skiplib.words import minus


class Axis:
    """One axis of a picture: an image size, a window that fits, and what follows from them."""

    def __init__(self, name: str, size: int, geometry: ConvGeometry) -> None:
        self.name, self.size, self.geometry = name, size, geometry
        self.padding, self.padded = geometry.padding, size + 2 * geometry.padding
        self.windows = [geometry.window(place) for place in range(geometry.output_size(size))]
        self.places, self.leftover = len(self.windows), geometry.leftover(size)
        self.lost = geometry.unread_pixels(size)
        left_over = range(self.padded - self.leftover, self.padded)
        self.unread = sorted({*left_over, *(pixel + self.padding for pixel in self.lost)})  # padded positions to mark

    def reads(self, index: int) -> str:
        """What output ``index`` reads, in image pixels (0 is the first, and a negative one lies in the padding)."""
        taps = [tap - self.padding for tap in self.windows[index].taps]
        shown = taps if len(taps) <= 4 else [*taps[:2], "…", taps[-1]]
        outside = sum(not 0 <= tap < self.size for tap in taps)
        note = "" if not outside else " (all padding)" if outside == len(taps) else " (partly padding)"
        return f"{self.name} {index} reads {self.name}s {minus(', '.join(map(str, shown)))}{note}"

    def in_image(self, position: int) -> bool:
        """Whether a position of the padded axis is a pixel of the image."""
        return 0 <= position - self.padding < self.size

    def answers(self, image: float, output: float) -> dict[str, object]:
        """For ``convolution.js``: where the panels begin, what each place reads, what each padded position feeds."""
        feeds: list[list[int]] = [[] for _ in range(self.padded)]
        for place, window in enumerate(self.windows):
            for tap in window.taps:
                feeds[tap].append(place)
        reads = [f"output {self.reads(place)}" for place in range(self.places)]
        sizes = {"places": self.places, "padded": self.padded, "padding": self.padding}
        moves = {"stride": self.geometry.stride, "span": self.geometry.effective_kernel_size}
        return {"input": image, "output": output, **sizes, **moves, "reads": reads, "feeds": feeds}
