"""Volumes with one bug each, and the two correct ones that they are planted in.

They judge tests: a student's properties have to find the bugs and to leave the correct ones alone
(`snapsim.testing.check_properties`); and they judge the kit.

LEAVES OUT: bugs of drivers, pools and engines; those are in the tests of the kit.
"""

from snapsim.testing.volumes.planted.cow import (
    CallsACopyData,
    CopiesOutAfterTheWrite,
    CopiesOutAgain,
    CopiesOutForTheNewestOnly,
    CopiesOutHalfAChunk,
    CopiesOutTheFirstChunkOnly,
    CountsACopyTwice,
    InventsAPurpose,
    LeaksAtDeletion,
    OriginForgetsToCopyOut,
    RollbackForgetsChunks,
    RollbackHurtsOtherSnapshots,
)
from snapsim.testing.volumes.planted.models import Cow, CowSnapshot, Row
from snapsim.testing.volumes.planted.row import (
    DeletionFreesWhatIsShared,
    DiscardForgetsToFree,
    DiscardFreesWhatIsShared,
    DiscardTakesANeighbour,
    DividesByZeroAtTheSecondSnapshot,
    FirstDuplicateWins,
    LeaksACountAtDeletion,
    PartialWriteNotFilled,
    ReadsInOrderOfPlaces,
    RollbackForgetsTheCounts,
    SharesTheLiveMap,
    SnapshotsCanBeWritten,
    StaleRestOfAFreshChunk,
    WritesInPlaceBelowAClone,
)

__all__ = [
    "BUGS",
    "CORRECT",
    "CallsACopyData",
    "CopiesOutAfterTheWrite",
    "CopiesOutAgain",
    "CopiesOutForTheNewestOnly",
    "CopiesOutHalfAChunk",
    "CopiesOutTheFirstChunkOnly",
    "CountsACopyTwice",
    "Cow",
    "CowSnapshot",
    "DeletionFreesWhatIsShared",
    "DiscardForgetsToFree",
    "DiscardFreesWhatIsShared",
    "DiscardTakesANeighbour",
    "DividesByZeroAtTheSecondSnapshot",
    "FirstDuplicateWins",
    "InventsAPurpose",
    "LeaksACountAtDeletion",
    "LeaksAtDeletion",
    "OriginForgetsToCopyOut",
    "PartialWriteNotFilled",
    "ReadsInOrderOfPlaces",
    "RollbackForgetsChunks",
    "RollbackForgetsTheCounts",
    "RollbackHurtsOtherSnapshots",
    "Row",
    "SharesTheLiveMap",
    "SnapshotsCanBeWritten",
    "StaleRestOfAFreshChunk",
    "WritesInPlaceBelowAClone",
]

CORRECT = (Cow, Row)
BUGS = (
    OriginForgetsToCopyOut,
    CopiesOutForTheNewestOnly,
    CopiesOutAfterTheWrite,
    CopiesOutAgain,
    CopiesOutTheFirstChunkOnly,
    CopiesOutHalfAChunk,
    CountsACopyTwice,
    CallsACopyData,
    InventsAPurpose,
    LeaksAtDeletion,
    RollbackForgetsChunks,
    RollbackHurtsOtherSnapshots,
    SharesTheLiveMap,
    PartialWriteNotFilled,
    StaleRestOfAFreshChunk,
    WritesInPlaceBelowAClone,
    LeaksACountAtDeletion,
    DeletionFreesWhatIsShared,
    DiscardFreesWhatIsShared,
    DiscardForgetsToFree,
    DiscardTakesANeighbour,
    RollbackForgetsTheCounts,
    FirstDuplicateWins,
    ReadsInOrderOfPlaces,
    SnapshotsCanBeWritten,
    DividesByZeroAtTheSecondSnapshot,
)
