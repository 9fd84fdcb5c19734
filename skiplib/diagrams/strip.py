"""One axis as a strip of pixels, with every window drawn under it (layer L2)."""

from collections.abc import Iterator, Sequence

from skiplib.arithmetic import ConvGeometry, Window
from skiplib.diagrams.axis import Axis
from skiplib.diagrams.marks import cells, legend, path, strike, strip, text
from skiplib.diagrams.svg import Picture, make_picture
from skiplib.words import counted

_LEFT, _TOP = 24, 30  # a margin; room for the title
_PITCH, _TALL = 24, 16  # from one window to the next, and how tall each is
_LONGEST, _WIDEST = 720, 36  # of the strip, and of a pixel
_READABLE = 22  # narrower pixels go without their numbers
_MOST = 12  # windows that are drawn; the title counts them all


def draw_strip(input_size: int, geometry: ConvGeometry) -> Picture:
    """One axis as a strip of numbered pixels, and under it the first places where the window can stand.

    >>> draw_strip(7, ConvGeometry(kernel_size=3)).alt
    'A strip of 7 pixels. A window that spans 3 stands at 5 places, starting at 0, 1, 2, 3, 4. 0 positions left over.'
    """
    axis, padding = Axis("pixel", input_size, geometry), geometry.padding
    cell = min(_WIDEST, _LONGEST / axis.padded)
    image_left, right, below = _LEFT + padding * cell, _LEFT + axis.padded * cell, _TOP + cell + 12
    struck = strike([(_LEFT + place * cell, _TOP, cell, cell) for place in axis.unread])
    places = counted(axis.places, "place")
    title = counted(input_size, "pixel") + (f", padding {padding} on each side" if padding else "")
    shown = axis.windows[:_MOST]
    bottom = below + len(shown) * _PITCH
    parts = [
        text(_LEFT, 16, f"{title}; the window stands at {places}", "b"),
        strip(image_left, _TOP, input_size, cell, cell, (padding, padding), struck),
    ]
    for pixel in range(input_size if cell >= _READABLE else 0):
        parts.append(text(image_left + (pixel + 0.5) * cell, _TOP + cell / 2 + 5, pixel, "m on"))
    parts += _windows(shown, below, right, cell)
    if axis.places > _MOST:
        parts.append(text(_LEFT, bottom + 14, f"… and {axis.places - _MOST} more"))
        bottom += _PITCH
    kinds = {kind: kind for kind in ("image", "padding", "window") if padding or kind != "padding"}
    parts.append(legend(_LEFT, bottom + 20, kinds, unread=bool(axis.unread)))
    starts = ", ".join(str(window.first - padding) for window in shown)
    starts += " and so on" * (axis.places > _MOST)
    alt = f"A strip of {title}. A window that spans {geometry.effective_kernel_size} stands at {places}, starting at "
    alt += f"{starts}. {counted(axis.leftover, 'position')} left over."
    return make_picture(max(right + 90, 560), bottom + 32, parts, alt=alt)


def _windows(shown: Sequence[Window], y: float, right: float, cell: float) -> Iterator[str]:
    """Under one another: a line over all that a window spans, its taps on it, and which place it is."""
    for place, window in enumerate(shown):
        taps = [(_LEFT + tap * cell + 1, y) for tap in window.taps]
        length = (window.last - window.first + 1) * cell - 2
        if len(taps) <= window.last - window.first:  # between taps that touch it would show as crumbs
            yield path("line", f"M{_LEFT + window.first * cell + 1:g} {y + _TALL / 2:g}h{length:g}")
        yield cells(taps, cell - 2, "window", height=_TALL)
        yield text(right + 14, y + 13, f"place {place}")
        y += _PITCH
