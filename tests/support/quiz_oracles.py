"""The answers of worksheet problems by hand: each oracle reads the story as a student does, and knows no model."""

import re


def numbered(story):
    """The operations of a numbered list, without ticks."""
    return [line.replace("`", "") for line in re.findall(r"^\d+\. (.*)$", story, re.M)]


def number(pattern, story):
    """The number that a pattern finds."""
    return int(re.search(pattern, story).group(1))


def writes(story):
    size = number(r"has (\d+) blocks", story)
    read = row = full = 0
    pending = {}  # block -> snapshots that lack it
    snapshots = 0
    for op in numbered(story):
        if op == "snapshot":
            snapshots += 1
            full += size
            pending = {block: pending.get(block, 0) + 1 for block in range(size)}
            continue
        read += pending.pop(int(op.split()[1]), 0)
        row += 1
    return [read, read + row, 0, row, full + row]


def places(story):
    size = number(r"of (\d+) blocks", story)
    mapped, owned, snapshots, free = list(range(size)), set(range(size)), [], size
    for op in numbered(story):
        if op == "snapshot":
            snapshots.append(tuple(mapped))
            owned = set()
        elif int(op.split()[1]) not in owned:
            mapped[int(op.split()[1])] = free
            owned.add(int(op.split()[1]))
            free += 1
    return [tuple(mapped), *snapshots, len({*mapped}.union(*snapshots))]


def exception_store(story, prompts):
    kib = number(r"chunks of (\d+) KiB", story)
    chunks = list(dict.fromkeys(int(op.split()[1]) * 4 // kib for op in numbered(story)))
    asked = number(r"keeps chunk (\d+) of", prompts[2])
    sectors = kib * 2
    return [len(chunks), tuple(chunks), 2 + chunks.index(asked), (2 + len(chunks)) * sectors, 2 * sectors]


def thin_map(story):
    count = number(r"of (\d+) virtual blocks", story)
    mapped, kept, own, free, copied = {}, {}, set(), 0, 0
    for op in numbered(story):
        if op == "a snapshot is taken":
            kept, own = dict(mapped), set()
            continue
        length, offset = map(int, re.match(r"(\d+) KiB are written at offset (\d+) KiB", op).groups())
        chunk = offset // 64
        if chunk in mapped and chunk in kept and chunk not in own and length < 64:
            copied += 64
        if chunk not in own:
            mapped[chunk] = free
            free += 1
            own.add(chunk)
    now, then = (tuple(each.get(chunk, "-") for chunk in range(count)) for each in (mapped, kept))
    return [now, then, len({place for place in (*now, *then) if place != "-"}), copied]


def deletion(story):
    maps = places(story.replace("A volume of", "of"))
    volume, snapshots = maps[0], maps[1:-1]
    alone = [
        len(set(mine).difference(volume, *(other for j, other in enumerate(snapshots) if j != i)))
        for i, mine in enumerate(snapshots)
    ]
    return [*alone, maps[-1], maps[-1] - len(volume)]


def path_copying(story):
    leaves = [set(map(int, keys.split(", "))) for keys in re.findall(r"^- leaf \d+: keys (.*)$", story, re.M)]
    keys = set(map(int, re.search(r"second tree: (.*)\.", story).group(1).split(", ")))
    written = 1 + sum(bool(leaf & keys) for leaf in leaves)
    total = 1 + len(leaves)
    return [written, total - written, total + written]


def zfs_space(story):
    first, *rest = numbered(story)
    count = number(r"all (\d+) records", first)
    now = {record: (record, 0) for record in range(count)}  # record -> its version, as a pair that is its own
    snapshots, clock, born = [], 0, {}
    for line in rest:
        if line == "a snapshot is taken":
            snapshots.append(set(now.values()))
            born = {}
        else:
            record, clock = number(r"of record (\d+)", line), clock + 1
            now[record] = born[record] = (record, clock)
    current = set(now.values())
    only = set().union(*snapshots) - current
    newest = snapshots[-1] - current - set().union(*snapshots[:-1])
    return [count, len(born), len(only), count + len(only), len(newest)]


def layers_of(story):
    """Layer by layer: path -> KiB, or None for a deletion."""
    return [
        {
            path: None if gone else int(size)
            for path, size, gone in re.findall(r"`(/[^`]*)` (?:\((\d+) KiB\)|(is deleted))", line)
        }
        for line in re.findall(r"^- layer \d+: (.*)$", story, re.M)
    ]


def merged(layers):
    seen = {}
    for layer in layers:
        seen.update(layer)
    return {path: size for path, size in seen.items() if size is not None}


def copy_up(story):
    image = merged(layers_of(story))
    upper, whiteouts, copied = set(), set(), 0
    for op in numbered(story):
        verb, path = op.split()
        if verb == "rm":
            whiteouts |= {path} & image.keys()
            upper.discard(path)
            continue
        if verb != "create" and path not in upper:
            copied += image[path]
        upper.add(path)
    return [frozenset(upper), frozenset(whiteouts), copied]


def listing(story, prompts):
    layers = layers_of(story)
    seen = merged(layers)
    asked = [seen[path] for prompt in prompts for path in re.findall(r"KiB of `(.*)` in", prompt)]
    everything = sum(size or 0 for layer in layers for size in layer.values())
    return [frozenset(seen), *asked, everything - sum(seen.values())]


def docker_sizes(story):
    parts = {
        name: {path: int(size) for path, size in re.findall(r"`(/\w+)` (\d+) KiB", line)}
        for name, line in re.findall(r"^- (.*?): (.*)$", story, re.M)
    }
    base = {path: size for name, part in parts.items() if name.startswith("base") for path, size in part.items()}
    shared = sum(base.values())
    web, db = (sum(parts[f"layer of {name}"].values()) for name in ("web", "db"))
    changed = base[re.search(r"bytes to `(/\w+)`", story).group(1)]
    rw = changed + number(r"new file of (\d+) KiB", story)
    return [shared + web, shared, rw, shared + web + rw, shared + web + db]


def page_cache(story, prompts):
    size, count = number(r"a file of (\d+) KiB", story), number(r"(\d+) containers run", story)
    writers = int((re.search(r"then (\d+) of them", story) or [0, 0])[1])
    shared = size * (1 + writers)
    return [shared if prompt.startswith(("overlay2", "aufs")) else size * count for prompt in prompts]


def cheapest(story):
    told = re.search(r"file of (\d+) KiB of its image: (\d+) KiB in each of (\d+)", story)
    size, length, count = map(int, told.groups())
    written = {
        "overlay2": size + count * length,
        "devicemapper": count * (64 + length),
        "btrfs": count * length,
        "zfs": count * 128,
    }
    return [*written.values(), min(written, key=written.get)]


ORACLES = {
    "writes": writes,
    "places": places,
    "exception-store": exception_store,
    "thin-map": thin_map,
    "deletion": deletion,
    "path-copying": path_copying,
    "zfs-space": zfs_space,
    "copy-up": copy_up,
    "listing": listing,
    "docker-sizes": docker_sizes,
    "page-cache": page_cache,
    "cheapest": cheapest,
}
WITH_PROMPTS = {"exception-store", "listing", "page-cache"}


def answers(problem):
    """What the oracle of its topic says."""
    more = [[question.prompt for question in problem.questions]] if problem.topic in WITH_PROMPTS else []
    return ORACLES[problem.topic](problem.draft.story, *more)
