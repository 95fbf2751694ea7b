"""The player: one page that needs nothing else, the same steps as the text, and a tour in a browser."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots import ExceptionStore
from snapsim.cli.main import main
from snapsim.course.stories.explain import STORIES, explain, step
from snapsim.show.colours import COLOURS, OKABE_ITO
from snapsim.show.player import MOST_BYTES, Player, data, page, save_page, script, style
from snapsim.stories import SUBJECTS, draw, tell
from snapsim.stories.format import load
from snapsim.stories.story import Act, Cells, Change, Device, Frame, Story
from snapsim.stories.text import LEVELS, stops
from snapsim.testing import check_volume

HERE = Path(__file__).parent / "player"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
with_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


class Forgets(ExceptionStore):
    """Copies nothing out."""

    def _copy_out(self, chunks, together):
        pass


def held(text):
    """The stories in a page."""
    found = re.search(r'<script type="application/json" id="player-data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


# -------------------------------------------------------------------- the page


@pytest.mark.parametrize("name", [*STORIES, "devicemapper", "btrfs", "zfs"])
def test_every_explanation_is_one_small_page_that_asks_for_nothing(name):
    explanation = explain(name)
    text = page(explanation.stories)
    assert len(text.encode()) < MOST_BYTES
    assert not re.findall(r"(?:src|href)=|@import|url\((?!#)|fetch\(|import\(", text)
    assert set(re.findall(r"https?://[\w./]*", text)) == {"http://www.w3.org/2000/svg"}
    assert [load(story) for story in held(text)["stories"]] == list(explanation.stories)


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_story_of_ones_own_is_a_page(name):
    assert len(page([tell(name, draw(name, 5))]).encode()) < MOST_BYTES


def test_names_cannot_break_out_of_the_page():
    bad = "</script><script>alert(1)</script>\u2028<!--"
    story = Story(
        bad,
        bad,
        devices=(Device(bad, 1),),
        acts=(Act(bad, says=(bad,)),),
        frames=(Frame(0, "write", bad, ((0, 1),), "data", bad, bad, 1, 4096, change=Change((Cells(bad, 0, (bad,)),))),),
    )
    text = page([story])
    assert text.count("</script>") == 2
    assert "<script>alert" not in text
    assert load(held(text)["stories"][0]) == story


def test_a_page_that_is_too_large_is_refused_and_nothing_written(tmp_path):
    story = tell("thin-pool", "write 1")
    large = Story("t", "t", acts=(Act("a" * 4000),) * 120)
    with pytest.raises(InvalidInput, match="at most 400000"):
        save_page(tmp_path / "story.html", [large])
    with pytest.raises(InvalidInput, match=r"'\.txt' is no format for a page"):
        save_page(tmp_path / "story.txt", [story])
    with pytest.raises(InvalidInput, match="two side by side"):
        data([story] * 3, beside=True)
    assert not list(tmp_path.iterdir())


def test_metadata_is_told_more_shortly_before_a_page_is_refused():
    frame = Frame(0, "write", "d", ((0, 1),), "metadata", "rule", "s" * 200, 1, 4096)
    story = Story("t", "t", devices=(Device("d", 1),), acts=(Act("a"),), frames=(frame,) * 2000)
    told = held(page([story]))["stories"][0]["frames"]
    assert [(each["requests"], each["bytes"]) for each in told] == [(2000, 2000 * 4096)]


def test_the_page_says_its_steps_where_no_script_runs():
    text = page([tell("thin-pool", "snapshot; write 3")])
    assert "<pre>thin-pool: snapshot; write 3" in text
    assert "block 3 of v is read from data 8 now" in text.partition("<script")[0]


def test_a_problem_hides_its_numbers_in_the_text_as_well():
    text = page([tell("thin-pool", "snapshot; write 3")], ask=True).partition("<script")[0]
    assert "block ? of v is read from data ? now" in text
    assert "data 8" not in text


def test_colours_are_those_of_the_figures():
    for purpose, colour in COLOURS.items():
        assert f"--{purpose}: {colour.lower()};" in style()
    assert json.dumps(list(OKABE_ITO)) in script()


# -------------------------------------------------------------------- the commands


def test_explain_writes_a_page(tmp_path, capsys):
    path = tmp_path / "story.html"
    assert main(["explain", "exception-store", "thin-pool", "--ops", "snapshot; write 3", "--html", str(path)]) == 0
    assert capsys.readouterr().out == f"Page: {path}\n"
    told = held(path.read_text())
    assert ([story["subject"] for story in told["stories"]], told["beside"]) == (["exception-store", "thin-pool"], True)


@pytest.mark.parametrize(
    "options",
    [
        ["--html", "x.html"],
        ["thin-pool", "--ops", "write 1", "--seed", "1"],
        ["thin-pool", "--seed", "-1"],
        ["thin-pool", "--seed", str(1 << 64)],
        ["thin-pool", "--ask", "--format", "json"],
        ["thin-pool", "vfs"],
        ["tape", "--ops", "write 1"],
        ["thin-pool", "--html", "/nowhere/at/all/x.html"],
        ["thin-pool", "--html", "x.pdf"],
    ],
)
def test_bad_options_are_one_line_and_status_2(options, capsys):
    assert main(["explain", *options]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)


def test_answers_undo_the_question_marks(capsys):
    main(["explain", "records", "--seed", "3", "--ask"])
    asked = capsys.readouterr().out
    main(["explain", "records", "--seed", "3", "--ask", "--answers"])
    answered = capsys.readouterr().out
    main(["explain", "records", "--seed", "3"])
    assert answered == capsys.readouterr().out != asked
    assert len(asked.splitlines()) == len(answered.splitlines())


def test_json_holds_every_story(capsys):
    assert main(["explain", "thin-pool", "--format", "json"]) == 0
    assert [load(story).subject for story in json.loads(capsys.readouterr().out)] == ["thin-pool", "thin-pool"]


def test_compare_writes_two_stacks_side_by_side(tmp_path, capsys):
    workload, path = tmp_path / "w.json", tmp_path / "page.html"
    workload.write_text(
        json.dumps(
            {
                "id": "w",
                "layers": [[{"path": "f", "size": 65536}]],
                "ops": [{"op": "write", "path": "f", "offsets": [0], "length": 4096}],
            }
        )
    )
    stacks = ["--stack", "overlay2-ext4", "--stack", "btrfs"]
    assert main(["compare", str(workload), *stacks, "--html", str(path)]) == 0
    told = [load(story) for story in held(path.read_text())["stories"]]
    assert [story.subject for story in told] == ["overlay2-ext4", "btrfs"]
    assert [story.bill(999)["write_data"][1] for story in told] == [4096, 4096]
    assert main(["compare", str(workload), *stacks[:2], "--html", str(path)]) == 2
    assert "two stacks" in capsys.readouterr().err


def test_mark_writes_the_counter_example(tmp_path, capsys):
    handed_in, path = tmp_path / "mine.py", tmp_path / "page.html"
    handed_in.write_text(
        "class MyVolume(Volume):\n"
        "    def __init__(self, size, block_size=4096, chunk_size=None):\n"
        "        super().__init__(size, block_size, chunk_size, (BlockDevice(size, block_size),))\n"
        "    def _read(self, asked): return self.devices[0].read(asked)\n"
        "    def _write(self, asked, stamps): self.devices[0].write(asked, stamps)\n"
        "    def _snapshot(self):\n"
        "        twin = MyVolume(self.size, self.block_size, self.chunk_size)\n"
        "        twin.devices = self.devices\n"
        "        return twin\n"
    )
    assert main(["mark", "cow-volume", str(handed_in), "--html", str(path)]) == 0
    told = load(held(path.read_text())["stories"][0])
    assert told.acts[-1].title.startswith("v0.write(")
    assert {wrong.device for wrong in told.frames[-1].change.wrong} == {"v1"}
    assert main(["mark", "cow-volume", str(handed_in), str(handed_in), "--html", str(path)]) == 2


# -------------------------------------------------------------------- failures and notebooks


def test_a_counter_example_is_stepped_through():
    """As many acts as operations; the last one is wrong where the report says so."""
    failure = check_volume(Forgets, raise_on_failure=False).shortest
    story = failure.play().stories[0]
    assert len(story.acts) == len(story.frames) == len(failure.operations)
    assert not any(frame.change.wrong for frame in story.frames[:-1])
    said = [
        f"{wrong.device}, block {wrong.block}: expected {wrong.expected}, got "
        f"{story.state(99).content(wrong.device, wrong.block)}"
        for wrong in story.frames[-1].change.wrong
    ]
    assert tuple(said) == failure.difference
    assert "played" not in failure.to_dict()


def test_a_notebook_gets_a_widget_and_what_stands_in_for_it():
    pytest.importorskip("anywidget")
    player = step("thin-pool", "snapshot; write 3")
    bundle = player._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].startswith("<svg")
    assert "block 3 of v is read from data 8 now" in bundle["text/plain"]
    assert load(json.loads(player.widget().page)["stories"][0]) == player.stories[0]
    assert "export default" in player.widget()._esm


def test_without_anywidget_the_picture_and_the_text_remain(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    from snapsim.show.player import widget

    widget._kind.cache_clear()
    player = Player([tell("full-copy", "write 3")])
    assert set(player._repr_mimebundle_()) == {"text/plain", "text/html"}
    with pytest.raises(InvalidInput, match=r"pip install 'snapsim\[notebooks\]'"):
        player.widget()


def test_the_still_has_a_title_and_a_description():
    bundle = explain("exception-store", "snapshot; write 3").play()._repr_mimebundle_()
    assert "<title>exception-store: snapshot; write 3: the blocks at the end</title>" in bundle["text/html"]
    assert "v: A, B, C, D', E, F, G, H." in html.unescape(bundle["text/html"])


# -------------------------------------------------------------------- node


@with_node
def test_what_the_player_computes_is_what_python_computes(tmp_path):
    stories = [tell(name, draw(name, 11)) for name in SUBJECTS]
    facts = [
        {
            "story": story.to_dict(),
            "bill": {name: list(cell) for name, cell in story.bill(9999).items()},
            "groups": {level: [[group[0], group[-1]] for group in stops(story, level)] for level in LEVELS},
            "last": {
                f"{device} {block}": content
                for (device, block), (content, _) in story.state(len(story.frames) - 1).cells.items()
            },
        }
        for story in stories
    ]
    path = tmp_path / "stories.json"
    path.write_text(json.dumps(facts))
    result = subprocess.run(
        ["node", "--test", "--test-reporter", "tap", "player.test.mjs"],
        cwd=HERE,
        env={**os.environ, "STORIES": str(path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert "# skipped 0" in result.stdout


@pytest.mark.skipif(not (HERE / "node_modules").is_dir(), reason="npm ci in tests/player was not run")
def test_types_lint_and_format_of_the_player():
    result = subprocess.run(["npm", "run", "--silent", "check"], cwd=HERE, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_lock_file_names_no_registry():
    locked = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in locked.items() if "resolved" in package]
    assert all("integrity" in package for name, package in locked.items() if name)


# -------------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens stories in a page without any network; whatever the page complains of fails the test."""
    complaints, contexts = [], []

    def show(stories, width=1280, **options):
        path = tmp_path / "story.html"
        save_page(path, stories, **options)
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.goto(path.as_uri())
        return tab

    yield show
    for context in contexts:
        context.close()
    assert complaints == []


