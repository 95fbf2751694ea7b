// @ts-check
/**
 * The player of a story: block maps, layers and the bill, frame by frame.
 *
 * One module of plain JavaScript. First come functions of data alone (`stops`, `replay`, `billOf`, `timeline`, `search`,
 * `describe`, `whyOf`), which need no page and are tested without one; then the drawing; then `mount`, which puts a
 * player into an element of a page, and the default export, which anywidget calls in a notebook.
 *
 * Left out: editing a story, and time: a frame has a place in an order.
 *
 * @typedef {{device: string, first: number, contents: string[], purpose?: string}} Cells
 * @typedef {{device: string, first: number, length: number, owners: number[]}} Held
 * @typedef {{owner: number, block: number, device: string, place: number}} Pointer
 * @typedef {{owner: number, path: string, mark: string}} Mark
 * @typedef {{device: string, block: number, expected: string}} Wrong
 * @typedef {{cells?: Cells[], held?: Held[], pointers?: Pointer[], marks?: Mark[], came?: number[], went?: number[],
 *   wrong?: Wrong[]}} Change
 * @typedef {{act: number, operation: string, device?: string, runs?: number[][], purpose?: string, rule?: string,
 *   sentence?: string, requests?: number, bytes?: number, source?: [string, number, number][], change?: Change}} Frame
 * @typedef {{name: string, kind: string, title?: string, blocks?: number}} Owner
 * @typedef {{title: string, operation?: string, says?: string[], bill?: boolean}} Act
 * @typedef {{title: string, subject: string, block_size: number, intro: string[], owners: Owner[],
 *   devices: {name: string, size: number, since?: number, columns?: string[]}[], cell_blocks?: number, start: Change, acts: Act[], frames: Frame[]}} Story
 * @typedef {{content: string, purpose: string, frame: number}} Cell
 * @typedef {{cells: Map<string, Cell>, held: Map<string, number[]>, pointers: Map<string, string>,
 *   marks: Map<string, string>, living: Set<number>, wrong: Map<string, string>}} State
 * @typedef {"data" | "metadata" | "all"} Level
 * @typedef {{stories: Story[], beside?: boolean, level?: Level, ask?: boolean}} Page
 * @typedef {{what: "copy" | "metadata" | "block" | "act", device?: string, block?: number}} Wanted
 */

const PURPOSES = ["data", "copy", "metadata", "zero"];
const WORDS = {
  data: "data",
  copy: "copied",
  metadata: "metadata",
  zero: "zeros",
};
const MARKS = {
  file: "file",
  "copy-up": "copied up",
  whiteout: "whiteout",
  opaque: "opaque",
  hidden: "hidden",
  shared: "shared",
  directory: "directory",
};
const MOST_PATHS = 8;
const OWNERS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442"];

// ---------------------------------------------------------------- data alone

/**
 * The frames that are one step at a level, as [first, last]; the same groups as `snapsim.stories.text.stops`.
 * @param {Story} story
 * @param {Level} level
 * @returns {[number, number][]}
 */
export function stops(story, level) {
  /** @type {[number, number][]} */
  const found = [];
  let key = "";
  story.frames.forEach((frame, number) => {
    const rule = level === "data" && frame.purpose === "metadata" ? "" : (frame.rule ?? "");
    const mine =
      level === "all" || !frame.operation
        ? `#${number}`
        : JSON.stringify([frame.act, frame.operation, frame.device, frame.purpose, rule]);
    const last = found[found.length - 1];
    if (last && mine === key) last[1] = number;
    else found.push([number, number]);
    key = mine;
  });
  return found;
}

/** @returns {State} */
function nothing() {
  return {
    cells: new Map(),
    held: new Map(),
    pointers: new Map(),
    marks: new Map(),
    living: new Set(),
    wrong: new Map(),
  };
}

/**
 * @param {State} state
 * @param {Change | undefined} change
 * @param {number} frame
 */
function apply(state, change, frame) {
  state.wrong = new Map();
  if (!change) return;
  for (const { device, first, contents, purpose } of change.cells ?? [])
    contents.forEach((content, i) =>
      state.cells.set(`${device} ${first + i}`, {
        content,
        purpose: purpose ?? "data",
        frame,
      }),
    );
  for (const { device, first, length, owners } of change.held ?? [])
    for (let block = first; block < first + length; block++) state.held.set(`${device} ${block}`, owners);
  for (const { owner, block, device, place } of change.pointers ?? [])
    state.pointers.set(`${owner} ${block}`, device ? `${device} ${place}` : "");
  for (const { owner, path, mark } of change.marks ?? []) state.marks.set(`${owner} ${path}`, mark);
  for (const owner of change.came ?? []) state.living.add(owner);
  for (const owner of change.went ?? []) state.living.delete(owner);
  for (const { device, block, expected } of change.wrong ?? []) state.wrong.set(`${device} ${block}`, expected);
}

/**
 * The state after a frame; before the first one for -1.
 * @param {Story} story
 * @param {number} frame
 * @returns {State}
 */
export function replay(story, frame) {
  const state = nothing();
  apply(state, story.start, -1);
  for (let number = 0; number <= frame; number++) apply(state, story.frames[number].change, number);
  return state;
}

/**
 * The running bill after a frame: "write copy" -> [requests, bytes].
 * @param {Story} story
 * @param {number} frame
 * @returns {Map<string, [number, number]>}
 */
export function billOf(story, frame) {
  /** @type {Map<string, [number, number]>} */
  const bill = new Map();
  for (const each of story.frames.slice(0, frame + 1)) {
    if (!each.operation) continue;
    const [requests, bytes] = bill.get(`${each.operation} ${each.purpose}`) ?? [0, 0];
    bill.set(`${each.operation} ${each.purpose}`, [requests + (each.requests ?? 0), bytes + (each.bytes ?? 0)]);
  }
  return bill;
}

/**
 * The largest sum of one operation at the end of any of the stories: where the axes of all bills end.
 * @param {Story[]} stories
 * @returns {number}
 */
