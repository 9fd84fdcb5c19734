"""Run a copy of a module, so that the learner's own is left as it was (layer L1, torch).

A forward of the copy may still reach what lies outside of the module: a hook that fills a list of the learner's does.
"""

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from traceback import walk_tb
from warnings import catch_warnings

import torch
from torch import Tensor, nn

from skiplib.tracing.code import Place
from skiplib.tracing.recorder import NOT_THE_LEARNERS, Change, Recorder, Row, Site, legible, tensors, version_of
from skiplib.tracing.sums import Shape

_SMALL = 10**6  # parameters are copied, too, so that a forward may write to them; of larger models they are shared


def record(
    model: nn.Module, inputs: Sequence[Tensor], changes: Mapping[Site, Change], *, training: bool
) -> tuple[list[Row], str, str, Shape | None]:
    """Run a copy of a module: its rows, the error that escaped and its line, or the output's shape.

    What the module prints is not shown, and no generator of random numbers moves.
    """
    with _left_alone(model, training), torch.random.fork_rng(devices=[]), redirect_stdout(StringIO()):
        twin = _copied(model)
        twin.train(training)
        inputs = [each.clone() for each in inputs]
        recorder, state = Recorder(inputs, changes), random.getstate()
        try:
            with torch.no_grad(), catch_warnings(action="ignore"), recorder.follow(twin), recorder:
                made = list(tensors(twin(*inputs)))
        except Exception as error:
            told = legible(error)
            if not any(row.error == told for row in recorder.rows[-1:]):  # no call of PyTorch is to blame
                told = f"{type(error).__name__}: {told}".removesuffix(": ")
            return recorder.rows, told, _line_of(error), None
        finally:
            random.setstate(state)
    return recorder.rows, "", "", tuple(made[0].shape) if made else None


@contextmanager
def _left_alone(model: nn.Module, training: bool) -> Iterator[None]:
    """Modes and buffers of the learner's own module, which a forward may reach past its copy, by a lambda."""
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, version_of(buffer), buffer.clone()) for buffer in model.buffers()]
    for module in modes:
        module.training = training
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for buffer, version, value in buffers:
                if version_of(buffer) != version:
                    buffer.copy_(value)


def _copied(model: nn.Module) -> nn.Module:
    """A copy; what cannot be copied (activations that are kept), or is too large, is shared."""
    shared = {id(each): each for module in model.modules() for each in tensors(vars(module)) if each.grad_fn}
    parameters = list(model.parameters())
    if sum(each.numel() for each in parameters) > _SMALL:
        shared |= {id(each): each for each in parameters}
    try:
        return copy.deepcopy(model, shared)
    except Exception as error:
        raise TypeError(f"`model` cannot be copied, so it would not be left as it was: {error}") from None


def _line_of(error: Exception) -> str:
    """The learner's line that raised an error."""
    places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    theirs = [Place(file, (line, line, 0, 0)) for file, line in places if not file.startswith(NOT_THE_LEARNERS)]
    return theirs[-1].line if theirs else ""
