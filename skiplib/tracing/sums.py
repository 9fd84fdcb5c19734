"""What a step does along one axis: its sum as lesson 01 writes it, the size, and where each output reads (layer L1).

Fields of view are those of Araujo, Norris and Sim (2019, Distill, doi 10.23915/distill.00021), with fractions for
what makes an image larger.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Shape = tuple[int, ...]
Call = Mapping[str, Any]  # a call's arguments by name; a tensor stands as its shape

_ORDER = {  # positional arguments, as PyTorch orders them
    "conv": "input weight bias stride padding dilation groups",
    "conv_transpose": "input weight bias stride padding output_padding groups dilation",
    "max_pool": "input kernel_size stride padding dilation ceil_mode",
    "avg_pool": "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
    "adaptive_max_pool": "input output_size",
    "adaptive_avg_pool": "input output_size",
    "interpolate": "input size scale_factor mode align_corners",
    "unfold": "input kernel_size dilation padding stride",
    "pad": "input pad mode value",
    "pixel_shuffle": "input upscale_factor",
    "linear": "input weight bias",
    "flatten": "input start_dim end_dim",
    "cat": "tensors dim",
}
_WHOLE = ("input", "weight", "bias", "pad")  # arguments that are not one number for each axis
_POINTWISE = re.compile(  # a position of what these give sees one position; norms count as such
    r"_*(abs|add|addcmul|addcdiv|batch_norm|cat|ceil|clamp|clone|contiguous|cos|detach|div|elu|erf|exp|float|floor|gelu"
    r"|group_norm|half|hardsigmoid|hardswish|hardtanh|instance_norm|layer_norm|lerp|log|logsigmoid|local_response_norm"
    r"|maximum|minimum|mish|mul|multiply|neg|pow|prelu|relu|relu6|reciprocal|rms_norm|rsqrt|rsub|rrelu|selu|celu|sigmoid"
    r"|sign|silu|sin|softplus|softsign|sqrt|square|sub|subtract|tanh|threshold|to|true_divide|type|type_as|where|double"
    r"|bfloat16|leaky_relu|((feature_)?alpha_)?dropout)(\dd)?_*"
)


def kind_of(op: str) -> str:
    """The family of a function: that of ``max_pool2d_with_indices`` is ``max_pool``."""
    kind = re.sub(r"(\dd)?(_with_indices)?$", "", op)
    return {"concat": "cat", "concatenate": "cat"}.get(kind, kind)


def bound(op: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """A call's arguments by name; None for a function that has no sum."""
    names = _ORDER.get(kind_of(op), "").split()
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    if "axis" in given:  # NumPy's name for it
        given["dim"] = given.pop("axis")
    return given if names else None


@dataclass(frozen=True)
class Along:
    """One axis of a step: output i reads positions ``low + i * jump`` to ``high + i * jump`` of the step's input."""

    size: int  # of the output
    sum: str = ""  # how the size comes about; empty where it stays
    jump: Fraction | None = Fraction(1)  # None where output i reads no window like the others'
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)


def axes_of(op: str, before: Shape) -> range:
    """The axes behind the channels, counted from the last, -1; a 2-D layer has two of them, also without a batch."""
    digit = re.search(r"(\d)d", op)
    return range(-int(digit[1]) if digit else 2 - len(before), 0)


def along(op: str, call: Call | None, before: Shape, after: Shape | None, axis: int) -> Along | None:
    """What a step does along one axis of its input, counted from the last, -1; None if that is not known."""
    kind, axes = kind_of(op), len(axes_of(op, before))
    if call is not None and kind in _SUMS and -axis <= axes:
        at = {name: each_axis(value, axes)[axis] for name, value in call.items() if name not in _WHOLE}
        window = {name: each[axis] for name, each in window_of(op, call, before).items()}
        pad = [*call.get("pad", ()), *[0] * 2 * axes][-2 * axis - 2 :][:2]  # pairs from the last axis on
        return _SUMS[kind](before[axis], {**at, **window, "pad": pad, "same": call.get("padding") == "same"})
    same = _POINTWISE.fullmatch(kind) and (after is None or after[2:] == before[2:])
    return Along(before[axis]) if same else None


def sum_of(op: str, call: Call | None, before: Sequence[Shape], after: Shape | None) -> str:
    """A step's arithmetic in one line; empty where the sizes stay as they are."""
    kind, first = kind_of(op), before[0] if before else ()
    if call is None:
        return ""
    if kind == "linear":
        return f"{call['weight'][1]} → {call['weight'][0]} features"
    if kind == "flatten":
        begin, end = (call.get(name, usual) % len(first) for name, usual in (("start_dim", 0), ("end_dim", -1)))
        flat = first[begin : end + 1]
        return f"{'·'.join(map(str, flat))} = {math.prod(flat)}" if len(flat) > 1 else ""
    if kind == "cat":
        axis = call.get("dim", 0)
        return f"{' + '.join(str(shape[axis]) for shape in call['tensors'])} = {after[axis]}" if after else ""
    axes = [each for axis in axes_of(op, first) if (each := along(op, call, first, after, axis))]
    texts = [each.sum or "as it is" for each in axes if any(each.sum for each in axes)]
    windows = [f"{'·'.join(str(each.size) for each in axes)} windows"] * (kind == "unfold")
    return "; ".join([*(texts[:1] if len(set(texts)) == 1 else texts), *windows])


def each_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """An argument for each axis, also where it is one number for all."""
    given = tuple(value) if isinstance(value, list | tuple) else (value,)
    return given if len(given) == axes else given * axes


