from eventproc.model.trigger_results import PathState, pack
from eventproc.runtime.paths import PathRunner, Step
from eventproc.runtime.trigger_report import StepCounts, path_counts, step_counts
from eventproc.runtime.watchers import Watchers
from eventproc.runtime.worker import Worker
from tests.eventproc.runtime.modules import Forgetful


class Nowhere:
    label = "module"

    def produces(self, *_):
        return None


def path_of(n_modules):
    workers = [Worker(i, f"m{i}", Forgetful(None, Nowhere()), Watchers(())) for i in range(n_modules)]
    return PathRunner("p", [Step(worker) for worker in workers])


def test_what_a_module_passes_the_next_one_visits():
    path = path_of(3)
    path.counts[pack(PathState.Pass, 2)] = 5
    path.counts[pack(PathState.Fail, 0)] = 2
    path.counts[pack(PathState.Fail, 2)] = 1
    path.counts[pack(PathState.Exception, 1)] = 4
    assert path_counts(path) == StepCounts(visited=12, passed=5, failed=3, errors=4)
    assert step_counts(path) == [StepCounts(12, 10, 2, 0), StepCounts(10, 6, 0, 4), StepCounts(6, 5, 1, 0)]


def test_a_path_without_modules_passes():
    path = path_of(0)
    path.counts[pack(PathState.Pass, 0)] = 3
    assert path_counts(path) == StepCounts(3, 3, 0, 0)
    assert step_counts(path) == []
