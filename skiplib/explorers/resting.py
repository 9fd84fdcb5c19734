"""An explorer with a ghost of where it last rested, which may draw less while it moves (layer L3)."""

import asyncio
from contextlib import suppress
from typing import Any

from skiplib.explorers.base import Explorer, View

_REST, _BREATH = 0.3, 0.01  # seconds: without a move until it rests; for moves that wait, between parts of the whole


class RestingExplorer(Explorer):
    """While a control moves, the ghost stays where the explorer last rested: in a script after every move.

    Attributes:
        moving: whether a sketch is enough for the next view; only where ``sketches``.
        drawn: what the last view drew, for the ghost of later ones; a view sets it.
        ghost: what was drawn when the explorer last rested; None at the beginning.
    """

    sketches = False
    moving = False
    drawn: Any = None
    ghost: Any = None
    _timer: asyncio.TimerHandle | None = None

    def prepared(self) -> bool:
        """Compute a part of the next whole view; whether that was the last part."""
        return True

    def rest(self) -> None:
        """Show the whole picture, if the last one is only a sketch."""
        with self._turn:
            self._stop()
            if self.moving:
                self.moving = False
                super()._redraw(None)

    def close(self) -> None:
        """Give back all that the explorer holds."""
        self._stop()
        super().close()

    def still(self) -> str:
        """What is stored is always whole."""
        self.rest()
        return super().still()

    def __repr__(self) -> str:
        self.rest()
        return super().__repr__()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def _redraw(self, change: object) -> None:
        if not self._timer:
            self.ghost = self.drawn
        self._stop()
        self.moving = False
        if change:
            with suppress(RuntimeError):
                self._timer = asyncio.get_running_loop().call_later(_REST, self._come_to_rest)
                self.moving = self.sketches
        super()._redraw(change)

    def _come_to_rest(self) -> None:
        with self._turn:
            if self.moving and isinstance(self.shown, View) and not self.prepared():
                self._timer = asyncio.get_running_loop().call_later(_BREATH, self._come_to_rest)
            else:
                self.rest()