export function axisEnd(stories) {
  const sums = stories.flatMap((story) => {
    const bill = billOf(story, story.frames.length - 1);
    return ["read", "write"].map((operation) =>
      PURPOSES.reduce((sum, purpose) => sum + (bill.get(`${operation} ${purpose}`)?.[1] ?? 0), 0),
    );
  });
  return Math.max(1, ...sums);
}

/**
 * The steps of one story, or of several in step: for each step the number of a stop of each story (-1 before its
 * first). Acts begin together; a story with fewer stops in an act waits for the others.
 * @param {Story[]} stories
 * @param {Level} level
 * @returns {{act: number, at: number[]}[]}
 */
export function timeline(stories, level) {
  const all = stories.map((story) => stops(story, level));
  const acts = Math.max(0, ...stories.map((story) => story.acts.length));
  const at = stories.map(() => -1);
  /** @type {{act: number, at: number[]}[]} */
  const steps = [];
  for (let act = 0; act < acts; act++) {
    const mine = all.map((found, i) =>
      found.map((_, number) => number).filter((n) => stories[i].frames[found[n][0]].act === act),
    );
    const most = Math.max(1, ...mine.map((found) => found.length));
    for (let step = 0; step < most; step++) {
      mine.forEach((found, i) => {
        if (step < found.length) at[i] = found[step];
      });
      steps.push({ act, at: [...at] });
    }
  }
  return steps;
}

/**
 * The first step after `from` at which the wanted thing happens in any story; -1 if it does not happen any more.
 * @param {Story[]} stories
 * @param {Level} level
 * @param {number} from
 * @param {Wanted} wanted
 * @returns {number}
 */
export function search(stories, level, from, wanted) {
  const steps = timeline(stories, level);
  const all = stories.map((story) => stops(story, level));
  const first = from < 0 ? -1 : steps[from].act;
  for (let step = from + 1; step < steps.length; step++) {
    if (wanted.what === "act") {
      if (steps[step].act !== first) return step;
      continue;
    }
    const before = step ? steps[step - 1].at : steps[step].at.map(() => -1);
    const hit = stories.some((story, i) => {
      if (steps[step].at[i] === before[i]) return false;
      const [low, high] = all[i][steps[step].at[i]];
      return story.frames.slice(low, high + 1).some((frame) => matches(frame, wanted));
    });
    if (hit) return step;
  }
  return -1;
}

/**
 * @param {Frame} frame
 * @param {Wanted} wanted
 */
function matches(frame, wanted) {
  if (wanted.what === "copy") return frame.purpose === "copy";
  if (wanted.what === "metadata") return frame.purpose === "metadata" && frame.operation === "write";
  const cells = frame.change?.cells ?? [];
  return cells.some(
    ({ device, first, contents }) =>
      (!wanted.device || device === wanted.device) &&
      first <= (wanted.block ?? 0) &&
      (wanted.block ?? 0) < first + contents.length,
  );
}

/**
 * Bytes in binary units.
 * @param {number} bytes
 * @returns {string}
 */
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  return `${Number(bytes.toFixed(1))} ${units[unit]}`;
}

/**
 * One step in a sentence, for the line below the controls and for screen readers.
 * @param {Story} story
 * @param {[number, number] | undefined} stop
 * @returns {string}
 */
export function describe(story, stop) {
  if (!stop) return story.intro.join(" ") || story.title;
  const frames = story.frames.slice(stop[0], stop[1] + 1);
  const frame = frames[0];
  if (!frame.operation) return frame.sentence ?? "";
  const runs = frames.flatMap((each) => each.runs ?? []);
  const low = Math.min(...runs.map(([first]) => first));
  const high = Math.max(...runs.map(([first, length]) => first + length - 1));
  const count = runs.reduce((sum, [, length]) => sum + length, 0);
  const where = low === high ? `${low}` : high - low + 1 === count ? `${low}-${high}` : `${low}..${high}`;
  const requests = frames.reduce((sum, each) => sum + (each.requests ?? 0), 0);
  const bytes = frames.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
  const sentences = [...new Set(frames.map((each) => each.sentence ?? ""))];
  const more = sentences.length > 2 ? `; and ${sentences.length - 2} more kinds` : "";
  return (
    `${frame.operation} ${frame.device} ${where}, ${size(bytes)} ${frame.purpose}` +
    (requests > 1 ? ` in ${requests} requests` : "") +
    `: ${sentences.slice(0, 2).join("; ")}${more}`
  );
}

/**
 * Why a block holds what it holds, and who pins it.
 * @param {Story} story
 * @param {State} state
 * @param {string} key Device and block.
 * @returns {string}
 */
export function whyOf(story, state, key) {
  const cell = state.cells.get(key);
  const expected = state.wrong.get(key);
  if (expected !== undefined)
    return `${key} is wrong: ${expected} should be there, and ${cell?.content || "nothing"} is.`;
  if (!cell || !cell.content) return `${key} holds nothing.`;
  const frame = story.frames[cell.frame];
  const written = frame
    ? `Written in "${story.acts[frame.act].title}" as ${cell.purpose}: ${frame.sentence}.`
    : "It was there before the story began.";
  const owners = (state.held.get(key) ?? []).filter((owner) => state.living.has(owner));
  const names = owners.map((owner) => story.owners[owner].name);
  const pinned =
    names.length > 1
      ? `Shared: pinned by ${names.join(", ")}; it is free only when all of them are gone or have moved on.`
      : names.length
        ? `Pinned by ${names[0]} alone.`
        : cell.purpose === "metadata" || cell.content === "m"
          ? "It belongs to the mechanism."
          : "Nobody reads it any more.";
  return `${key} holds ${cell.content}. ${written} ${pinned}`;
}

/**
 * The text with every number replaced by a question mark; names such as s1 stay.
 * @param {string} text
 * @returns {string}
 */
