"""B-tree path copying: how many nodes a change writes anew, and how many two trees still share."""

from snapsim.block.device import BlockDevice
from snapsim.block.snapshots.thin.btree import BTree
from snapsim.block.snapshots.thin.metadata_blocks import MetadataBlocks, MetadataNode
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import traps

_RULE = (
    "A node that two trees share is never changed: a copy of it is. A new leaf needs a new parent, that one too, "
    "up to the root; what two changes have in common on the way is copied once."
)
_LEAF = 12


def _state(dice: Dice, level: int) -> Draft:
    leaves = dice.between(4, 6 + 2 * level)
    blocks = MetadataBlocks(BlockDevice(4096))
    tree = BTree(blocks, leaf_capacity=_LEAF)
    first, stride = dice.between(0, 99), dice.between(2, 9)
    for number in range(leaves * _LEAF // 2):
        tree.insert(first + number * stride)
    blocks.commit()
    leaves_now = tree.root.children or []
    held_by = [list(leaf.keys) for leaf in leaves_now]
    twin = tree.copy()
    chosen = dice.some(leaves_now, dice.between(1, min(level + 1, len(leaves_now) - 1)))
    keys = [key for leaf in chosen for key in dice.some(leaf.keys, dice.between(1, 2))]
    for key in keys:
        twin.insert(key)
    old, new = _nodes(tree.root), _nodes(twin.root)
    written, shared = len(new - old), len(new & old)
    told = "\n".join(f"- leaf {number}: keys {', '.join(map(str, held))}" for number, held in enumerate(held_by))
    return Draft(
        f"A B-tree with a root and {len(held_by)} leaves:\n\n{told}\n\nA snapshot is taken: a second tree with the "
        f"same root. Then, in one transaction, keys get new values in the second tree: {', '.join(map(str, keys))}.",
        _RULE,
        (
            Question(
                "nodes written anew",
                written,
                traps(
                    written,
                    {
                        len(set(keys)): "the root has to point to the new leaves",
                        2 * len(keys): "a node is copied once a transaction",
                        len(old): "only the paths to what changes are copied",
                    },
                ),
            ),
            Question(
                "nodes that both trees have",
                shared,
                traps(shared, {len(old): "what was copied is not shared any more"}),
            ),
            Question(
                "nodes of both trees together",
                len(new | old),
                traps(len(new | old), {len(old) + len(new): "what is shared is counted once"}),
            ),
        ),
    )


def _nodes(node: MetadataNode) -> set[int]:
    """The blocks of a tree's nodes."""
    return {node.block}.union(*(_nodes(child) for child in node.children or ()))


TOPIC = Topic("path-copying", "Path copying in a B-tree", _state)
