import gc
import inspect
import random
import re
import tracemalloc
from itertools import combinations, product
from threading import Event, Thread
from time import sleep

import ipywidgets
import numpy as np
import pytest
from ipywidgets import Widget
from torch import nn

from explorers.moving import alive, assert_same_as_fresh, ends, move_anywhere, shown
from skiplib.arithmetic import ConvGeometry
from skiplib.diagrams.strip import draw_strip
from skiplib.explorers.asking import ask, predictions
from skiplib.explorers.base import Explorer, View
from skiplib.explorers.chain import ChainExplorer
from skiplib.explorers.controls import Control
from skiplib.explorers.convolution import ConvExplorer
from skiplib.explorers.digits import DigitsExplorer
from skiplib.explorers.fates import FatesExplorer
from skiplib.explorers.gradient import GradientExplorer
from skiplib.explorers.lesions import LesionExplorer
from skiplib.explorers.paths import PathExplorer
from skiplib.explorers.product import ProductExplorer
from skiplib.explorers.residual import ResidualExplorer
from skiplib.explorers.spectrum import SpectrumExplorer
from skiplib.explorers.trace import TraceExplorer
from skiplib.explorers.training import TrainingExplorer
from skiplib.explorers.transposed import TransposedExplorer

ALL = [
    ConvExplorer,
    TransposedExplorer,
    ChainExplorer,
    ResidualExplorer,
    TraceExplorer,
    DigitsExplorer,
    GradientExplorer,
    SpectrumExplorer,
    ProductExplorer,
    PathExplorer,
    LesionExplorer,
    TrainingExplorer,
    FatesExplorer,
]
EVERY = [ConvExplorer, TransposedExplorer, ChainExplorer, ResidualExplorer]
SMALL = {
    DigitsExplorer: {"depth": 6},
    GradientExplorer: {"depth": 6, "seeds": 2, "channels": 4},
    ProductExplorer: {"blocks": 3},
    SpectrumExplorer: {"blocks": 2},
    TrainingExplorer: {"depth": 4},
}


@pytest.mark.parametrize("make", EVERY)
def test_every_pair_of_controls_at_its_ends_equals_a_fresh_explorer(make):
    explorer = make()
    for one, two in combinations(explorer.controls, 2):
        for which_one, which_two in product((0, 1), repeat=2):
            explorer.controls[one].value = ends(explorer.controls[one])[which_one]
            explorer.controls[two].value = ends(explorer.controls[two])[which_two]
        assert_same_as_fresh(explorer)


@pytest.mark.parametrize("make", EVERY)
def test_500_random_moves_never_raise_and_keep_memory_flat(make):
    rng = random.Random(172)
    explorer = make()

    def move(times):
        for _ in range(times):
            move_anywhere(explorer.controls[rng.choice(list(explorer.controls))], rng)
        gc.collect()

    tracemalloc.start()
    move(100)
    before = tracemalloc.get_traced_memory()[0]
    move(400)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000
    assert_same_as_fresh(explorer)


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_refused_starting_value_leaves_no_widgets_alive(make):
    needed = {TraceExplorer: {"model": nn.ReLU(), "input_size": (1, 1, 4, 4)}, FatesExplorer: {"question": "03.he"}}
    names = ["question"] if make is FatesExplorer else [*inspect.signature(make).parameters, "nonsense"]
    for name in names:
        before = alive()
        with pytest.raises((TypeError, ValueError)):
            make(**needed.get(make, {}) | {name: object()})
        assert alive() == before, name


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (ConvExplorer, {"input_size": 5, "output_index": 48}),
        (ConvExplorer, {"image": [[1, 2], [3, 4]], "kernel_size": 2, "output_index": 1}),
        (TransposedExplorer, {"stride": 2, "dilation": 1, "output_padding": 2}),
        (ChainExplorer, {"output_index": 11}),
        (ResidualExplorer, {"output_index": 11}),
        (ResidualExplorer, {"kind": "identity", "geometry": ConvGeometry(3)}),
        (GradientExplorer, {"depth": 101}),
        (TrainingExplorer, {"lr": 2}),
        (LesionExplorer, {"off": [10]}),
        (TraceExplorer, {"model": nn.Linear(2, 2), "input_size": (1, 2)}),
        (ask, {"question": "01.nothing"}),
        (predictions, {"lesson": "99"}),
    ],
)
def test_value_that_is_refused_late_leaves_no_widgets_alive(make, settings):
    before = alive()
    with pytest.raises(ValueError, match="`"):
        make(**settings)
    assert alive() == before


