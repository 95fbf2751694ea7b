/** What the player computes without a page; `stories.json` (environment variable STORIES) is written by the Python tests. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../../snapsim/show/player/player.js", import.meta.url));
const player = await import(`data:text/javascript;base64,${source.toString("base64")}`);
const { axisEnd, billOf, describe, masked, replay, search, shownRuns, size, stops, timeline, whyOf } = player;

/** Block 1 of two is copied from disk 1 to spare 0, two metadata blocks by two rules, then the data, then the pointer. */
const story = {
  title: "t",
  subject: "s",
  block_size: 4096,
  intro: ["A volume."],
  owners: [
    { name: "v", kind: "volume", blocks: 2 },
    { name: "s1", kind: "snapshot", blocks: 2 },
  ],
  devices: [
    { name: "disk", size: 2 },
    { name: "spare", size: 9 },
  ],
  start: {
    came: [0, 1],
    cells: [{ device: "disk", first: 0, contents: ["A", "B"] }],
    held: [{ device: "disk", first: 0, length: 2, owners: [0, 1] }],
    pointers: [{ owner: 1, block: 1, device: "disk", place: 1 }],
  },
  acts: [{ title: "write 1" }, { title: "rest" }],
  frames: [
    {
      act: 0,
      operation: "read",
      device: "disk",
      runs: [[1, 1]],
      purpose: "copy",
      sentence: "read it",
      requests: 1,
      bytes: 4096,
    },
    {
      act: 0,
      operation: "write",
      device: "spare",
      runs: [[0, 1]],
      purpose: "copy",
      sentence: "keep it",
      requests: 1,
      bytes: 4096,
      source: [["disk", 1, 1]],
      change: { cells: [{ device: "spare", first: 0, contents: ["B"], purpose: "copy" }] },
    },
    ...["map", "root"].map((rule, i) => ({
      act: 0,
      operation: "write",
      device: "spare",
      runs: [[7 + i, 1]],
      purpose: "metadata",
      rule,
      sentence: `the ${rule}`,
      requests: 1,
      bytes: 4096,
      change: { cells: [{ device: "spare", first: 7 + i, contents: ["m"], purpose: "metadata" }] },
    })),
    {
      act: 0,
      operation: "write",
      device: "disk",
      runs: [[1, 1]],
      purpose: "data",
      sentence: "the data",
      requests: 1,
      bytes: 4096,
      change: { cells: [{ device: "disk", first: 1, contents: ["B'"] }] },
    },
    {
      act: 0,
      operation: "",
      sentence: "block 1 of s1 is read from spare 0 now",
      change: {
        pointers: [{ owner: 1, block: 1, device: "spare", place: 0 }],
        held: [
          { device: "disk", first: 1, length: 1, owners: [0] },
          { device: "spare", first: 0, length: 1, owners: [1] },
        ],
      },
    },
    { act: 1, operation: "", sentence: "s1 is gone", change: { went: [1] } },
  ],
};

test("the levels group what belongs together", () => {
  const grouped = (level) => stops(story, level).map(([low, high]) => high - low + 1);
  assert.deepEqual(grouped("all"), [1, 1, 1, 1, 1, 1, 1]);
  assert.deepEqual(grouped("metadata"), [1, 1, 1, 1, 1, 1, 1]);
  assert.deepEqual(grouped("data"), [1, 1, 2, 1, 1, 1]);
});

test("a state is the start with all changes up to a frame", () => {
  assert.equal(replay(story, -1).cells.get("disk 1").content, "B");
  const end = replay(story, 6);
  assert.equal(end.cells.get("disk 1").content, "B'");
  assert.equal(end.pointers.get("1 1"), "spare 0");
  assert.deepEqual([...end.living], [0]);
});

