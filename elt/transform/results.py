"""dbt's answers in this project's words; nothing here imports dbt."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from elt.errors import ConfigError, EltError, Unavailable
from elt.events import Status
from elt.project.nearest import nearest
from elt.singer.diagnosis import BROKEN_CONNECTIONS
from elt.transform.manifest import Node
from elt.transform.sources import source_names

# dbt names the file of an error in brackets, or after `at path`.
FILE = re.compile(r"\(?([\w./ -]+\.(?:sql|py|ya?ml|csv|md))\b\)?")
LINE = re.compile(r"\bline (\d+)")
SOURCE = re.compile(r"depends on a source named '(.+?)' which was not found")
HINTS = (
    ("package(s) installed", "Run `elt dbt deps`"),
    ("Env var required", "Set it in the environment, or in `.env` beside elt.toml"),
    ("Required var", "Give it under `[transform.vars]` in elt.toml"),
    ("Could not find profile", "Name a `profile` in dbt_project.yml"),
)
# What may be over at the next try.
_PASSING = (
    r"could not set lock on file|conflicting lock is held|database is locked",
    r"transactioncontext error: .*conflict|could not serialize|deadlock detected",
    r"http.*\b(429|502|503|504)\b",
    r"no space left on device",
    *BROKEN_CONNECTIONS,
)
TEMPORARY = re.compile("|".join(_PASSING), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NodeResult:
    """How one node of a build ended."""

    unique_id: str
    status: Status
    seconds: float = 0.0
    rows: int | None = None  # of the table as it is now; None for views and tests
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What dbt said when a node ended, in dbt's own words.

    `rows` is our own count of the table that it built.
    """

    unique_id: str
    status: str
    message: str
    seconds: float
    failures: int
    rows: int | None = None


class Results:
    """The answers of one build, given on as they come, once for each node.

    With `holds_back`, a temporary failure is not given on but held, with what is
    skipped for nothing else: another try answers for them.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        on_result: Callable[[NodeResult], None],
        *,
        holds_back: bool = False,
    ) -> None:
        self.held: dict[str, NodeResult] = {}
        self._holds_back = holds_back
        self.wanted = {node.unique_id: node for node in nodes}
        self._ended: dict[str, NodeResult] = {}
        self._on_result = on_result
        self._reasons: dict[str, list[str]] = {}

    def missing(self) -> list[Node]:
        """Give the nodes that have no answer yet."""
        return [node for id_, node in self.wanted.items() if id_ not in self._ended]

    def reason(self, unique_id: str, text: str) -> bool:
        """Remember why a node fails; say whether that is new."""
        known = self._reasons.setdefault(unique_id, [])
        if not text or text in known:
            return False
        known.append(text)
        return True

    def take(self, node: Node, answer: Answer, *, cancelled: bool) -> None:
        answer = _with_reason(answer, self._reasons.get(node.unique_id, ()))
        result = result_of(node, answer, cancelled=cancelled)
        if result.status == "skipped":
            why = skip_message(node, self.wanted, self._ended)
            result = replace(result, message=why)
        if self._holds_back and self._is_for_later(node, result):
            self._ended[result.unique_id] = self.held[result.unique_id] = result
        else:
            self.add(result)

    def add(self, result: NodeResult) -> None:
        self._ended[result.unique_id] = result
        self._on_result(result)

    def _is_for_later(self, node: Node, result: NodeResult) -> bool:
        if result.status == "failed":
            return is_temporary(result.message)
        if result.status != "skipped":
            return False
        causes = _causes(node, self.wanted, self._ended)
        return bool(causes) and all(cause in self.held for cause in causes)

    def finish(self, *, cancelled: bool) -> list[NodeResult]:
        """Answer for the nodes of which dbt said nothing; give all in their order."""
        for node in self.missing():
            if cancelled:
                self.add(NodeResult(node.unique_id, "interrupted"))
            else:
                message = "dbt gave no answer for it"
                self.add(NodeResult(node.unique_id, "failed", message=message))
        return [self._ended[unique_id] for unique_id in self.wanted]


def result_of(node: Node, answer: Answer, *, cancelled: bool) -> NodeResult:
    """Translate one answer.

    A failing test is `stopped`: it held back what lies downstream on purpose.
    """
    status = status_of(answer.status)
    if cancelled and status in {"failed", "skipped"}:
        return NodeResult(node.unique_id, "interrupted", answer.seconds)
    return NodeResult(
        node.unique_id,
        status,
        answer.seconds,
        answer.rows,
        _message(node, status, answer),
        _hint(node, status),
    )


def _with_reason(answer: Answer, reasons: Sequence[str]) -> Answer:
    """Put the first reason into the message that lacks it: of batches dbt counts."""
    if not reasons or status_of(answer.status) != "failed":
        return answer
    if reasons[0] in answer.message:
        return answer
    said = "" if answer.message == "ERROR" else answer.message
    return replace(answer, message=": ".join(filter(None, (said, reasons[0]))))


def status_of(said: str) -> Status:
    match said:
        case "success" | "pass" | "no-op":
            return "done"
        case "warn":
            return "warned"
        case "fail":
            return "stopped"
        case "skipped":
            return "skipped"
        case _:  # error, runtime error, partial success
            return "failed"


def skip_message(
    node: Node, nodes: Mapping[str, Node], ended: Mapping[str, NodeResult]
) -> str:
    """Name what a skipped node waited for: a bad parent, or a bad test of one.

    A parent that was itself skipped hands on what it was skipped for.
    """
    causes = _causes(node, nodes, ended)
    if not causes:
        return "because of something upstream"
    first = nodes[causes[0]]
    return f"because {first.kind} {first.name} {ended[causes[0]].status}"


def is_temporary(message: str) -> bool:
    """Say whether another try may do, by what dbt and its database said."""
    return TEMPORARY.search(" ".join(message.split())) is not None


def _causes(
    node: Node, nodes: Mapping[str, Node], ended: Mapping[str, NodeResult]
) -> list[str]:
    """Find the nodes that hold this one back, the first to end first."""
    ancestors = _ancestors(node, nodes)
    return [
        unique_id
        for unique_id, result in ended.items()
        if result.status in {"failed", "stopped"}
        and _holds_back(nodes[unique_id], ancestors)
    ]


def error_of(message: str, project_dir: Path, *, parsing: bool) -> EltError:
    """Make one error of dbt's message, with the file that it names."""
    lasting = ConfigError if parsing else EltError
    kind = Unavailable if is_temporary(message) else lasting
    verb = "read its project" if parsing else "build"
    hint = next((hint for said, hint in HINTS if said in message), None)
    if missing := SOURCE.search(message):
        hint = _about_source(missing[1], project_dir)
    return kind(
        f"dbt cannot {verb}\n{_indented(message)}",
        where=_where(message, project_dir),
        hint=hint or "`elt dbt parse` and `elt dbt compile` show more",
    )