@in_chromium
def test_a_tour_with_keys_and_buttons(opened):
    story = tell("exception-store", "snapshot; write 3; write 3-5; delete s1")
    tab = opened([story])
    line = tab.locator(".sp-line")
    tab.locator(".snapsim-player").focus()
    for number in range(len(stops(story, "data"))):
        assert line.inner_text().startswith(f"Step {number} of")
        tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Home")
    assert line.inner_text().startswith("Step 0 of")
    tab.get_by_role("button", name="run to what is chosen beside").click()
    assert "read the old chunk" in line.inner_text()
    tab.locator("select[aria-label='stop at']").select_option("block")
    tab.locator("input").fill("cow0 2")
    tab.get_by_role("button", name="run to what is chosen beside").click()
    assert "write cow0 2" in line.inner_text()
    assert tab.locator(".sp-arrow-copy").count() == 1
    tab.locator("select[aria-label='jump to']").select_option(label="4. delete s1")
    assert "s1 is gone" in line.inner_text()
    before = tab.evaluate("player.steps()")
    tab.locator("select[aria-label='level of detail']").select_option("all")
    assert tab.evaluate("player.steps()") >= before
    assert "delete s1" in line.inner_text()


@in_chromium
def test_a_block_says_why_and_is_reached_by_keys(opened):
    tab = opened([tell("thin-pool", "snapshot; write 3")])
    tab.evaluate("player.go(player.steps() - 1)")
    tab.locator("[data-key='data 8']").hover()
    assert 'data 8 holds D\'. Written in "write 3" as data' in tab.locator(".sp-why").inner_text()
    assert tab.locator(".sp-arrow-pointer").count() == 1
    tab.evaluate("player.go(2)")
    x0, x1 = re.match(r"M([\d.]+),.* ([\d.]+),[\d.]+$", tab.locator(".sp-arrow-data").get_attribute("d")).groups()
    assert x0 == x1  # new data comes straight from above
    tab.evaluate("player.go(player.steps() - 1)")
    tab.locator("[data-key='data 3']").focus()
    assert "Pinned by s1 alone" in tab.locator(".sp-why").inner_text()
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.activeElement.dataset.key") == "data 4"
    assert "Shared: pinned by v, s1" in tab.locator(".sp-why").inner_text()


