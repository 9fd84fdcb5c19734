"""What a notebook's cell shows: a widget with a static twin, closed when the cell is run again; a bar (layer L3)."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets
from IPython import get_ipython
from IPython.display import display

_displayed: dict[str, tuple[str, list[widgets.Widget]]] = {}  # what each cell displayed in its last run


# What core widgets cannot do, the page does. A key typed on a button or a slider would reach JupyterLab, where "b"
# inserts a cell: only keys that run a cell or leave it pass (where a hub forbids this, the cell is locked). Shift +
# Enter scrolls on to the next cell: what it has run comes back into view. Details wait behind "more" on a low screen.
# And without its kernel a widget says so once, where ipywidgets would mark each of its parts.
_PAGE = (
    "<style>@media (max-height: 600px) {.skiplib-explorer:not(.skiplib-all) .skiplib-details {display: none}}"
    ".skiplib-both {scroll-margin: 48px 0 8px}"
    ".skiplib-cell .jupyter-widgets-disconnected::before {display: none}"
    ".skiplib-cell.jupyter-widgets-disconnected::before {content: 'The kernel was restarted: run this cell again.';"
    " font: bold 1em sans-serif; color: inherit}</style>"
    '<img src="data:," alt="" style="display:none" onerror="'
    "const body = document.body; if (!body.dataset.skiplib) {"  # once for the page: this may not be in its place yet
    " body.dataset.skiplib = 'quiet'; body.addEventListener('keydown', key => {"
    " const leaves = key.ctrlKey || key.metaKey || key.altKey || key.key === 'Escape' ||"
    " (key.shiftKey && key.key === 'Enter');"
    " if (!leaves && key.target.closest('.skiplib-cell')) key.stopPropagation()})}"
    "setTimeout(() => {const all = this.closest('.skiplib-cell');"
    " if (all?.closest('.jp-Cell')?.nextElementSibling?.classList.contains('jp-mod-active'))"
    " (all.querySelector('.skiplib-both') ?? all).scrollIntoView({block: 'nearest'})}, 200)"
    '">'
)


class _Knowing(traitlets.MetaHasTraits):
    """Notes all widgets that one is made of, to close them with it, or at once where a starting value is refused."""

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        made, before = list[widgets.Widget](), widgets.Widget._widget_construction_callback
        widgets.Widget.on_widget_constructed(made.append)
        try:
            whole = super().__call__(*args, **settings)
            whole.made = made
            return whole
        except BaseException:
            for widget in made:
                widgets.Widget.close(widget)
            raise
        finally:
            widgets.Widget.on_widget_constructed(before)


class CellWidget(widgets.VBox, metaclass=_Knowing):  # type: ignore[misc]
    """A widget that stands for itself in a cell; its ``repr`` is its text twin, which nbval compares."""

    def __init__(self, children: Sequence[widgets.Widget]) -> None:
        super().__init__([*children, widgets.HTML(_PAGE, layout={"display": "none"})])
        self.add_class("skiplib-cell")

    def still(self) -> str:
        """HTML for a notebook that has not been run."""
        return f"<p>{escape(repr(self))}</p>"

    def close(self) -> None:
        """Give back all that the widget holds in the kernel and in the page."""
        for widget in getattr(self, "made", ()):  # a refused one was not given them
            widgets.Widget.close(widget)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live widget, and for a notebook that has not been run HTML and a text."""
        close_those_before(self)
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": repr(self), "text/html": self.still()}


def announced(html: str, style: str = "") -> str:
    """HTML that a screen reader says whenever it changes."""
    return f'<div role="status" aria-live="polite" style="{style}">{html}</div>'


def close_those_before(widget: widgets.Widget) -> None:
    """A cell that is run again shows a new widget: close its old ones, which ipywidgets would keep forever."""
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel else {}
    cell, message = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id")
    if not cell:
        return  # not in JupyterLab
    last, shown = _displayed.pop(cell, (message, []))
    if last != message:
        elsewhere = {id(each) for _, others in _displayed.values() for each in others} | {id(widget)}
        for old in shown:
            if id(old) not in elsewhere:
                old.close()
        shown = []
    _displayed[cell] = (message, [*shown, widget])


def progress(items: Iterable[Any], *, total: int, unit: str) -> Iterator[Any]:
    """Give the items, ``total`` of them and each a while in coming, and show a bar that moves by one with each."""
    bar = widgets.IntProgress(0, max=total, layout={"width": "240px"})
    words = widgets.Label(f"0 of {total} {unit}")
    bundle = widgets.HBox([bar, words])._repr_mimebundle_()
    display(bundle | {"text/plain": f"Progress: {total} {unit}"}, raw=True)  # type: ignore[no-untyped-call]
    for item in items:
        bar.value += 1
        words.value = f"{bar.value} of {total} {unit}"
        yield item
