"""A fake server on an event loop of its own, for jobs that hold up theirs."""

import asyncio
import threading
from contextlib import contextmanager

import psutil


@contextmanager
def serve_elsewhere(server):
    """Runs a server that was not started; gives its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    try:
        yield server.address
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def is_server(process: psutil.Process) -> bool:
    """Whether it is an accelerator server that has not ended."""
    try:
        return "accelerator_server" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # of other tests
        return False