@in_chromium
def test_the_axes_of_the_bill_stay(opened):
    tab = opened([tell("exception-store", "snapshot; write 3; write 3-5")])
    ticks = "[...document.querySelectorAll('.sp-stage .sp-bill .sp-tick')].map((tick) => tick.textContent)"
    first = tab.evaluate(ticks)
    widths = []
    for number in range(tab.evaluate("player.steps()")):
        tab.evaluate(f"player.go({number})")
        assert tab.evaluate(ticks) == first
        widths.append(
            tab.evaluate(
                "[...document.querySelectorAll('.sp-stage .sp-bar')].reduce((sum, bar) => "
                "sum + Number(bar.getAttribute('width')), 0)"
            )
        )
    assert widths == sorted(widths)
    assert widths[-1] > widths[0] >= 0


@in_chromium
def test_two_stories_go_in_step(opened):
    stories = [tell(name, "snapshot; write 3; write 3") for name in ("exception-store", "thin-pool")]
    tab = opened(stories, beside=True)
    tab.evaluate("player.go(player.steps() - 1)")
    assert tab.locator(".sp-story").count() == 2
    text = tab.locator(".sp-line").inner_text()
    assert "exception-store: " in text
    assert "thin-pool: " in text


@in_chromium
def test_a_problem_asks_before_it_shows(opened):
    tab = opened([tell("thin-pool", "snapshot; write 3")], ask=True)
    line, following = tab.locator(".sp-line"), tab.get_by_role("button", name="one step on (right arrow)")
    following.click()
    assert "? KiB metadata" in line.inner_text()
    assert "Press next to see" in line.inner_text()
    assert tab.locator(".sp-stage .sp-bar").count() == 0
    following.click()
    assert "20 KiB metadata" in line.inner_text()
    assert tab.locator(".sp-stage .sp-bar").count() == 1


