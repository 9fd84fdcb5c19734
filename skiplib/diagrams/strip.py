"""One axis as a strip of pixels, with every window drawn under it (layer L2)."""

from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.convolution import Axis
from skiplib.diagrams.svg import Picture, cells, grid, legend, make_picture, rect, strike, text

_LEFT, _TOP, _PITCH = 24, 30, 24


def draw_strip(input_size: int, geometry: ConvGeometry, *, rows: int = 12) -> Picture:
    """One axis as a strip of numbered pixels, and under it every place where the window can stand.

    At most ``rows`` windows are drawn; the title counts them all.

    Raises:
        ValueError: if the window does not fit.

    >>> draw_strip(7, ConvGeometry(kernel_size=3)).alt
    'A strip of 7 pixels. A window that spans 3 stands at 5 places, starting at 0, 1, 2, 3, 4. 0 positions left over.'
    """
    axis = Axis("pixel", input_size, geometry, geometry.output_size(input_size))
    padding, span = geometry.padding, geometry.effective_kernel_size
    cell = min(36, 720 / axis.padded)
    image_left = _LEFT + padding * cell
    below = _TOP + cell + 12
    title = f"{input_size} pixels" + (f", padding {padding} on each side" if padding else "")
    parts = [
        text(_LEFT, 16, f"{title}; the window stands at {axis.places} places", "b"),
        rect(_LEFT, _TOP, axis.padded * cell, cell, "padding"),
        rect(image_left, _TOP, input_size * cell, cell, "image"),
        strike([(_LEFT + place * cell, _TOP, cell, cell) for place in axis.unread]),
        grid(_LEFT, _TOP, axis.padded, 1, cell),
    ]
    if cell >= 22:
        middles = ((pixel, image_left + (pixel + 0.5) * cell) for pixel in range(input_size))
        parts += [text(x, _TOP + cell / 2 + 5, pixel, "m on") for pixel, x in middles]
    shown = range(min(axis.places, rows))
    for place in shown:
        window, y = geometry.window(place), below + place * _PITCH
        taps = [(_LEFT + tap * cell + 1, y) for tap in window.taps]
        parts.append(f'<path class="line" d="M{_LEFT + window.first * cell + 1:g} {y + 8:g}h{span * cell - 2:g}"/>')
        parts.append(cells(taps, cell - 2, "window", height=16))
        parts.append(text(_LEFT + axis.padded * cell + 14, y + 13, f"place {place}"))
    bottom = below + len(shown) * _PITCH
    if axis.places > rows:
        parts.append(text(_LEFT, bottom + 14, f"… and {axis.places - rows} more"))
        bottom += _PITCH
    parts.append(legend(_LEFT, bottom + 20, unread=bool(axis.unread), output=False))
    starts = [str(geometry.window(place).first - padding) for place in shown]
    alt = (
        f"A strip of {title}. A window that spans {span} stands at {axis.places} places, starting at "
        f"{', '.join(starts)}{' and so on' if axis.places > rows else ''}. "
        f"{geometry.leftover(input_size)} positions left over."
    )
    return make_picture(max(_LEFT + axis.padded * cell + 90, 560), bottom + 32, parts, alt=alt)
