"""What every SVG diagram shares: the finished picture, its colours, and its button (layer L2).

The colours are Okabe and Ito's, safe for colour-blind readers; no meaning hangs on colour alone. Text and lines
take JupyterLab's own theme colours where the page defines them, so a diagram reads on a light and a dark page.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

INK = "var(--jp-ui-font-color1,#212121)"
PAPER = "var(--jp-layout-color0,#fff)"
FAINT = "var(--jp-ui-font-color2,#616161)"
IMAGE, OUTPUT, WINDOW = "#56B4E9", "#009E73", "#E69F00"
COLOURS = {"plain": "#D55E00", "skip": "#0072B2"}
VERDICTS = {"equal": OUTPUT, "broadcast": WINDOW, "error": "#D55E00", "unknown": PAPER}  # what becomes of an add
SIGNS = {"equal": "=", "broadcast": "~", "error": "✗", "unknown": "?"}  # so that colour never stands alone
Rules = Mapping[str, str]  # CSS: selector to declarations
_RULES = {
    "text": f"fill:{INK};font:13px system-ui,sans-serif",
    ".on": "fill:#212121",
    ".b": "font-weight:600",
    ".m": "text-anchor:middle",
    ".e": "text-anchor:end",
    ".image": f"fill:{IMAGE}",
    ".output": f"fill:{OUTPUT}",
    ".window": f"fill:{WINDOW}",
    ".padding": f"fill:{IMAGE};fill-opacity:.13;stroke:{FAINT};stroke-dasharray:3 2",
    ".grid": f"fill:none;stroke:{INK};stroke-opacity:.3",
    **{f".{verdict}": f"fill:{colour}" for verdict, colour in VERDICTS.items()},
    ".unread": f"fill:{PAPER};fill-opacity:.75",
    ".strike": f"fill:none;stroke:{INK};stroke-width:1.5;stroke-dasharray:5 3",
    ".line": f"fill:none;stroke:{INK};stroke-width:2",
}
_PLAY = (
    "<style>.skiplib.waiting *{animation:none!important}"
    "@media (prefers-reduced-motion:reduce){.skiplib .play{display:none}}</style>"
)
_AGAIN = (
    "const all=this.closest('svg').classList;all.add('waiting');this.getBoundingClientRect();"
    "all.replace('waiting','playing')"
)


@dataclass(frozen=True)
class Picture:
    """An SVG picture and the sentence that says the same in words.

    A notebook stores it as an ``<img>``, which also appears where nothing has been run yet; a plain-text reader and
    a screen reader get ``alt``.
    """

    svg: str
    alt: str
    width: float
    height: float
    hover: str = ""  # markup that only the live form has: what meets the mouse, and inline JavaScript

    @property
    def live(self) -> str:
        """The inline SVG that answers the mouse, without asking the kernel."""
        return self.svg.removesuffix("</svg>") + self.hover + "</svg>"

    def to_html(self) -> str:
        """The picture as an ``<img>`` on white, for places that allow no inline SVG."""
        return stored_image(self.alt, "image/svg+xml", self.svg.encode())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.alt, "text/html": self.to_html()}


def data_url(kind: str, data: bytes) -> str:
    """A file of this media type as an address that holds all of it."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def stored_image(alt: str, kind: str, data: bytes) -> str:
    """A file as an ``<img>`` on white, as high as half the screen at most."""
    style = "background:#fff;max-width:100%;max-height:52vh"
    return f'<img alt="{escape(alt)}" src="{data_url(kind, data)}" style="{style}">'


def room(ratio: float) -> str:
    """CSS for a live picture of this width to height: as wide as its place, and never higher than half the screen."""
    return f"max-width:min(100%,calc({ratio:.3f}*52vh));height:auto"


def make_picture(
    width: float, height: float, parts: Iterable[str], *, alt: str, rules: Rules | None = None, hover: str = ""
) -> Picture:
    """Close the parts into one SVG of ``width`` x ``height`` pixels that shrinks with its column.

    ``rules`` come on top of what all diagrams share; ``hover`` is that of the picture.
    """
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="skiplib" role="img" aria-label="{escape(alt)}" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'style="{room(width / height)}">{style(_RULES | dict(rules or {}))}{"".join(parts)}</svg>'
    )
    return Picture(svg, alt, width, height, hover)


def stack_pictures(pictures: Sequence[Picture], *, gap: float = 8) -> Picture:
    """Pictures under one another as one; its alt text is theirs, in order."""
    parts, hover, y = [], "", 0.0
    for picture in pictures:
        parts.append(picture.svg.replace("<svg ", f'<svg y="{y:g}" ', 1))
        hover += f'<g transform="translate(0 {y:g})">{picture.hover}</g>' if picture.hover else ""
        y += picture.height + gap
    alt = " ".join(picture.alt for picture in pictures)
    return make_picture(max(picture.width for picture in pictures), y - gap, parts, alt=alt, hover=hover)


def style(rules: Rules) -> str:
    """CSS for our pictures alone: a style sheet reaches all of the page."""
    return f"<style>{''.join(f'.skiplib {selector}{{{rule}}}' for selector, rule in rules.items())}</style>"


def play_button(x: float, y: float, tooltip: str, words: str = "▶ Play") -> str:
    """A button of 64 x 24 pixels, for the live form: what a style sheet moves where ``.playing`` is begins anew."""
    return (
        f'{_PLAY}<foreignObject class="play" x="{x:g}" y="{y:g}" width="64" height="24">'
        f'<button xmlns="http://www.w3.org/1999/xhtml" title="{escape(tooltip)}" onclick="{_AGAIN}" '
        f'style="width:100%;font:12px sans-serif;color:{INK};background:{PAPER};border:1px solid">{words}</button>'
        "</foreignObject>"
    )


def set_size(control: str) -> str:
    """JavaScript for a click on what has ``data-size``: that number goes into a control of the explorer around it.

    Its number box is the only way from a picture to the kernel.
    """
    return (
        f"const box=this.closest('.skiplib-explorer')?.querySelector('.skiplib-{control} input');"
        "if(box){box.value=event.target.dataset.size;box.dispatchEvent(new Event('change',{bubbles:true}))}"
    )