@in_chromium
@pytest.mark.parametrize("width", [1280, 760, 360])
def test_nothing_is_wider_than_the_screen(opened, width):
    for stories, options in [
        ([tell("overlay2", "open /data/app.db; delete /var/old.log")], {}),
        ([tell(name, "snapshot; write 3") for name in ("records", "cow-btree")], {"beside": True}),
    ]:
        tab = opened(stories, width=width, **options)
        tab.evaluate("player.go(player.steps() - 1)")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.locator(".sp-stage svg").first.bounding_box()["width"] <= width


@in_chromium
def test_print_shows_every_operation(opened):
    story = tell("overlay2", "open /data/app.db; delete /var/old.log")
    tab = opened([story])
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator(".sp-print h3").all_inner_texts() == [f"{n}. {act.title}" for n, act in enumerate(story.acts, 1)]
    assert tab.locator(".sp-print .sp-layers").count() == 3
    assert not tab.locator(".sp-controls").is_visible()


@in_chromium
def test_a_counter_example_in_the_browser(opened):
    tab = opened(check_volume(Forgets, raise_on_failure=False).shortest.play().stories)
    assert tab.locator(".sp-bad").count() == 0
    tab.evaluate("player.go(player.steps() - 1)")
    assert tab.locator(".sp-bad").count() == 4
    assert "expected 0" in tab.locator(".sp-bad").first.inner_text()


@in_chromium
def test_the_view_of_the_widget_draws_a_player(opened):
    """What anywidget does with the module: its default export renders a model into an element."""
    tab = opened([tell("full-copy", "write 3")])
    tab.evaluate(
        """async ([source, page]) => {
        const module = await import("data:text/javascript;charset=utf-8," + encodeURIComponent(source));
        document.getElementById("player").replaceChildren();
        module.default.render({ model: { get: () => page }, el: document.getElementById("player") });
    }""",
        [script(), data([tell("thin-pool", "snapshot; write 3")])],
    )
    assert tab.locator(".sp-title").inner_text() == "thin-pool: snapshot; write 3"
    assert tab.locator(".sp-stage .sp-cell").count() > 16


@in_chromium
def test_the_steps_play_by_themselves(opened):
    tab = opened([tell("full-copy", "write 3; write 4")])
    tab.locator("select[aria-label='speed']").select_option("500")
    tab.get_by_role("button", name="play or pause (space)").click()
    tab.wait_for_function("player.step() === player.steps() - 1", timeout=60_000)
    tab.wait_for_function(
        "document.querySelector('[aria-label=\"play or pause (space)\"]').textContent.includes('play')", timeout=60_000
    )