def test_widget_that_others_make_after_a_refused_one_lives_on():
    with pytest.raises(ValueError, match="`output_index`"):
        ConvExplorer(output_index=99)
    heard = []
    ipywidgets.Widget.on_widget_constructed(heard.append)  # as a program may
    with pytest.raises(ValueError, match="`output_index`"):
        ConvExplorer(output_index=99)
    label = ipywidgets.Label("here")
    ipywidgets.Widget.on_widget_constructed(None)
    assert label in heard and label.comm is not None


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (ConvExplorer, {"input_size": 32, "kernel_size": (3, 2), "output_index": 7}),
        (TransposedExplorer, {"input_size": 4, "output_padding": 1}),
        (ChainExplorer, {"input_size": (32, 30), "output_index": 3}),
        (ResidualExplorer, {"input_size": 32, "in_channels": 3, "out_channels": 6}),
        (DigitsExplorer, {"depth": 4, "channels": 4, "seed": 5}),
        (GradientExplorer, {"depth": 4, "channels": 4, "seeds": 1}),
        (SpectrumExplorer, {"blocks": 1, "seed": 5}),
        (ProductExplorer, {"blocks": 3, "q": 1, "alpha": 1}),
        (PathExplorer, {"blocks": 2, "seed": 3}),
        (LesionExplorer, {"off": [3, 1], "swap": 2, "seed": 999}),
        (TrainingExplorer, {"depth": 4, "epochs": 2}),
    ],
)
def test_numpys_whole_numbers_are_taken_as_plain_ones(make, settings):
    def of_numpy(value):
        return type(value)(map(np.int64, value)) if isinstance(value, tuple | list) else np.int64(value)

    explorer = make(**{name: of_numpy(value) for name, value in settings.items()})
    assert "int64" not in repr(explorer) and repr(explorer) == repr(make(**settings))


def test_bad_setting_is_a_sentence_and_the_last_good_picture_stays_greyed():
    explorer = ConvExplorer(input_size=8, kernel_size=3)
    explorer.refusal = lambda: None  # as most explorers have it
    good = explorer._picture.value
    explorer.controls["kernel_size"].value = 9
    assert (
        "✗" in explorer._status.value
        and "the smallest <code>input_size</code> that fits is 9" in explorer._status.value
    )
    assert explorer._picture.value == f'<div style="opacity:.3">{good}</div>'
    assert "-> does not run: `input_size`=8" in repr(explorer)
    assert explorer.settings["kernel_size"] == 9
    explorer.controls["kernel_size"].value = 3
    assert explorer._picture.value == good


def test_explorer_opened_at_a_bad_setting_says_so():
    explorer = ConvExplorer(input_size=2, kernel_size=7)
    assert explorer.status.startswith("This does not run: `input_size`=2 is too small")
    assert "does not run" in explorer._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("make", EVERY)
def test_explorer_stores_a_live_view_a_picture_and_a_text_twin(make):
    explorer = make()
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert bundle["text/plain"] == repr(explorer) and "..." not in repr(explorer)
    alt = explorer.shown.picture.alt
    assert f'<img alt="{alt}"' in bundle["text/html"]
    assert len(bundle["text/html"]) < 60_000


@pytest.mark.parametrize("make", EVERY)
def test_every_control_has_a_name_and_the_status_is_announced(make):
    explorer = make()
    for name, control in explorer.controls.items():
        assert (control.box if isinstance(control, Control) else control).description.strip(), name
    assert 'role="status" aria-live="polite"' in explorer._status.value


def test_two_explorers_do_not_disturb_each_other():
    one, two = ConvExplorer(input_size=8), ConvExplorer(input_size=9)
    before = shown(two)
    one.controls["input_size"].value = 20
    assert shown(two) == before


def test_controls_that_are_not_shown_wait_behind_more():
    explorer = ConvExplorer(show=("stride",))
    _, beside, others, *_ = explorer.children
    more = beside.children[0].children[-1]
    assert beside.children[0].children[0] is explorer.controls["stride"] and len(others.children) == 11
    assert others.layout.display == "none" and more.description == "more"
    more.value = True
    assert others.layout.display == "" and "skiplib-all" in explorer._dom_classes
    everything = ProductExplorer()
    assert [child.description for child in everything.children[1].children[0].children[3:]] == []
    assert "<b>7</b>" not in explorer.still() and "stride <b>1</b>" in explorer.still()
    for show in (("q", "p"), ("q", "q"), "q"):
        with pytest.raises(ValueError, match=re.escape(f"some of q, alpha, blocks, each once; got {show!r}")):
            ProductExplorer(show=show)
    apart = ConvExplorer(kernel_size=(3, 2)).still()
    assert "kernel_size <b>(3, 2)</b>" in apart


