from skiplib.explorers.progress import Progress


def test_progress_counts_what_is_taken():
    bar = Progress("abc", total=3, unit="letters")
    seen = [(letter, bar.bar.value, bar.words.value) for letter in bar]
    assert seen == [(letter, n, f"{n} of 3 letters") for n, letter in enumerate("abc", 1)]
