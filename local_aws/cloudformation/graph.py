"""In which order resources are made, and running that order in parallel."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping

from local_aws.cloudformation.errors import ValidationError
from local_aws.cloudformation.template import Template, references

Dependencies = Mapping[str, frozenset[str]]


class DependencyFailedError(Exception):
    """Not attempted, because something that had to be done before it failed."""


def dependencies_of(template: Template) -> Dependencies:
    """For each resource the resources that must stand before it.

    Raises:
        ValidationError: the references run in a circle.
    """
    resources = template.resources
    found = {
        name: frozenset(
            other
            for other in (*references(body.properties), *body.depends_on)
            if other in resources and other != name
        )
        for name, body in resources.items()
    }
    order_of(found)
    return found


def order_of(dependencies: Dependencies) -> list[str]:
    """Names so that each comes after what it depends on; otherwise in the order given."""
    done: dict[str, None] = {}
    waiting = list(dependencies)
    while waiting:
        ready = [
            name
            for name in waiting
            if all(other in done or other not in dependencies for other in dependencies[name])
        ]
        if not ready:
            raise ValidationError(
                f"Circular dependency between resources: [{', '.join(sorted(waiting))}]"
            )
        done.update(dict.fromkeys(ready))
        waiting = [name for name in waiting if name not in done]
    return list(done)


def reversed_dependencies(dependencies: Dependencies) -> Dependencies:
    """The order for deletion: what depends on a resource goes before it."""
    return {
        name: frozenset(other for other, needs in dependencies.items() if name in needs)
        for name in dependencies
    }


def run_in_order(
    dependencies: Dependencies,
    action: Callable[[str], None],
    *,
    stop_at_failure: bool,
    on_failure: Callable[[frozenset[str]], None] = lambda _: None,
    workers: int = 8,
) -> dict[str, Exception]:
    """Run ``action`` for each name, after all it depends on, several at a time.

    The threads are daemons: a server that shuts down does not wait for an endpoint.

    Args:
        dependencies: names and what must be done before each; names that are not keys are ignored.
        action: called once for each name.
        stop_at_failure: start nothing more after the first failure; otherwise go on with all that
            does not depend on what failed.
        on_failure: called once, at the first failure, with the names that are still running.
        workers: how many actions run at the same time.

    Returns:
        Exceptions by name; empty when all went well.
    """
    waiting = dict(dependencies)
    running: set[str] = set()
    failures: dict[str, Exception] = {}
    finished: queue.SimpleQueue[tuple[str, Exception | None]] = queue.SimpleQueue()

    def work(name: str) -> None:
        try:
            action(name)
        except Exception as error:
            finished.put((name, error))
        else:
            finished.put((name, None))

    def blocked(name: str) -> bool:
        needs = waiting[name]
        return any(other in waiting or other in running for other in needs)

    while waiting or running:
        if not (failures and stop_at_failure):
            ready = [name for name in waiting if not blocked(name)]
            for name in ready[: workers - len(running)]:
                needs = waiting.pop(name)
                if needs & failures.keys():
                    failures[name] = DependencyFailedError(name)
                    continue
                running.add(name)
                threading.Thread(target=work, args=(name,), name=f"cfn-{name}", daemon=True).start()
        elif not running:
            break
        if not running:
            continue
        name, error = finished.get()
        running.discard(name)
        if error is not None:
            first = not failures
            failures[name] = error
            if first:
                on_failure(frozenset(running))
    return failures
