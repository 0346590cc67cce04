"""Typed reads of the environment: what is taken, what is refused, and in which words."""

import pytest

from htsgetsite.environment import Environment, EnvironmentProblem, Unusable


def make_environment(**variables: str) -> Environment:
    return Environment(variables)


@pytest.mark.parametrize(
    ("written", "meant"), [("1", True), ("Yes", True), ("ON", True), ("false", False), (" 0 ", False)]
)
def test_flag(written: str, meant: bool) -> None:
    environment = make_environment(F=written)
    assert environment.flag("F", default=not meant, doc="") is meant
    environment.verify()


@pytest.mark.parametrize("written", ["2", "maybe", "True!", "нет"])
def test_flag_refuses(written: str) -> None:
    environment = make_environment(F=written)
    environment.flag("F", default=False, doc="")
    with pytest.raises(EnvironmentProblem, match=r"^F: expected 1, true"):
        environment.verify()


@pytest.mark.parametrize("written", ["-1", "+5", "1_000", "٣", "1.0", "", "0x10", "9" * 19, "11"])
def test_integer_refuses_what_int_would_take(written: str) -> None:
    environment = make_environment(N=written)
    number = environment.integer("N", default=7, minimum=1, maximum=10, doc="")
    assert number == 7
    if written:
        with pytest.raises(EnvironmentProblem, match=r"^N: expected a whole number from 1 to 10$"):
            environment.verify()


def test_integer_takes_its_bounds() -> None:
    environment = make_environment(LOW="1", HIGH="10")
    assert environment.integer("LOW", default=5, minimum=1, maximum=10, doc="") == 1
    assert environment.integer("HIGH", default=5, minimum=1, maximum=10, doc="") == 10
    assert environment.optional_integer("NONE", doc="") is None


def test_words_and_choice() -> None:
    environment = make_environment(W="a, b  c,,d", C="info")
    assert environment.words("W", default=[], doc="") == ["a", "b", "c", "d"]
    assert environment.choice("C", ("DEBUG", "INFO"), default="DEBUG", doc="") == "INFO"


@pytest.mark.parametrize("written", ["{", "[]", '"a"', '{"a": 1}', '{"a": "forbidden"}'])
def test_mapping_refuses(written: str) -> None:
    def check(key: str, value: str) -> None:
        if value == "forbidden":
            raise Unusable(f"not this under {key!r}")

    environment = make_environment(M=written)
    assert environment.mapping("M", default={}, check=check, doc="", default_text="none") == {}
    with pytest.raises(EnvironmentProblem, match=r"^M: "):
        environment.verify()


def test_empty_and_blank_count_as_absent() -> None:
    environment = make_environment(A="", B="  \t")
    assert not environment.has("A")
    assert environment.text("B", default="default", doc="") == "default"
    environment.verify()


def test_every_mistake_is_told_at_once_and_no_value_is_repeated() -> None:
    environment = make_environment(ONE="hunter2", TWO="hunter3")
    environment.flag("ONE", default=False, doc="")
    environment.integer("TWO", default=1, doc="")
    with pytest.raises(EnvironmentProblem) as problem:
        environment.verify()
    assert str(problem.value).splitlines() == [
        "ONE: expected 1, true, yes, on, 0, false, no or off",
        "TWO: expected a whole number of at least 0",
    ]
