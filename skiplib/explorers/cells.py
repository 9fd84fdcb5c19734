"""What a notebook's cell needs: widgets of its earlier run closed, and a bar while it runs (layer L3)."""

from collections.abc import Iterable, Iterator
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display

_displayed: dict[str, tuple[str, list[widgets.Widget]]] = {}  # what each cell displayed in its last run


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
