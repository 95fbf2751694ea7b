"""The topics of worksheet problems (contract: `snapsim.course.quiz.topic`): one file each, one line each."""

from snapsim.course.quiz.topic import Topic
from snapsim.course.quiz.topics import (
    cheapest,
    copy_up,
    deletion,
    docker_sizes,
    exception_layout,
    listing,
    page_cache,
    path_copying,
    places,
    thin_map,
    writes,
    zfs_space,
)

TOPICS: dict[str, Topic] = {
    module.TOPIC.name: module.TOPIC
    for module in (
        writes,
        places,
        exception_layout,
        thin_map,
        deletion,
        path_copying,
        zfs_space,
        copy_up,
        listing,
        docker_sizes,
        page_cache,
        cheapest,
    )
}