def window_of(op: str, call: Call | None, before: Shape) -> dict[str, tuple[int, ...]]:
    """``kernel_size``, ``stride``, ``padding``, ``dilation`` of a call for each axis; empty if it has no window.

    An average pooling has no ``dilation``; ``padding="same"`` stands as its pixels before the input itself.
    """
    kind, axes = kind_of(op), len(axes_of(op, before))
    if call is None or kind not in ("conv", "conv_transpose", "avg_pool", "max_pool", "unfold"):
        return {}
    weighted = "weight" in call
    kernel = call["weight"][2:] if weighted else each_axis(call["kernel_size"], axes)
    dilation = each_axis(call.get("dilation", 1), axes)
    padding = call.get("padding", 0)
    if isinstance(padding, str):
        padding = [d * (k - 1) // 2 * (padding == "same") for k, d in zip(kernel, dilation, strict=True)]
    return {
        "kernel_size": kernel,
        "stride": each_axis(call.get("stride") or (1 if weighted or kind == "unfold" else kernel), axes),
        "padding": each_axis(padding, axes),
        **({} if kind == "avg_pool" else {"dilation": dilation}),
    }


def _window(size: int, at: Call) -> Along:
    kernel, stride, left, dilation = at["kernel_size"], at["stride"], at["padding"], at.get("dilation", 1)
    reach, ceil = dilation * (kernel - 1), at.get("ceil_mode", False)
    right = reach - left if at["same"] else left
    room = size + left + right - reach - 1
    places = (-(-room // stride) if ceil else room // stride) + 1
    hangs = ceil and (places - 1) * stride >= size + left  # the last window would begin in the padding at the end
    inside = f"{_padded(size, left, right)} − {_span(kernel, dilation)}"
    text = f"⌈({inside}) / {stride}⌉ + 1" if ceil else f"⌊({inside}) / {stride}⌋ + 1"
    text = f"{inside} + 1" if stride == 1 else text + " − 1" * hangs
    text += f" = {places - hangs}"
    text += f", {room % stride} left over" * bool(room > 0 and room % stride and not ceil)
    return Along(places - hangs, text, Fraction(stride), -Fraction(left), Fraction(reach - left))


def _transposed(size: int, at: Call) -> Along:
    kernel, stride, padding, dilation = (at[name] for name in ("kernel_size", "stride", "padding", "dilation"))
    reach, extra = dilation * (kernel - 1), at.get("output_padding", 0)
    grown = (size - 1) * stride - 2 * padding + reach + 1 + extra
    text = f"({size} − 1)·{stride}" + f" − 2·{padding}" * bool(padding) + f" + {_span(kernel, dilation)}"
    text += f" + {extra}" * bool(extra) + f" = {grown}"
    return Along(grown, text, Fraction(1, stride), Fraction(padding - reach, stride), Fraction(padding, stride))


def _adaptive(size: int, at: Call) -> Along:
    asked = at["output_size"]
    if asked is None:
        return Along(size)
    step = Fraction(size, asked) if asked and size % asked == 0 else None  # else the windows differ in width
    how = "as asked" if step else f"i reads ⌊{size}·i/{asked}⌋ to ⌈{size}·(i+1)/{asked}⌉ − 1"
    return Along(asked, f"{size} → {asked}, {how}", step, high=(step or Fraction(1)) - 1)


def _resized(size: int, at: Call) -> Along:
    new, text = at.get("size"), f"{size} → {at.get('size')}, as asked"
    if new is None:
        new = math.floor(size * at["scale_factor"])
        text = f"⌊{size} · {str(at['scale_factor']).removesuffix('.0')}⌋ = {new}"
    step, mode = Fraction(size, new) if new else None, at.get("mode", "nearest")
    middle = ((step or Fraction(1)) - 1) / 2  # of what output 0 reads
    if mode == "nearest" and new % size == 0:  # every pixel is copied so often
        return Along(new, text, step, 2 * middle, Fraction(0))
    reach = {"nearest": 1, "nearest-exact": 1, "area": math.ceil(step or 1), "bicubic": 2}.get(mode, 1)
    return Along(new, text, None if at.get("align_corners") else step, middle - reach, middle + reach)


def _padding(size: int, at: Call) -> Along:
    left, right = at["pad"]
    new = size + left + right
    text = f"{_padded(size, left, right)} = {new}" if left or right else ""
    return Along(new, text, Fraction(1), -Fraction(left), -Fraction(left))


def _shuffled(size: int, at: Call) -> Along:
    factor = at["upscale_factor"]
    new = size * factor
    return Along(new, f"{size}·{factor} = {new}", Fraction(1, factor), Fraction(1 - factor, factor))


def _span(kernel: int, dilation: int) -> str:
    return str(kernel) if dilation == 1 else f"({dilation}·({kernel} − 1) + 1)"


def _padded(size: int, left: int, right: int) -> str:
    """A size and its padding on both sides; a negative one cuts."""
    if left == right:
        return f"{size} + 2·{left}" if left > 0 else f"{size} − 2·{-left}" if left else str(size)
    return f"{size}" + "".join(f" {'+' if each > 0 else '−'} {abs(each)}" for each in (left, right) if each)


_SUMS = {
    **dict.fromkeys(("conv", "max_pool", "avg_pool", "unfold"), _window),
    **dict.fromkeys(("adaptive_max_pool", "adaptive_avg_pool"), _adaptive),
    "conv_transpose": _transposed,
    "interpolate": _resized,
    "pad": _padding,
    "pixel_shuffle": _shuffled,
}