def test_learners_text_is_shown_as_text():
    class Refusing(Explorer):
        def view(self) -> View:
            raise ValueError("<img src=x onerror=alert(1)>")

    explorer = Refusing({"n": Control("n", 1, 0, 2)})
    assert "<img" not in explorer._status.value and "&lt;img" in explorer._status.value
    assert not re.search("<img(?! alt)", explorer._repr_mimebundle_()["text/html"])


def test_a_move_draws_once_even_if_it_moves_a_bound(monkeypatch):
    explorer = ConvExplorer(input_size=32, output_index=100)
    drawn, views, view = [], [], ConvExplorer.view
    monkeypatch.setattr(ConvExplorer, "view", lambda self: views.append(self) or view(self))
    explorer._picture.observe(drawn.append, "value")
    explorer.controls["input_size"].value = 8
    assert explorer.controls["output_index"].value == 35 and len(drawn) == len(views) == 1


def messages(monkeypatch):
    """What widgets send to the page from now on: widget and traits."""
    sent = []
    monkeypatch.setattr(Widget, "_send", lambda self, data, buffers=None: sent.append((self, [*data["state"]])))
    return sent


@pytest.mark.parametrize("part", ["slider", "box"])
def test_page_gets_the_picture_first_and_each_bound_once(monkeypatch, part):
    explorer = ConvExplorer(input_size=8, output_index=30)
    moved, bounded = explorer.controls["input_size"], explorer.controls["output_index"]
    sent, hand = messages(monkeypatch), getattr(moved, part)
    other = moved.box if part == "slider" else moved.slider
    hand.set_state({"value": 4})  # as the page does it
    assert sent[:4] == [
        (widget, ["value"]) for widget in (hand, explorer._picture, explorer._status, explorer._details)
    ]
    bounds = [(widget, sorted(traits)) for widget, traits in sent[4:]]
    each_by_itself = [(bounded.slider, ["value"]), (bounded.slider, ["max"])]  # a page's slider takes no two at once
    assert bounds == [(bounded.box, ["max", "value"]), *each_by_itself, (other, ["value"])]
    assert (bounded.slider.max, bounded.slider.value) == (bounded.box.max, bounded.box.value) == (3, 3)


def test_style_sheets_stay_where_they_are_while_the_picture_moves(monkeypatch):
    explorer = ConvExplorer(input_size=8)
    assert explorer._sheets.value in explorer.shown.picture.live and "<style" not in explorer._picture.value
    sent = messages(monkeypatch)
    explorer.controls["kernel_size"].value = 9
    explorer.controls["kernel_size"].value = 3
    widgets = [widget for widget, _ in sent]
    assert widgets.count(explorer._picture) == 2 and explorer._sheets not in widgets


@pytest.mark.parametrize("make", [make for make in SMALL if make is not TrainingExplorer])
def test_measuring_explorer_moved_to_every_end_equals_a_fresh_one(make):
    explorer = make(**SMALL[make])
    for name, control in explorer.controls.items():
        start = control.value
        low, high = ends(control)
        for end in (low, min(high, 12) if isinstance(control, Control) else high):  # deep networks take long
            control.value = end
            assert shown(explorer) == shown(make(**explorer.settings)), (name, end)
        control.value = start


@pytest.mark.parametrize("make", [*EVERY, *SMALL])
def test_explorer_computes_once_what_it_shows_says_and_stores(make, monkeypatch):
    drawn, view = [], make.view
    monkeypatch.setattr(make, "view", lambda self: drawn.append(self) or view(self))
    explorer = make(**SMALL.get(make, {}))
    explorer._repr_mimebundle_(), explorer.status, repr(explorer)
    assert len(drawn) == 1


@pytest.mark.parametrize("make", [*EVERY, *SMALL])
def test_label_of_every_control_is_its_name(make):
    for name, control in make(**SMALL.get(make, {})).controls.items():
        label = (control.box if isinstance(control, Control) else control).description
        assert label.replace(" ", "_").startswith(name)


def test_moves_in_two_threads_are_drawn_one_after_the_other():
    """As in JupyterLab: the first move reaches one thread of the kernel, the others another."""
    begun, picture = Event(), draw_strip(7, ConvGeometry(3))

    class Slow(Explorer):
        def view(self):
            result = dict(self.settings)
            begun.set()
            sleep(0.05)
            return View(picture, "", result)

    explorer = Slow({name: Control(name, 0, 0, 9) for name in ("a", "b")})
    begun.clear()
    first = Thread(target=setattr, args=(explorer.controls["a"], "value", 1))
    first.start()
    assert begun.wait(5)
    explorer.controls["b"].value = 1
    first.join()
    assert explorer.shown.result == {"a": 1, "b": 1}
