"""Turns on a worker: company for most, none for suspects."""

import threading

from accelerator_server.workers.turns import Turns


def test_batches_run_side_by_side():
    turns = Turns()
    with turns.turn(alone=False), turns.turn(alone=False):
        pass


def test_a_suspect_runs_when_the_others_have_ended_and_nobody_joins_it():
    turns, order = Turns(), []
    came = threading.Semaphore(0)
    leave = threading.Event()

    def suspect() -> None:
        came.release()
        with turns.turn(alone=True):
            order.append("suspect")
            leave.wait(30)
            order.append("suspect ends")

    def newcomer() -> None:
        came.release()
        with turns.turn(alone=False):
            order.append("newcomer")

    with turns.turn(alone=False):
        threads = [threading.Thread(target=suspect)]
        threads[0].start()
        came.acquire()
        while not turns._n_want_to_be_alone:
            pass
        threads.append(threading.Thread(target=newcomer))
        threads[1].start()
        came.acquire()
        order.append("first ends")
    while "suspect" not in order:
        pass
    leave.set()
    for thread in threads:
        thread.join(30)
    assert order == ["first ends", "suspect", "suspect ends", "newcomer"]
