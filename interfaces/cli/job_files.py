"""Reads jobs from YAML: several documents a file, each a job, a list of jobs, or `jobs:` with one; places are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from interfaces.cli.exits import Failure
from interfaces.cli.input_files import files_below, read_input, shown
from interfaces.cli.job_yaml import JobLoader, NotJson, as_yaml, check_aliases, check_depth

_LARGEST_FILE = 32 * 1024 * 1024
_HINT_FOR_STARS = " (a cron expression that begins with * needs quotes)"


@dataclass(frozen=True, slots=True)
class WrittenJob:
    """A job as somebody wrote it, and where: `node` is its part of the file's syntax tree."""

    file: str
    node: yaml.Node
    document: dict[str, Any]

    @property
    def name(self) -> str:
        name = self.document.get("name")
        return name if isinstance(name, str) else f"job at {self.place('')}"

    def place(self, pointer: str) -> str:
        """`file:line:column` of what a JSON pointer points at, or of the nearest thing around it that is written."""
        node = self.node
        for part in pointer.split("/")[1:]:
            inner = _child(node, part.replace("~1", "/").replace("~0", "~"))
            if inner is None:
                break
            node = inner
        return _place(self.file, node.start_mark)

    def place_of(self, pointer: str) -> str:
        """The place, and the pointer that leads to it."""
        return f"{self.place(pointer)} {pointer}".rstrip()


def jobs_in(files: Iterable[str]) -> list[WrittenJob]:
    """The jobs of files, directories and standard input; ends the command where there are none, or two of one name."""
    paths = [path for file in files for path in files_below(file, (".yaml", ".yml", ".json"))]
    written = [job for path in paths for job in read_jobs(path, read_input(path, _LARGEST_FILE))]
    if not written:
        raise Failure(f"there is no job in {', '.join(files)}")
    refuse_doubles(written)
    return written


def read_jobs(file: str, content: bytes) -> list[WrittenJob]:
    """The jobs of one file in their order; ends the command at the first thing that is not YAML or not a job."""
    file = shown(file)
    try:
        return [job for document in _documents(content) for job in _jobs_of(file, *document)]
    except NotJson as refused:
        raise Failure(f"{_place(file, refused.mark)}: {refused.reason}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = ", ".join(part for part in (error.context, error.problem) if part)
        hint = _HINT_FOR_STARS if "alias" in words else ""
        raise Failure(f"{_place(file, mark) if mark else file}: {words}{hint}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"{file}: not a text in YAML: {str(error).splitlines()[0]}") from None


def refuse_doubles(jobs: list[WrittenJob]) -> None:
    """Ends the command when two documents bear one name, for the later would undo the earlier."""
    first: dict[str, WrittenJob] = {}
    doubles = []
    for job in jobs:
        earlier = first.setdefault(job.name, job)
        if earlier is not job:
            doubles.append(f"{job.name}: at {earlier.place('/name')} and at {job.place('/name')}")
    if doubles:
        raise Failure("\n  ".join(("jobs with the same name, nothing was done:", *doubles)))


def _documents(content: bytes) -> Iterator[tuple[yaml.Node, Any]]:
    content = as_yaml(content)
    check_depth(content)
    loader = JobLoader(content)
    try:
        while loader.check_node() and (node := loader.get_node()):
            check_aliases(node)
            yield node, loader.construct_document(node)
    finally:
        loader.dispose()


def _jobs_of(file: str, node: yaml.Node, value: Any) -> list[WrittenJob]:
    if value is None:
        return []  # an empty document, as after a closing ---
    if isinstance(value, dict) and set(value) == {"jobs"}:
        node, value = _child(node, "jobs") or node, value["jobs"]
    if isinstance(node, yaml.SequenceNode):
        return [_job(file, item, job) for item, job in zip(node.value, value, strict=True)]
    return [_job(file, node, value)]


def _job(file: str, node: yaml.Node, value: Any) -> WrittenJob:
    if not isinstance(value, dict):
        raise NotJson("a job is a mapping with name, type and trigger", node.start_mark)
    return WrittenJob(file, node, value)


def _child(node: yaml.Node, part: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item: yaml.Node = node.value[int(part)]
        return item
    return None


def _place(file: str, mark: Any) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}"
