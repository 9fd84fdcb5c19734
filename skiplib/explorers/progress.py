"""A progress bar for cells that take a while (layer L3)."""

from collections.abc import Iterable, Iterator
from typing import Any

import ipywidgets as widgets
from IPython.display import display


class Progress(widgets.HBox):  # type: ignore[misc]
    """A bar that moves by one with every item that is taken from it.

    Args:
        items: what takes time to come.
        total: how many there will be.
        unit: what they are, in the plural.

    >>> [bar] = [Progress(range(3), total=3, unit="networks")]
    >>> bar
    Progress: 3 networks
    """

    def __init__(self, items: Iterable[Any], *, total: int, unit: str) -> None:
        self._items, self._name = items, f"Progress: {total} {unit}"
        self.bar = widgets.IntProgress(0, max=total, layout={"width": "240px"})
        self.words = widgets.Label(f"0 of {total} {unit}")
        self._unit = unit
        super().__init__([self.bar, self.words])

    def __iter__(self) -> Iterator[Any]:
        """Show the bar, and give the items."""
        display(self)  # type: ignore[no-untyped-call]
        for item in self._items:
            self.bar.value += 1
            self.words.value = f"{self.bar.value} of {self.bar.max} {self._unit}"
            yield item

    def __repr__(self) -> str:
        return self._name

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/plain": self._name}
