from __future__ import annotations

from collections.abc import Callable

import pytest

import eventproc.config as cms
from eventproc.config.freeze import freeze
from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import PathStep


@pytest.fixture
def process() -> cms.Process:
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource")
    for label in "abcd":
        setattr(process, label, cms.EDProducer(label.upper()))
    process.f = cms.EDFilter("F")
    return process


def steps(process: cms.Process, path: str = "p") -> list[str]:
    described = {path.name: path for path in freeze(process).paths}
    return [_text(step) for step in described[path].steps]


def _text(step: PathStep) -> str:
    return ("~" if step.negate else "") + ("-" if step.ignore else "") + step.label


def test_plus_times_and_arguments_all_mean_followed_by(process: cms.Process) -> None:
    process.p = cms.Path(process.a + process.b * process.c, process.d)
    assert steps(process) == ["a", "b", "c", "d"]


def test_a_filter_can_be_negated_or_ignored(process: cms.Process) -> None:
    process.p = cms.Path(~process.f + cms.ignore(process.f) + ~~process.f + cms.ignore(~process.f))
    assert steps(process) == ["~f", "-f", "f", "-f"]


def test_sequences_unfold_where_they_stand_and_follow_later_changes(process: cms.Process) -> None:
    process.inner = cms.Sequence(process.b + ~process.f)
    process.outer = cms.Sequence(process.a + process.inner)
    process.p = cms.Path(process.outer + process.d + cms.Sequence(process.a))
    process.inner += process.c
    assert steps(process) == ["a", "b", "~f", "c", "d", "a"]
    assert process.p.moduleNames() == {"a", "b", "c", "d", "f"}


def test_a_path_can_be_changed_in_place(process: cms.Process) -> None:
    process.seq = cms.Sequence(process.b + process.c)
    process.p = cms.Path(process.a + process.seq + ~process.f)
    process.p *= process.d
    process.p.insert(0, process.d)
    process.p.append(process.a)
    assert process.p.contains(process.c)
    assert process.p.index(process.seq) == 2
    assert process.p.replace(process.b, process.d + process.d)
    assert process.p.remove(process.a)
    assert not process.p.remove(cms.EDProducer("X"))
    assert process.p.replace(process.f, process.f) is False
    assert steps(process) == ["d", "d", "d", "c", "~f", "d", "a"]
    assert process.seq.moduleNames() == {"b", "c"}


def test_copies_of_a_sequence_are_independent(process: cms.Process) -> None:
    process.seq = cms.Sequence(process.a + process.b + process.a)
    process.p = cms.Path(process.seq.copyAndExclude([process.a]))
    copy = process.seq.copy()
    copy += process.d
    process.q = cms.Path(copy)
    assert steps(process) == ["b"]
    assert steps(process, "q") == ["a", "b", "a", "d"]
    assert process.seq.moduleNames() == {"a", "b"}


def test_assigning_a_label_anew_changes_all_paths(process: cms.Process) -> None:
    process.seq = cms.Sequence(process.a)
    process.p = cms.Path(process.seq + process.b)
    process.a = cms.EDProducer("Other")
    process.globalReplace("b", cms.EDProducer("Another"))
    assert steps(process) == ["a", "b"]
    assert {module.label: module.type for module in freeze(process).modules}["a"] == "Other"


def test_deleting_a_label_takes_it_off_all_paths(process: cms.Process) -> None:
    process.p = cms.Path(process.a + process.b, cms.Task(process.c))
    del process.a
    del process.c
    assert steps(process) == ["b"]
    assert freeze(process).unscheduled == ()


def test_paths_come_first_then_end_paths_then_final_paths(process: cms.Process) -> None:
    process.out = cms.OutputModule("O")
    process.z = cms.FinalPath(process.out)
    process.e = cms.EndPath(process.a)
    process.p = cms.Path(process.a)
    process.q = cms.Path(process.b)
    assert [(path.name, path.kind) for path in freeze(process).paths] == [
        ("p", "Path"),
        ("q", "Path"),
        ("e", "EndPath"),
        ("z", "FinalPath"),
    ]
    process.schedule = cms.Schedule(process.e, process.q)
    assert [path.name for path in freeze(process).paths] == ["q", "e"]


def test_a_schedule_works_as_a_list(process: cms.Process) -> None:
    process.p, process.q, process.r = cms.Path(process.a), cms.Path(process.b), cms.Path(process.c)
    schedule = cms.Schedule(process.p)
    schedule.insert(0, process.q)
    schedule += [process.r]
    schedule.remove(process.p)
    assert schedule.index(process.r) == 1
    assert len(schedule) == 2
    assert schedule[0] is process.q
    assert list(schedule.copy()) == [process.q, process.r]


def test_modules_of_tasks_that_serve_a_running_path_are_unscheduled(process: cms.Process) -> None:
    process.inner = cms.Task(process.d)
    process.t = cms.Task(process.b, process.inner, cms.Service("Timing"))
    process.seq = cms.Sequence(process.a, process.t)
    process.p = cms.Path(process.seq)
    process.q = cms.Path(process.a, cms.ConditionalTask(process.c))
    assert freeze(process).unscheduled == ("b", "d", "c")
    process.schedule = cms.Schedule(process.p, tasks=cms.Task(process.f))
    assert freeze(process).unscheduled == ("f", "b", "d")


def test_a_module_on_a_path_is_not_unscheduled(process: cms.Process) -> None:
    process.p = cms.Path(process.a + process.b)
    process.p.associate(cms.Task(process.b, process.c))
    assert freeze(process).unscheduled == ("c",)


def test_a_task_can_be_changed_in_place(process: cms.Process) -> None:
    task = cms.Task(process.a, cms.Task(process.b))
    assert task.contains(process.b)
    task.add(process.c)
    assert task.replace(process.c, process.d)
    assert task.remove(process.a)
    assert not task.remove(process.a)
    assert task.moduleNames() == {"b", "d"}
    assert task.copyAndAdd(process.a).moduleNames() == {"a", "b", "d"}
    assert task.copyAndExclude([process.d]).moduleNames() == {"b"}
    assert task.copy().moduleNames() == {"b", "d"}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: cms.Path("a"), "takes modules and sequences, not 'a'"),
        (lambda p: ~(p.a + p.b), "~ works on a single module, not on 2"),
        (lambda p: ~cms.Sequence(p.a), "~ works on a single module, not on a Sequence"),
        (lambda p: cms.ignore(p.a + p.b), "cms.ignore works on a single module"),
        (lambda p: cms.ignore("a"), "cms.ignore takes a module"),
        (lambda p: p.a + cms.Task(p.b), "use .associate"),
        (
            lambda p: cms.Task(cms.EDAnalyzer("A")),
            "takes producers, filters and tasks, not EDAnalyzer of type 'A'",
        ),
        (lambda p: cms.Task(3), "not 3"),
        (lambda p: cms.Path(p.a).associate(p.b), "associate takes cms.Task"),
        (lambda p: cms.Schedule(p.a), "cms.Schedule takes paths, not EDProducer 'a'"),
        (lambda p: cms.Schedule(tasks=[p.a]), "cms.Schedule takes cms.Task as tasks"),
        (lambda p: p.source + p.a, None),
        (lambda p: p.a + 3, None),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(
    process: cms.Process, build: Callable[[cms.Process], object], message: str | None
) -> None:
    if message is None:
        with pytest.raises(TypeError, match="unsupported operand"):
            build(process)
    else:
        with pytest.raises(ConfigurationError, match=rf"test_sequences.py:\d+: .*{message}"):
            build(process)
