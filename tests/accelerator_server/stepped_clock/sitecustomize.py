"""Python runs this first where the folder is on PYTHONPATH: a wall clock that signals step by an hour."""

import signal
import time

import time_machine

HOUR_S = 3600

_clock = time_machine.travel(time.time(), tick=True).start()
signal.signal(signal.SIGUSR1, lambda *_: _clock.shift(HOUR_S))
signal.signal(signal.SIGUSR2, lambda *_: _clock.shift(-HOUR_S))
