from __future__ import annotations

import pytest

from ballast import words


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], ""),
        (["a"], "a"),
        ([1, 2, 3], "1, 2, 3"),
        ("abcde", "a, b, c, d, e"),
        ("abcdefg", "a, b, c, d, e and 2 more"),
    ],
)
def test_listed_when_values_are_few_or_many_then_five_are_named_and_the_rest_counted(values, said):
    assert words.listed(values) == said


def test_listed_when_more_may_be_named_then_they_are():
    assert words.listed("abcdefg", most=6) == "a, b, c, d, e, f and 1 more"
    assert words.listed("abcdefg", most=7) == "a, b, c, d, e, f, g"


@pytest.mark.parametrize(
    ("values", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", 3], "a, b and 3")]
)
def test_in_words_when_values_are_few_or_many_then_the_last_one_follows_and(values, said):
    assert words.in_words(iter(values)) == said


def test_in_words_when_values_are_alternatives_then_the_last_one_follows_or():
    assert words.in_words(["train", "target", "test"], "or") == "train, target or test"


@pytest.mark.parametrize(("n", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_plural_when_counted_then_one_alone_is_singular(n, said):
    assert words.plural(n, "row") == said


def test_plural_when_the_noun_ends_in_s_then_es_follows():
    assert [words.plural(n, "class") for n in (1, 2)] == ["1 class", "2 classes"]


def test_percent_when_the_whole_is_empty_then_no_share_is_made_up():
    assert words.percent(1, 8) == "12.5 %"
    assert words.percent(2, 3) == "66.7 %"
    assert words.percent(0, 0) == "no rows"


def test_spaced_when_given_a_name_then_it_reads_as_words():
    assert words.spaced("effective_sample_share") == "effective sample share"


def test_shown_when_a_value_is_long_or_deep_then_its_inner_parts_are_left_out():
    assert words.shown({"a": [1, "x"]}) == "{'a': [1, 'x']}"
    assert len(words.shown("x" * 10_000)) == 80
    assert words.shown(list(range(100))) == "[0, 1, 2, 3, ...]"
    assert words.shown([[[[1]]]]) == "[[[[...]]]]"


@pytest.mark.parametrize("text", ["a\nb\tc", "\x1b[31mred", "x" * 5000, "\n" * 449])
def test_one_line_when_text_is_long_or_unprintable_then_it_is_short_and_printable(text):
    line = words.one_line(text)
    assert line.isprintable()
    assert len(line) <= 450


def test_one_line_when_text_is_long_then_both_its_ends_are_kept():
    assert words.one_line("start" + "-" * 500 + "end", most=25) == "start----- ... -------end"
