"""The page shows everything that was measured, and brings along everything that it needs."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from benchmarks.model import Row, Run, Topic
from benchmarks.report.html import page
from benchmarks.report.text import NO_DIFFERENCE, clean, number, quantity, ratio

#: Elements that have no end (HTML standard, 13.1.2).
_VOID = {"meta", "br", "hr", "img", "input", "link"}


class _Page(HTMLParser):
    """Every element must end where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> ends another element"

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.mark.parametrize("name", ["run", "hostile"])
def test_is_well_formed(name: str, request: pytest.FixtureRequest) -> None:
    assert _Page(page(request.getfixturevalue(name))).open == []


@pytest.mark.parametrize("name", ["run", "hostile"])
def test_needs_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    text = page(request.getfixturevalue(name))
    found = _Page(text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "a"} & set(found.tags)
    names = {key for key, _ in found.attributes}
    assert not {key for key in names if key.startswith("on")}
    assert not {"src", "href", "xlink:href", "action", "style"} & names
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    if name == "run":
        assert "://" not in text


def test_fits_light_dark_and_phones(run: Run) -> None:
    text = page(run)
    assert "prefers-color-scheme: dark" in text
    assert ("name", "viewport") in _Page(text).attributes


def test_shows_everybody_and_everything(run: Run) -> None:
    found = _Page(page(run))
    for row in run.rows:
        assert row.entrant in found.texts
        assert row.library in found.texts
    for topic in run.topics:
        assert topic.title in found.text
        assert topic.unit in found.text
    assert "ssl: OpenSSL 3.0.19 has no group X25519MLKEM768" in found.texts
    assert "A Processor" in found.texts
    assert "no-shared no-module no-engine no-legacy" in found.texts


def test_numbers_are_those_of_the_json(run: Run) -> None:
    text = page(run)
    for item in json.loads(run.to_json())["rows"]:
        row = Row(**item)
        rows = re.findall(rf"<tr><th>{re.escape(row.entrant)}</th>(.*?)</tr>", text)
        wanted = f"<td>{number(row.median)}</td><td>±{row.spread:.1%}</td>"
        assert any(wanted in cells for cells in rows), (row.topic, row.entrant)


def test_opens_with_the_handshake_the_best_first(run: Run) -> None:
    found = page(run)
    opening = found.partition('<section class="headline">')[2].partition("</section>")[0]
    assert "Server CPU per handshake" in opening
    topic = run.topics[0]
    places = [opening.index(f'<span class="who">{row.entrant} <') for row in run.of(topic.name)]
    assert places == sorted(places)
    base = run.baseline(topic)
    assert all(ratio(row, base) in opening for row in run.of(topic.name))


def test_accent_belongs_to_tlsmgm(run: Run) -> None:
    items = re.findall(r'<li class="([\w-]+)"><span class="who">([^<]+) <', page(run))
    assert len(items) > 20
    for role, entrant in items:
        assert role.startswith("tlsmgm") == entrant.startswith("tlsmgm"), entrant


def test_plain_c_is_marked_as_the_limit_of_its_library(run: Run) -> None:
    text = page(run)
    ends = {}
    for entrant in ("ssl", "wolfssl (PyPI)", "plain C, openssl"):
        item = text.partition(f'<span class="who">{entrant} <')[2].partition("</li>")[0]
        ends[entrant] = re.findall(r'<line class="limit" x1="([\d.]+)%"', item)
    (openssl,), (wolfssl,) = ends["ssl"], ends["wolfssl (PyPI)"]
    assert float(wolfssl) < float(openssl)
    assert ends["plain C, openssl"] == []


def test_says_where_no_difference_is_seen() -> None:
    rows = [
        Row("a", "base", "x", [10.0, 11.0, 12.0]),
        Row("a", "like the base", "x", [11.0, 10.5, 12.5]),
        Row("a", "far", "x", [20.0, 21.0, 22.0]),
        Row("a", "far, too", "x", [21.5, 20.5, 22.5]),
        Row("a", "elsewhere", "x", [40.0, 41.0, 42.0]),
    ]
    found = page(Run("now", 3, False, {}, [Topic("a", "A", "s")], rows))
    body = found.partition("How to read this")[0]
    item = body.partition('<span class="who">like the base <')[2].partition("</li>")[0]
    assert NO_DIFFERENCE in item
    assert f"far and far, too: {NO_DIFFERENCE}." in body
    item = body.partition('<span class="who">elsewhere <')[2].partition("</li>")[0]
    assert NO_DIFFERENCE not in item


def test_far_apart_values_get_a_logarithmic_axis(run: Run) -> None:
    text = page(run)
    card = text.partition("<h3>Memory of an idle connection</h3>")[2].partition("</section>")[0]
    assert '<li class="axis">' in card
    assert 'class="fill"' not in card
    card = text.partition("<h3>Bulk transfer down, 1 MB</h3>")[2].partition("</section>")[0]
    assert '<li class="axis">' not in card
    assert 'class="fill"' in card


def test_numbered_topics_are_one_plot(run: Run) -> None:
    text = page(run)
    assert text.count('<svg class="plot"') == 1
    card = text.partition("<h3>Domain match among N names</h3>")[2].partition("</section>")[0]
    assert re.findall(r">([\d]+[kM]?)</text></svg></div>", card) == ["1M"]
    assert card.count("<table>") == 4


def test_empty_topics_and_single_samples(hostile: Run) -> None:
    found = _Page(page(hostile))
    assert "Nobody is here" in found.text
    assert found.texts.count("Nobody gave a value.") == 2
    assert "mute gave no value." in found.texts
    assert "one sample" in found.texts
    assert "quick run" in found.text
    assert quantity(-1.5, "s", 3) in found.texts


def test_hostile_names_are_only_text(hostile: Run) -> None:
    found = _Page(page(hostile))
    assert clean(hostile.started) in found.text
    assert '<script>alert("x")</script>' in found.text
    assert "\x00" not in found.text


def test_a_run_of_nothing() -> None:
    assert "Everybody took part in everything." in page(Run("now", 1, False, {}))
