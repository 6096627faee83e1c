"""Folder names: the allowed characters, the length, and no two texts under one name."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from seqexp.config import names

ALLOWED = re.compile(r"[A-Za-z0-9_,=-][A-Za-z0-9_.,=-]{0,98}")


@given(st.text())
def test_any_text_becomes_a_name(text: str) -> None:
    assert ALLOWED.fullmatch(names.folder_name(text))


@given(st.text(), st.text())
def test_different_texts_have_different_names(one: str, other: str) -> None:
    if one != other and one and other:
        assert names.folder_name(one) != names.folder_name(other)


@given(st.lists(st.sampled_from("cell=rnn,lstm a/b'\"[]{}é"), max_size=200).map("".join))
def test_long_override_lists_stay_short_and_apart(text: str) -> None:
    assert ALLOWED.fullmatch(names.folder_name(text))
    assert text == "" or names.folder_name(text) != names.folder_name(text + "x")


def test_a_name_that_is_allowed_stays_as_it_is() -> None:
    for text in ("cell=lstm,data=sine", "a", "x" * 99, "2026-01-01_10-00-00_rnn_sine_ab12cd"):
        assert names.folder_name(text) == text


def test_what_has_to_change_keeps_its_beginning_and_gets_a_hash() -> None:
    assert re.fullmatch(r"data\.noise=0\.1,x=-a-b-[0-9a-f]{8}", names.folder_name("data.noise=0.1,x=[a b"))
    assert names.folder_name("lr=1e+30").startswith("lr=1e30-")
    long = names.folder_name("x" * 100)
    assert re.fullmatch(r"x{90}-[0-9a-f]{8}", long)
    assert names.folder_name("..").strip(".")  # never the parent folder


def test_a_configuration_has_one_token_and_two_have_two() -> None:
    first, second = (OmegaConf.create({"a": "${seqexp.token:}", "b": "${seqexp.token:}"}) for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{6}", first.a)
    assert first.a == first.b == first.a
    assert first.a != second.a


def test_the_resolver_for_names_is_registered() -> None:
    assert OmegaConf.create({"a": "${seqexp.name:a/b}"}).a == names.folder_name("a/b")