test("the running bill sums requests and bytes, and the axis is that of the end", () => {
  assert.deepEqual(billOf(story, 1).get("write copy"), [1, 4096]);
  assert.equal(billOf(story, 1).has("write data"), false);
  assert.deepEqual(billOf(story, 6).get("write metadata"), [2, 8192]);
  assert.equal(axisEnd([story]), 4 * 4096);
});

test("a step is told in a sentence, several rules in one", () => {
  const [, copy, metadata] = stops(story, "data");
  assert.equal(describe(story, copy), "write spare 0, 4 KiB copy: keep it");
  assert.equal(describe(story, metadata), "write spare 7-8, 8 KiB metadata in 2 requests: the map; the root");
  assert.equal(describe(story, undefined), "A volume.");
});

test("a search stops at the first copy, metadata write, change of a block, next act", () => {
  assert.equal(search([story], "data", -1, { what: "copy" }), 0);
  assert.equal(search([story], "data", 1, { what: "copy" }), -1);
  assert.equal(search([story], "data", -1, { what: "metadata" }), 2);
  assert.equal(search([story], "data", -1, { what: "block", device: "disk", block: 1 }), 3);
  assert.equal(search([story], "data", -1, { what: "block", block: 0 }), 1);
  assert.equal(search([story], "data", 0, { what: "act" }), 5);
});

test("two stories go in step: acts begin together, the shorter one waits", () => {
  const short = { ...story, frames: [story.frames[4], story.frames[6]] };
  const steps = timeline([story, short], "data");
  assert.deepEqual(
    steps.map(({ act, at }) => [act, ...at]),
    [
      [0, 0, 0],
      [0, 1, 0],
      [0, 2, 0],
      [0, 3, 0],
      [0, 4, 0],
      [1, 5, 1],
    ],
  );
});

test("an act without a frame is a step all the same", () => {
  const quiet = { ...story, frames: story.frames.slice(0, 2) };
  assert.deepEqual(
    timeline([quiet], "data").map(({ act, at }) => [act, ...at]),
    [
      [0, 0],
      [0, 1],
      [1, 1],
    ],
  );
});

test("why: what wrote a block, and who pins it", () => {
  assert.match(whyOf(story, replay(story, -1), "disk 1"), /before the story began.*Shared: pinned by v, s1/);
  assert.match(whyOf(story, replay(story, 5), "spare 0"), /Written in "write 1" as copy: keep it\. Pinned by s1 alone/);
  assert.match(whyOf(story, replay(story, 6), "spare 0"), /Nobody reads it any more/);
  assert.match(whyOf(story, replay(story, 6), "spare 7"), /belongs to the mechanism/);
  assert.equal(whyOf(story, replay(story, 6), "spare 3"), "spare 3 holds nothing.");
});

test("blocks of metadata are shown on demand", () => {
  assert.deepEqual(shownRuns(story, "spare", "data"), [[0, 1]]);
  assert.deepEqual(shownRuns(story, "spare", "metadata"), [
    [0, 1],
    [7, 2],
  ]);
});

test("numbers become question marks, names stay", () => {
  assert.equal(
    masked("block 3 of s1 is read from cow0 2 now: 4.5 KiB"),
    "block ? of s1 is read from cow0 ? now: ? KiB",
  );
  assert.equal(size(1536), "1.5 KiB");
});

test("the same groups, states and bills as Python's", { skip: !process.env.STORIES }, () => {
  for (const { story: told, groups, last, bill } of JSON.parse(readFileSync(process.env.STORIES, "utf8"))) {
    for (const [level, wanted] of Object.entries(groups)) assert.deepEqual(stops(told, level), wanted, told.title);
    const state = replay(told, told.frames.length - 1);
    for (const [key, content] of Object.entries(last)) assert.equal(state.cells.get(key).content, content, key);
    const mine = Object.fromEntries(
      [...billOf(told, told.frames.length - 1)].map(([key, sum]) => [key.replace(" ", "_"), sum]),
    );
    assert.deepEqual(mine, bill, told.title);
  }
});
