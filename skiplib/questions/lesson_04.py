"""Questions of notebook 04: does it train? (layer L1: settings are trained with torch)."""

from collections.abc import Mapping
from typing import Any

from skiplib.exercises import Feedback, Judge, right, word, wrong
from skiplib.training import race

SHARES = ("below 15 %", "15 to 50 %", "50 to 90 %", "above 90 %")
_ALLOWED = ("init", "norm", "activation", "optimizer", "lr", "epochs")


def _rescue(given: Any) -> Feedback:
    """Judge settings for the plain 20-layer network by training it."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        return wrong('The answer is a dict of settings, such as {"norm": "batch"}.')
    strangers = sorted(given.keys() - set(_ALLOWED))
    if strangers:
        return wrong(f"There is no setting {strangers[0]!r} here. There are: {', '.join(_ALLOWED)}.")
    try:
        if given.get("epochs", 4) > 8:
            return wrong("Please stay at 8 epochs or less.")
        (run,) = race([20], seeds=[172], skips=[False], **given)
    except (TypeError, ValueError) as error:
        return wrong(f"This does not run: {error}.")
    reached = f"It reaches {run.train_accuracy:.0%} on the training digits."
    if run.train_accuracy >= 0.95:
        return right("It reaches 95 % and more on the training digits. Without a skip, but not without care.")
    if run.diverged:
        return wrong("The loss is not finite any more: a smaller step may help.")
    if run.train_accuracy < 0.15:
        return wrong(
            f"{reached} That is guessing. Which settings in lesson 03 kept the plain gradient from vanishing?"
        )
    return wrong(f"{reached} It learns. Give it more epochs, or another norm, initialisation or optimizer beside it.")


QUESTIONS: dict[str, Judge] = {
    "plain_20": word(
        SHARES[0],
        options=SHARES,
        reason="It guesses, on the digits that it was trained on.",
        hint="In lesson 03 the first block of such a network received 1e-8 of the gradient. What can it learn?",
        mistakes=[
            (SHARES[3], "Easy digits, but the first layers hardly get a gradient. What do they hand on?"),
            (SHARES[2], "Some layers near the output do get a gradient. But what arrives there of the image?"),
        ],
    ),
    "degradation": word(
        "worse on both",
        options=("as well", "overfits", "worse on both"),
        reason="So it is not overfitting: it does not even fit.",
        hint="A large gradient is not yet a useful one. Which would you see if it could not even fit?",
        mistakes=[
            ("as well", "The gradient reaches the first layer, and more than that. But is a large gradient enough?"),
            ("overfits", "To overfit it would have to do well on the training digits."),
        ],
    ),
    "trust": word(
        "near 0",
        options=("near 1", "near 0.5", "near 0"),
        reason="After a step of a thousandth, the gradient has forgotten where it pointed.",
        hint="Think of the neighbours in lesson 03, and of weights instead of images.",
        mistakes=[
            ("near 1", "Then the step would help, and the network would train."),
            ("near 0.5", "At 20 layers it is somewhere there. And at 50?"),
        ],
    ),
    "linear": word(
        SHARES[3],
        options=SHARES,
        reason="So these digits cannot show what depth is good for.",
        hint="It has 640 weights, and the digits are small and centred.",
        mistakes=[
            (SHARES[2], "More. These digits are easier than they look."),
            (SHARES[0], "That is guessing, and a straight line does better than that."),
        ],
    ),
    "rescue": _rescue,
    "curve": word(
        "b",
        options=("a", "b", "c", "d"),
        reason="The gradient starts huge and never goes to zero, and there is hardly any progress.",
        hint="Read the lower picture first: has the gradient vanished? Then the upper one: does it learn?",
        mistakes=[
            ("a", "There the gradient would be near 1e-20."),
            ("c", "A network of 4 layers learns these digits within an epoch."),
            ("d", "There the gradient would be near 1e-9."),
        ],
    ),
}