export function masked(text) {
  return text.replace(/(?<![\w'/.])\d+(?:[.,-]+\d+)*/g, "?");
}

/**
 * The cells of the map that a run of blocks lies in.
 * @param {number[]} run
 * @param {Story} story
 * @returns {number[]}
 */
function cellsOf([first, length], story) {
  const scale = story.cell_blocks ?? 1;
  const low = Math.floor(first / scale);
  return Array.from({ length: Math.floor((first + length - 1) / scale) - low + 1 }, (_, i) => low + i);
}

/**
 * The blocks of a device that a story names at a level, in order, as runs [first, length].
 * @param {Story} story
 * @param {string} device
 * @param {Level} level
 * @returns {[number, number][]}
 */
export function shownRuns(story, device, level) {
  /** @type {Set<number>} */
  const blocks = new Set();
  /** @param {Change | undefined} change */
  const add = (change) => {
    for (const { device: name, first, contents, purpose } of change?.cells ?? [])
      if (name === device && (level !== "data" || purpose !== "metadata"))
        contents.forEach((_, i) => blocks.add(first + i));
  };
  add(story.start);
  for (const frame of story.frames) {
    add(frame.change);
    if (frame.device === device && frame.operation === "read" && (level !== "data" || frame.purpose !== "metadata"))
      for (const run of frame.runs ?? []) for (const cell of cellsOf(run, story)) blocks.add(cell);
  }
  /** @type {[number, number][]} */
  const runs = [];
  for (const block of [...blocks].sort((a, b) => a - b)) {
    const last = runs[runs.length - 1];
    if (last && last[0] + last[1] === block) last[1]++;
    else runs.push([block, 1]);
  }
  return runs;
}

// ---------------------------------------------------------------- drawing

const SVG = "http://www.w3.org/2000/svg";
let serial = 0;

/**
 * An SVG element with attributes and children.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {(Element | string)[]} children
 * @returns {SVGElement}
 */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * An HTML element with attributes and children.
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {(Element | string)[]} children
 * @returns {HTMLElement}
 */
function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Hatches by purpose and arrowheads, once for each drawing.
 * @param {string} id
 * @returns {SVGElement}
 */
function definitions(id) {
  const pattern = (/** @type {string} */ name, /** @type {string} */ path) =>
    draw(
      "pattern",
      {
        id: `${id}-${name}`,
        width: 6,
        height: 6,
        patternUnits: "userSpaceOnUse",
      },
      draw("path", { d: path, class: "sp-hatch" }),
    );
  const head = (/** @type {string} */ name) =>
    draw(
      "marker",
      {
        id: `${id}-head-${name}`,
        viewBox: "0 0 8 8",
        refX: 7,
        refY: 4,
        markerWidth: 7,
        markerHeight: 7,
        orient: "auto",
      },
      draw("path", { d: "M0,0 L8,4 L0,8 z", class: `sp-head-${name}` }),
    );
  return draw(
    "defs",
    {},
    pattern("copy", "M-1,7 L7,-1 M-1,1 L1,-1 M5,7 L7,5"),
    pattern("metadata", "M1.5,1.5 h1.4 M4.5,4.5 h1.4"),
    pattern("zero", "M0,0 L6,6 M0,6 L6,0"),
    ...["data", "copy", "metadata", "zero", "pointer"].map(head),
  );
}

/**
 * The table of a counter-example: a row for each volume or layer, a column for each block or path; what the step changed
 * is framed, what is wrong is crossed and says what was expected.
 * @param {Story} story
 * @param {[number, number] | undefined} stop
 * @returns {HTMLElement | null}
 */
export function drawTable(story, stop) {
  const rows = story.devices.filter(({ columns }) => columns?.length);
  if (!rows.length) return null;
  const [first, last] = stop ?? [0, -1];
  const [before, state] = [replay(story, first - 1), replay(story, last)];
  const columns = rows[0].columns ?? [];
  const line = (/** @type {string} */ name) => {
    const cells = columns.map((column, i) => {
      const key = `${name} ${i}`;
      const content = state.cells.get(key)?.content ?? "";
      const expected = state.wrong.get(key);
      const changed = before.cells.get(key)?.content !== content && content;
      if (expected === undefined) return html("td", changed ? { class: "sp-changed" } : {}, content);
      return html("td", { class: "sp-bad" }, html("b", {}, `✗ ${content || "nothing"}`), ` expected ${expected}`);
    });
    return html("tr", {}, html("th", { scope: "row" }, name), ...cells);
  };
  const there = rows.filter(({ name }) =>
    columns.some((_, i) => state.cells.get(`${name} ${i}`)?.content || state.wrong.has(`${name} ${i}`)),
  );
  return html(
    "table",
    { class: "sp-table" },
    html("tr", {}, html("th"), ...columns.map((column) => html("th", { scope: "col" }, column))),
    ...there.map(({ name }) => line(name)),
  );
}

/**
 * Where every cell of the map stands.
 * @param {Story} story
 * @param {State} state
 * @param {Level} level
 * @param {number} width
 */
function layout(story, state, level, width) {
  /** @type {Map<string, {x: number, y: number}>} */
  const places = new Map();
  /** @type {{x: number, y: number, text: string, kind: string}[]} */
  const labels = [];
  const runs = story.devices.map(({ name, columns }) => (columns?.length ? [] : shownRuns(story, name, level)));
  const scale = story.cell_blocks ?? 1;
  const most = Math.max(8, ...runs.map((each) => each.reduce((sum, [, length]) => sum + length, 0)));
  const volumes = story.owners
    .map((owner, number) => ({ ...owner, number }))
    .filter((owner) => (owner.blocks ?? 0) > 0);
  const left = 78;
  const cell = most > 80 ? 15 : Math.max(22, Math.min(36, Math.floor((width - left) / 8)));
  const columns = Math.max(8, Math.floor((width - left) / cell / 8) * 8);
  let y = 4;
  for (const { name, number, blocks } of volumes) {
    if (!state.living.has(number)) continue;
    labels.push({ x: left - 8, y: y + cell / 2, text: name, kind: "name" });
    for (let block = 0; block < (blocks ?? 0); block++) {
      places.set(`@${number} ${block}`, {
        x: left + (block % columns) * cell,
        y: y + Math.floor(block / columns) * cell,
      });
    }
    y += Math.ceil((blocks ?? 1) / columns) * cell + 10;
  }
  if (places.size) y += 14;
  story.devices.forEach(({ name, since }, i) => {
    const there = runs[i].some(([first, length]) =>
      Array.from({ length }, (_, k) => state.cells.has(`${name} ${first + k}`)).some(Boolean),
    );
    if (!runs[i].length || ((since ?? -1) >= 0 && !there)) return;
    y += 13;
    labels.push({ x: left - 8, y: y + cell / 2, text: name, kind: "name" });
    let column = 0;
    let fresh = true;
    let file = "";
    let free = 0;
    for (const [first, length] of runs[i]) {
      if (column) column++;
      for (let block = first; block < first + length; block++) {
        if (column >= columns) {
          [column, fresh, free] = [0, true, 0];
          y += cell + 12;
        }
        const x = left + column * cell;
        const content = state.cells.get(`${name} ${block}`)?.content ?? "";
        const mine = content.slice(0, Math.max(content.lastIndexOf(" "), 0));
        const named = mine !== file && mine ? ` ${mine}` : "";
        const label =
          fresh || (block === first && (cell > 20 || length > 3)) ? `${block * scale}${named}` : named.trim();
        if (label && x >= free) {
          labels.push({ x, y: y - 3, text: label, kind: "number" });
          free = x + 5.5 * label.length;
        }
        [fresh, file] = [false, mine];
        places.set(`${name} ${block}`, { x, y });
        column++;
      }
    }
    y += cell + 16;
  });
  const right = Math.max(left + 8 * cell, ...[...places.values()].map(({ x }) => x + cell));
  return {
    places,
    labels,
    cell,
    width: right + 6,
    height: y + 4,
  };
}

/**
 * The block map after a step, with arrows for what the step copied and where pointers moved.
 * @param {Story} story
 * @param {[number, number] | undefined} stop
 * @param {Level} level
 * @param {number} width
 * @param {(key: string) => void} why
 * @param {boolean} future Leave room for the blocks that come into play later, so that nothing moves.
 * @returns {SVGElement}
 */
export function drawMap(story, stop, level, width, why, future = true) {
  const id = `sp${++serial}`;
  const [first, last] = stop ?? [0, -1];
  const state = replay(story, last);
  const before = replay(story, first - 1);
  const {
    places,
    labels,
    cell,
    width: wide,
    height,
  } = layout(future ? story : { ...story, frames: story.frames.slice(0, last + 1) }, state, level, width);
  const svg = draw("svg", {
    viewBox: `0 0 ${wide} ${height}`,
    width: wide,
    height,
    class: "sp-map",
    role: "group",
    "aria-label": `Blocks: ${describe(story, stop)}`,
  });
  svg.append(draw("title", {}, "Blocks of volumes and devices"), definitions(id));
  for (const { x, y, text, kind } of labels) svg.append(draw("text", { x, y, class: `sp-label-${kind}` }, text));
  const frames = story.frames.slice(first, last + 1);
  /** @type {Map<string, Frame>} */
  const touched = new Map();
  for (const frame of frames)
    for (const run of frame.runs ?? [])
      for (const each of cellsOf(run, story)) touched.set(`${frame.device} ${each}`, frame);
  for (const [key, { x, y }] of places)
    svg.append(
      drawCell(story, state, before, key, { x, y, cell, id, frame: touched.get(key), act: frames[0]?.act ?? -1 }, why),
    );
  for (const arrow of arrows(story, frames, before, places, cell)) {
    const { from, to, kind } = arrow;
    const bend = Math.abs(from.y - to.y) < 2 ? -cell * 0.9 : 0;
    const down = kind === "data" ? 0 : Math.sign(Math.round((to.y - from.y) / 2));
    if (kind === "copy") from.y += down * cell * 0.36;
    to.y -= down * cell * 0.36;
    const middle = {
      x: (from.x + to.x) / 2 + (bend || kind === "data" ? 0 : cell * 0.4),
      y: (from.y + to.y) / 2 + bend,
    };
    svg.append(
      draw("path", {
        d: `M${from.x},${from.y} Q${middle.x},${middle.y} ${to.x},${to.y}`,
        class: `sp-arrow sp-arrow-${kind}`,
        "marker-end": `url(#${id}-head-${kind})`,
      }),
    );
  }
  return svg;
}

/**
 * @param {Story} story
 * @param {State} state
 * @param {State} before
 * @param {string} key
 * @param {{x: number, y: number, cell: number, id: string, frame: Frame | undefined, act: number}} where
 * @param {(key: string) => void} why
 */
function drawCell(story, state, before, key, { x, y, cell, id, frame, act }, why) {
  const place = key.startsWith("@") ? state.pointers.get(key.slice(1)) || "" : key;
  const held = key.startsWith("@") ? [] : (state.held.get(key) ?? []).filter((owner) => state.living.has(owner));
  const { content, purpose } = state.cells.get(place) ?? {
    content: "",
    purpose: "data",
  };
  const written = story.frames[state.cells.get(place)?.frame ?? -1];
  const free =
    !key.startsWith("@") &&
    content &&
    !held.length &&
    content !== "m" &&
    purpose !== "metadata" &&
    written?.act !== act;
  const moved = key.startsWith("@") && before.pointers.has(key.slice(1)) && before.pointers.get(key.slice(1)) !== place;
  const wrong = state.wrong.has(key);
  const shownPurpose = key.startsWith("@") ? "" : frame?.operation === "write" ? (frame.purpose ?? "") : purpose;
  const classes = ["sp-cell", content || frame ? `sp-${shownPurpose || "view"}` : "sp-empty"];
  if (frame) classes.push(`sp-now-${frame.operation}`);
  if (free) classes.push("sp-free");
  if (moved) classes.push("sp-moved");
  if (wrong) classes.push("sp-wrong");
  const told = key.startsWith("@")
    ? `Block ${key.split(" ")[1]} of ${story.owners[Number(key.slice(1).split(" ")[0])].name} is read from ${place || "nowhere"}.`
    : whyOf(story, state, key);
  const group = draw("g", {
    class: classes.join(" "),
    tabindex: -1,
    role: "img",
    "aria-label": told,
    "data-key": key,
  });
  group.append(
    draw("rect", {
      x: x + 1,
      y: y + 1,
      width: cell - 2,
      height: cell - 2,
      class: "sp-box",
    }),
  );
  if (["copy", "metadata", "zero"].includes(shownPurpose) && content)
    group.append(
      draw("rect", {
        x: x + 1,
        y: y + 1,
        width: cell - 2,
        height: cell - 2,
        fill: `url(#${id}-${shownPurpose})`,
      }),
    );
  if (cell > 20)
    group.append(draw("text", { x: x + cell / 2, y: y + cell / 2 + 1, class: "sp-content" }, short(content, cell)));
  const strip = (cell - 4) / Math.max(held.length, 1);
  held.forEach((owner, i) =>
    group.append(
      draw("rect", {
        x: x + 2 + i * strip,
        y: y + cell - 5,
        width: Math.max(strip - 1, 1),
        height: 3.5,
        fill: OWNERS[owner % OWNERS.length],
      }),
    ),
  );
  if (wrong)
    group.append(
      draw("path", {
        d: `M${x + 3},${y + 3} l${cell - 6},${cell - 6} m0,${6 - cell} l${6 - cell},${cell - 6}`,
        class: "sp-cross",
      }),
    );
  group.append(draw("title", {}, told));
  const tell = () => why(told);
  group.addEventListener("mouseenter", tell);
  group.addEventListener("focus", tell);
  return group;
}

/**
 * The content as it fits into a cell: of "app.db 12'" the number.
 * @param {string} content
 * @param {number} cell
 */
function short(content, cell) {
  const name = content.includes(" ") ? content.slice(content.lastIndexOf(" ") + 1) : content;
  const most = Math.floor(cell / 7);
  return name.length > most ? `${name.slice(0, Math.max(most - 1, 1))}…` : name;
}

/**
 * What a step moved: copies from block to block, new data from outside, pointers from a volume's block to its new place.
 * @param {Story} story
 * @param {Frame[]} frames
 * @param {State} before
 * @param {Map<string, {x: number, y: number}>} places
 * @param {number} cell
 */
function arrows(story, frames, before, places, cell) {
  /** @type {{from: {x: number, y: number}, to: {x: number, y: number}, kind: string}[]} */
  const found = [];
  const at = (/** @type {string} */ key) => {
    const place = places.get(key);
    return place && { x: place.x + cell / 2, y: place.y + cell / 2 };
  };
  const centre = (/** @type {string | undefined} */ device, /** @type {number[]} */ run) => {
    const cells = cellsOf(run, story);
    return at(`${device} ${cells[Math.floor((cells.length - 1) / 2)]}`);
  };
  for (const frame of frames) {
    if (frame.operation === "write" && frame.purpose === "copy")
      (frame.source ?? []).forEach(([device, first, length], i) => {
        const run = (frame.runs ?? [])[Math.min(i, (frame.runs ?? []).length - 1)];
        const [from, to] = [centre(device, [first, length]), run && centre(frame.device, run)];
        if (from && to) found.push({ from, to, kind: "copy" });
      });
    else if (frame.operation === "write" && frame.purpose === "data")
      for (const [first, length] of frame.runs ?? []) {
        const to = centre(frame.device, [first, length]);
        if (to)
          found.push({
            from: { x: to.x, y: to.y - cell * 1.15 },
            to: { x: to.x, y: to.y - cell * 0.45 },
            kind: "data",
          });
      }
    for (const { owner, block, device, place } of frame.change?.pointers ?? []) {
      if (!before.living.has(owner) || !device) continue;
      const [from, to] = [at(`@${owner} ${block}`), at(`${device} ${place}`)];
      if (from && to)
        found.push({
          from: { x: from.x, y: from.y + cell * 0.4 },
          to,
          kind: "pointer",
        });
    }
  }
  return found.slice(0, 64);
}

/**
 * The stack of layers, the newest on top: what each has under every path; an arrow where the step copied up.
 * @param {Story} story
 * @param {[number, number] | undefined} stop
 * @returns {SVGElement | null}
 */
export function drawLayers(story, stop) {
  const [first, last] = stop ?? [0, -1];
  const [before, state] = [replay(story, first - 1), replay(story, last)];
  const changed = story.frames.flatMap((frame) => frame.change?.marks ?? []).map(({ path }) => path);
  const all = new Set([...changed, ...(story.start.marks ?? []).map(({ path }) => path)]);
  const paths = [...(all.size > MOST_PATHS ? new Set(changed) : all)].slice(0, MOST_PATHS).sort();
  if (!paths.length) return null;
  const rows = story.owners
    .map((_, number) => number)
    .filter((number) => state.living.has(number))
    .reverse();
  const id = `sp${++serial}`;
  const [left, wide, high] = [78, 112, 34];
  const svg = draw("svg", {
    viewBox: `0 0 ${left + wide * paths.length + 4} ${rows.length * high + 26}`,
    width: left + wide * paths.length + 4,
    class: "sp-layers",
    role: "img",
    "aria-label": `Layers, the newest first: ${rows
      .map(
        (row) =>
          `${story.owners[row].name}: ${
            paths
              .filter((path) => state.marks.get(`${row} ${path}`))
              .map((path) => `${path} ${word(state.marks.get(`${row} ${path}`))}`)
              .join(", ") || "nothing of its own"
          }`,
      )
      .join("; ")}`,
  });
  svg.append(definitions(id));
  paths.forEach((path, i) =>
    svg.append(draw("text", { x: left + (i + 0.5) * wide, y: 12, class: "sp-label-path" }, path)),
  );
  rows.forEach((row, y) => {
    const top = 20 + y * high;
    svg.append(draw("text", { x: left - 8, y: top + high / 2, class: "sp-label-name" }, story.owners[row].name));
    svg.append(
      draw("line", {
        x1: left,
        x2: left + wide * paths.length,
        y1: top + high - 1,
        y2: top + high - 1,
        class: "sp-rule",
      }),
    );
    paths.forEach((path, i) => {
      const mark = state.marks.get(`${row} ${path}`);
      if (!mark) return;
      const fresh = before.living.has(row) && before.marks.get(`${row} ${path}`) !== mark;
      const box = {
        x: left + i * wide + 4,
        y: top + 3,
        width: wide - 8,
        height: high - 8,
      };
      svg.append(
        draw("rect", {
          ...box,
          class: `sp-mark sp-mark-${mark}${fresh ? " sp-fresh" : ""}`,
        }),
      );
      if (mark === "copy-up") svg.append(draw("rect", { ...box, fill: `url(#${id}-copy)` }));
      svg.append(
        draw(
          "text",
          {
            x: box.x + box.width / 2,
            y: box.y + box.height / 2,
            class: `sp-mark-text sp-text-${mark}`,
          },
          word(mark),
        ),
      );
      const below = rows.slice(y + 1).findIndex((other) => state.marks.get(`${other} ${path}`));
      if (fresh && below >= 0 && (mark === "copy-up" || mark === "whiteout")) {
        const [from, to] = [20 + (y + 1 + below) * high + high / 2, top + high / 2 + 4];
        const x = box.x + box.width - 10;
        const line = mark === "copy-up" ? `M${x},${from} L${x},${to}` : `M${x},${to} L${x},${from}`;
        svg.append(
          draw("path", {
            d: line,
            class: "sp-arrow sp-arrow-pointer",
            "marker-end": `url(#${id}-head-pointer)`,
          }),
        );
      }
    });
  });
  return svg;
}

/** @param {string | undefined} mark */
const word = (mark) => MARKS[/** @type {keyof typeof MARKS} */ (mark)] ?? "";

/**
 * The running bill as stacked bars; the axis ends at `end` at every step.
 * @param {Story} story
 * @param {number} frame
 * @param {number} end
 * @param {boolean} asking
 * @param {boolean} secret The end of the axis is not told, since it is the answer.
 * @returns {SVGElement}
 */
export function drawBill(story, frame, end, asking, secret = false) {
  const bill = billOf(story, frame);
  const id = `sp${++serial}`;
  const [left, wide, high] = [56, 300, 52];
  const svg = draw("svg", {
    viewBox: `0 0 ${left + wide + 12} ${high * 2 + 30}`,
    class: "sp-bill",
    role: "img",
  });
  svg.append(definitions(id));
  /** @type {string[]} */
  const said = [];
  ["read", "write"].forEach((operation, row) => {
    const y = row * high + 4;
    let x = left;
    /** @type {string[]} */
    const parts = [];
    svg.append(
      draw("text", { x: left - 6, y: y + 10, class: "sp-label-name" }, operation === "read" ? "read" : "written"),
    );
    svg.append(draw("rect", { x: left, y, width: wide, height: 18, class: "sp-axis" }));
    for (const purpose of PURPOSES) {
      const [requests, bytes] = bill.get(`${operation} ${purpose}`) ?? [0, 0];
      if (!requests) continue;
      const width = (bytes / end) * wide;
      svg.append(
        draw("rect", {
          x,
          y,
          width,
          height: 18,
          class: `sp-bar sp-bar-${purpose}`,
        }),
      );
      if (purpose !== "data")
        svg.append(
          draw("rect", {
            x,
            y,
            width,
            height: 18,
            fill: `url(#${id}-${purpose})`,
          }),
        );
      x += width;
      parts.push(`${size(bytes)} ${purpose} (${requests})`);
    }
    const text = parts.join(" + ") || "nothing";
    [parts.slice(0, 2), parts.slice(2)].forEach((some, i) => {
      const told = (i && some.length ? "+ " : "") + (some.join(" + ") || (i ? "" : "nothing"));
      svg.append(draw("text", { x: left, y: y + 29 + 12 * i }, asking ? masked(told) : told));
    });
    said.push(`${operation === "read" ? "read" : "written"} ${text}`);
  });
  const y = high * 2 + 8;
  svg.append(
    draw("path", {
      d: `M${left},${y - 4} v4 h${wide} v-4 M${left + wide / 2},${y} v-4`,
      class: "sp-ticks",
    }),
  );
  [0, end / 2, end].forEach((value, i) =>
    svg.append(
      draw(
        "text",
        { x: left + (wide * i) / 2, y: y + 13, class: `sp-tick sp-tick-${i}` },
        secret && i ? "?" : size(value),
      ),
    ),
  );
  svg.prepend(draw("title", {}, `Bill (requests): ${asking ? masked(said.join("; ")) : said.join("; ")}`));
  return svg;
}

// ---------------------------------------------------------------- the player

/**
 * Put a player into an element.
 * @param {HTMLElement} element
 * @param {Page} page
 * @returns {{go: (step: number) => void, level: (level: Level) => void, step: () => number, steps: () => number}}
 */
export function mount(element, page) {
  /** @type {Level} */
  let level = page.level ?? "data";
  let chosen = page.beside ? page.stories : page.stories.slice(0, 1);
  let steps = timeline(chosen, level);
  let at = -1;
  let asking = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ work) => {
    const made = html("button", { type: "button", "aria-label": label, title: label }, text);
    made.addEventListener("click", work);
    return made;
  };
  const select = (
    /** @type {string} */ label,
    /** @type {[string, string][]} */ choices,
    /** @type {(value: string) => void} */ work,
  ) => {
    const made = /** @type {HTMLSelectElement} */ (
      html("select", { "aria-label": label }, ...choices.map(([value, text]) => html("option", { value }, text)))
    );
    made.addEventListener("change", () => work(made.value));
    return made;
  };

  const play = button("▶ play", "play or pause (space)", () => toggle());
  const speed = select(
    "speed",
    [
      ["2400", "slow"],
      ["1200", "normal"],
      ["500", "fast"],
    ],
    () => {
      if (timer) {
        toggle();
        toggle();
      }
    },
  );
  speed.value = "1200";
  const jump = select("jump to", [], (value) => go(Number(value)));
  const detail = select(
    "level of detail",
    [
      ["data", "data and copies"],
      ["metadata", "with metadata"],
      ["all", "every request"],
    ],
    (value) => setLevel(/** @type {Level} */ (value)),
  );
  detail.value = level;
  const until = select(
    "stop at",
    [
      ["copy", "the next copy"],
      ["metadata", "the next metadata write"],
      ["act", "the next operation"],
      ["block", "a change of block …"],
    ],
    (value) => (block.hidden = value !== "block"),
  );
  const block = /** @type {HTMLInputElement} */ (
    html("input", {
      type: "text",
      "aria-label": "device and block",
      placeholder: "data 8",
      size: "9",
      hidden: "",
    })
  );
  const line = html("div", { class: "sp-line", "aria-live": "polite" });
  const why = html(
    "p",
    { class: "sp-why" },
    "Point at a block, or go to it by Tab and arrows: why it was written, and who pins it.",
  );
  const stage = html("div", { class: "sp-stage" });
  const log = html("ol", { class: "sp-log" });
  const print = html("div", { class: "sp-print" });
  const title = html("h2", { class: "sp-title" });
  const which = select(
    "story",
    page.stories.map(({ title: name }, i) => [String(i), name]),
    (value) => {
      chosen = [page.stories[Number(value)]];
      setLevel(level);
      go(-1);
    },
  );
  which.hidden = Boolean(page.beside) || page.stories.length < 2;
  const runs = html("span", { class: "sp-group" }, button("run to", "run to what is chosen beside", run), until, block);
  const controls = html(
    "div",
    { class: "sp-controls" },
    button("start", "to the start (Home)", () => go(-1)),
    button("◀ back", "one step back (left arrow)", () => move(-1)),
    button("next ▶", "one step on (right arrow)", () => move(1)),
    play,
    speed,
    jump,
    detail,
    runs,
    which,
  );
  const root = html("section", {
    class: "snapsim-player",
    tabindex: "0",
    "aria-label": "story player",
  });
  root.append(
    title,
    controls,
    line,
    stage,
    why,
    html("details", { class: "sp-text" }, html("summary", {}, "All steps as text"), log),
    print,
  );
  element.replaceChildren(root);

  function stopOf(/** @type {Story} */ story, /** @type {number} */ i) {
    const number = at < 0 ? -1 : steps[at].at[i];
    return number < 0 ? undefined : stops(story, level)[number];
  }

  function render() {
    const end = axisEnd(chosen);
    const width = Math.max(
      280,
      (root.clientWidth || 900) / (chosen.length > 1 && root.clientWidth > 700 ? 2 : 1) - 340,
    );
    const beside = chosen.length > 1;
    const table = chosen.every((story) => story.devices.every(({ columns }) => columns?.length));
    for (const each of [why, detail, runs]) each.hidden = table;
    title.textContent = beside ? chosen.map(({ title: name }) => name).join("  |  ") : chosen[0].title;
    stage.replaceChildren(
      ...chosen.map((story, i) => {
        const stop = stopOf(story, i);
        const shown = asking
          ? at > 0 && steps[at - 1].at[i] >= 0
            ? stops(story, level)[steps[at - 1].at[i]]
            : undefined
          : stop;
        const layers = drawLayers(story, shown);
        const wide = beside
          ? Math.max(280, (root.clientWidth || 900) / (root.clientWidth > 760 ? 2 : 1) - 24)
          : Math.max(width, 280);
        const map = html(
          "div",
          { class: "sp-maps" },
          drawMap(story, shown, level, Math.min(wide, 760), tellWhy, !page.ask),
        );
        const table = drawTable(story, shown);
        if (layers) map.append(layers);
        if (table) map.replaceChildren(table);
        const side = html(
          "div",
          { class: "sp-side", ...(table ? { hidden: "" } : {}) },
          drawBill(story, shown ? shown[1] : -1, end, asking, Boolean(page.ask) && at < steps.length - 1),
          legend(story),
        );
        return html("div", { class: "sp-story" }, ...(beside ? [html("h3", {}, story.subject)] : []), map, side);
      }),
    );
    const told = chosen.map(
      (story, i) =>
        (beside ? `${story.subject}: ` : "") +
        (asking ? masked(describe(story, stopOf(story, i))) : describe(story, stopOf(story, i))),
    );
    const act = at < 0 ? "" : `${chosen[0].acts[steps[at].act]?.title ?? ""} — `;
    const last = at >= 0 && (at === steps.length - 1 || steps[at + 1].act !== steps[at].act);
    const says = last && !asking ? chosen.flatMap((story) => story.acts[steps[at].act]?.says ?? []) : [];
    const question = asking ? " What is read and written? Press next to see." : "";
    line.replaceChildren(
      html("p", {}, `Step ${at + 1} of ${steps.length}: ${act}${told.join(" | ")}${question}`),
      ...says.map((each) => html("p", { class: "sp-says" }, each)),
    );
    jump.value = String(at < 0 ? -1 : steps.findIndex((step) => step.act === steps[at].act));
    for (const [i, item] of [...log.children].entries()) item.classList.toggle("sp-here", i === at);
    const first = /** @type {SVGElement | null} */ (stage.querySelector(".sp-cell"));
    first?.setAttribute("tabindex", "0");
  }

  function legend(/** @type {Story} */ story) {
    const used = PURPOSES.filter((purpose) => story.frames.some((frame) => frame.purpose === purpose));
    const list = html("ul", { class: "sp-legend" });
    const id = `sp${++serial}`;
    for (const purpose of used) {
      const swatch = draw(
        "svg",
        { width: 18, height: 14 },
        definitions(id),
        draw("rect", { width: 18, height: 14, class: `sp-bar-${purpose}` }),
      );
      if (purpose !== "data")
        swatch.append(
          draw("rect", {
            width: 18,
            height: 14,
            fill: `url(#${id}-${purpose})`,
          }),
        );
      list.append(html("li", {}, swatch, WORDS[/** @type {keyof typeof WORDS} */ (purpose)]));
    }
    story.owners.forEach((owner, number) => {
      const swatch = draw(
        "svg",
        { width: 18, height: 14 },
        draw("rect", {
          y: 8,
          width: 18,
          height: 5,
          fill: OWNERS[number % OWNERS.length],
        }),
      );
      if (owner.kind !== "row") list.append(html("li", {}, swatch, `read by ${owner.name}`));
    });
    return list;
  }

  function tellWhy(/** @type {string} */ text) {
    why.textContent = asking ? "" : text;
  }

  function outline() {
    jump.replaceChildren(html("option", { value: "-1" }, "start"));
    let act = -1;
    steps.forEach((step, i) => {
      if (step.act === act) return;
      act = step.act;
      jump.append(
        html(
          "option",
          { value: String(i) },
          `${act + 1}. ${chosen.map((story) => story.acts[act]?.title ?? "").find(Boolean) ?? ""}`,
        ),
      );
    });
    log.replaceChildren(
      ...steps.map((step) =>
        html(
          "li",
          {},
          chosen
            .map((story, i) => {
              const text = step.at[i] < 0 ? story.intro.join(" ") : describe(story, stops(story, level)[step.at[i]]);
              const told = `${story.acts[step.act]?.title ?? ""} — ${text}`;
              return page.ask ? masked(told) : told;
            })
            .join(" | "),
        ),
      ),
    );
  }

  function setLevel(/** @type {Level} */ next) {
    const act = at < 0 ? -1 : steps[at].act;
    level = next;
    steps = timeline(chosen, level);
    at = act < 0 ? -1 : steps.findIndex((step) => step.act === act);
    detail.value = level;
    asking = false;
    outline();
    render();
  }

  function go(/** @type {number} */ step) {
    at = Math.max(-1, Math.min(steps.length - 1, step));
    asking = false;
    render();
  }

  function move(/** @type {number} */ by) {
    if (page.ask && by > 0 && asking) {
      asking = false;
      render();
    } else if (page.ask && by > 0 && at < steps.length - 1) {
      at++;
      asking = true;
      render();
    } else go(at + by);
  }

  function toggle() {
    if (timer) {
      clearInterval(timer);
      timer = undefined;
    } else {
      if (at === steps.length - 1) go(-1);
      timer = setInterval(() => {
        if (at >= steps.length - 1) toggle();
        else move(1);
      }, Number(speed.value));
    }
    play.textContent = timer ? "⏸ pause" : "▶ play";
  }

  function run() {
    const [, device, number] = block.value.trim().match(/^(?:(\S+)\s+)?(\d+)$/) ?? [];
    if (until.value === "block" && number === undefined) {
      line.textContent = `"${block.value}" is not allowed: a device and a block, such as data 8`;
      return;
    }
    const what = /** @type {Wanted["what"]} */ (until.value);
    const found = search(chosen, level, at, {
      what,
      device,
      block: Number(number),
    });
    if (found >= 0) go(found);
    else line.textContent = "It does not happen any more from here on.";
  }

  root.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    const key = event.key;
    if (["INPUT", "SELECT"].includes(target.tagName)) return;
    if (target.classList.contains("sp-cell") && /^Arrow/.test(key)) {
      const cells = /** @type {SVGElement[]} */ ([...stage.querySelectorAll(".sp-cell")]);
      const here = cells.indexOf(/** @type {SVGElement} */ (target));
      const next = cells[here + (key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1)];
      next?.focus();
    } else if (key === "ArrowRight") move(1);
    else if (key === "ArrowLeft") move(-1);
    else if (key === "Home") go(-1);
    else if (key === "End") go(steps.length - 1);
    else if (key === " " && target.tagName !== "BUTTON") toggle();
    else return;
    event.preventDefault();
  });

  /** On paper: the map and the bill after every operation, with what was said. */
  function paper() {
    const end = axisEnd(chosen);
    print.replaceChildren(
      ...chosen.flatMap((story, i) =>
        story.acts.map((act, number) => {
          const mine = steps.filter((step) => step.act === number);
          const last = mine.length ? mine[mine.length - 1].at[i] : -1;
          const found = stops(story, level);
          const told = found
            .filter(([first]) => story.frames[first].act === number)
            .map((stop) => html("li", {}, describe(story, stop)));
          const layers = drawLayers(story, found[last]);
          const table = drawTable(story, found[last]);
          const parts = table
            ? [table]
            : [
                drawMap(story, found[last], level, 620, () => {}),
                ...(layers ? [layers] : []),
                drawBill(story, found[last] ? found[last][1] : -1, end, false),
              ];
          return html(
            "section",
            {},
            html("h3", {}, `${number + 1}. ${act.title}`),
            html("ol", {}, ...told),
            ...(page.ask ? [] : [...parts, ...(act.says ?? []).map((each) => html("p", {}, each))]),
          );
        }),
      ),
    );
  }
  addEventListener("beforeprint", paper);
  addEventListener("afterprint", () => print.replaceChildren());
  let seen = 0;
  new ResizeObserver(() => {
    if (root.clientWidth && root.clientWidth !== seen) {
      seen = root.clientWidth;
      render();
    }
  }).observe(root);

  outline();
  render();
  return { go, level: setLevel, step: () => at, steps: () => steps.length };
}

/** For anywidget: the model holds the page as JSON. */
export default {
  /** @param {{model: {get: (name: string) => unknown}, el: HTMLElement}} widget */
  render({ model, el }) {
    mount(el, /** @type {Page} */ (JSON.parse(String(model.get("page")))));
  },
};