def _about_source(name: str, project_dir: Path) -> str:
    close = nearest(name, source_names(project_dir))
    if close is None:
        return "Declare the source, or load its stream first: `elt run tap:NAME`"
    source, _, table = close.partition(".")
    return f"Did you mean `source('{source}', '{table}')`?"


def _message(node: Node, status: Status, answer: Answer) -> str:
    if (
        node.kind == "test"
        and not node.is_unit_test
        and status in {"stopped", "warned"}
    ):
        rows = "row" if answer.failures == 1 else "rows"
        return f"{answer.failures:,} {rows} failed the test"
    if status == "done":
        return ""
    return answer.message.strip()


def _hint(node: Node, status: Status) -> str:
    if node.kind != "test" or node.is_unit_test or status not in {"stopped", "warned"}:
        return ""
    return f"`elt dbt show --select {shlex.quote(node.name)}` shows the rows"


def _ancestors(node: Node, nodes: Mapping[str, Node]) -> set[str]:
    found: set[str] = set()
    ahead = list(node.depends_on)
    while ahead:
        unique_id = ahead.pop()
        if unique_id not in found:
            found.add(unique_id)
            ahead.extend(nodes[unique_id].depends_on if unique_id in nodes else ())
    return found


def _holds_back(node: Node, ancestors: Collection[str]) -> bool:
    if node.kind == "test":
        return any(parent in ancestors for parent in node.depends_on)
    return node.unique_id in ancestors


def _where(message: str, project_dir: Path) -> str | None:
    named: Iterable[str] = (match[1].strip() for match in FILE.finditer(message))
    # dbt names some files from the project's folder, some from the folder of models.
    found = (
        path
        for name in named
        for path in (project_dir / name, *project_dir.glob(f"*/{name}"))
        if path.is_file()
    )
    path = next(found, None)
    if path is None:
        return None
    line = LINE.search(message)
    return f"{path}:{line[1]}" if line else str(path)


def _indented(message: str) -> str:
    return "\n".join(f"  {line}" for line in message.strip().splitlines())
