"""Processes that share visits among them.

One process deals batches to the others over pipes, one at a time. Nothing else is shared, no lock and no queue, so
that any of them may die at any moment: its transaction is rolled back by the database, and its batch is dealt again.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeVar

from ssdb.association.batches import Batches
from ssdb.errors import SsdbError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

_SECONDS_TO_END = 20.0
"""So long a worker may take to cancel its statement and to roll back, when all are to end."""

Part = TypeVar("Part")
Work = Callable[[Database, list[int]], Part]
"""What is done with a batch. It is pickled, and so is what it returns: a function of a module, or a partial of one."""


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker has ended in the middle of a batch.

    Attributes
    ----------
    reason : str
    """

    reason: str


@dataclass(eq=False, slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    started: bool = False
    batch: list[int] = field(default_factory=list)


def share(
    url: str, n_workers: int, work: Work[Part], batches: Batches
) -> Iterator[tuple[list[int], Part | WorkerDied]]:
    """Lets processes work on batches until there are none left.

    Parameters
    ----------
    url : str
        Of the database; every worker has its own connection to it.
    n_workers : int
        How many processes. One that dies is replaced by a new one while there is work.
    work : callable
        See :data:`Work`. It must not raise.
    batches : Batches
        Where batches are taken from. Whoever iterates may put some back, of a worker that died too.

    Yields
    ------
    (list of int, Part or WorkerDied)
        A batch, and what ``work`` returned.

    Raises
    ------
    SsdbError
        If no worker can be started, or none can reach the database.
    """
    workers: list[_Worker] = []
    try:
        workers += (_start(url, work) for _ in range(n_workers))
        while busy := _deal(workers, batches):
            by_pipe = {worker.pipe: worker for worker in busy}
            for pipe in wait(list(by_pipe)):
                worker = by_pipe[pipe]  # type: ignore[index]  # only of those that were waited for
                try:
                    answer = worker.pipe.recv()
                except (EOFError, OSError):
                    answer = WorkerDied(_last_words(worker))
                if not worker.started and isinstance(answer, SsdbError | WorkerDied):
                    # It would not go better with the next one. The others may have started.
                    workers.remove(worker)
                    _end([worker])
                    if not workers:
                        raise _cannot_start(answer)
                elif not worker.started:
                    worker.started = True
                else:
                    batch, worker.batch = worker.batch, []
                    yield batch, answer
                    if isinstance(answer, WorkerDied):
                        workers.remove(worker)
                        _end([worker])
                        if batches:
                            workers.append(_start(url, work))
    except BaseException:
        for worker in workers:
            worker.process.terminate()
        raise
    else:
        for worker in workers:
            if not worker.started:
                worker.process.terminate()
    finally:
        _end(workers)


def _deal(workers: list[_Worker], batches: Batches) -> list[_Worker]:
    """Gives a batch to everyone who waits for one; returns those from whom something is to be heard."""
    busy = []
    for worker in workers:
        if worker.started and not worker.batch:
            worker.batch = batches.take()
            if worker.batch:
                # Of one that has just died the end of the pipe will be read next.
                with suppress(ConnectionError):
                    worker.pipe.send(worker.batch)
        if worker.batch or (batches and not worker.started):
            busy.append(worker)
    return busy


def _start(url: str, work: Work[Part]) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    # Daemons end with their parent, whatever ends it.
    process = context.Process(target=_run, args=(theirs, url, work), name="ssdb worker", daemon=True)
    with _interrupts_held():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Within, Ctrl-C waits, and processes started within do not get it: their parent tells them to end.

    It would leave a process without what it is to do, or end it in the middle of its imports, both with a traceback.
    """
    if sys.platform == "win32":
        yield
        return
    # Starting it later would let interrupts through again.
    resource_tracker.ensure_running()
    held: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    # The mask is for the new process: here another thread may get the signal, and Python interrupts the main thread.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.signal(signal.SIGINT, lambda number, _frame: held.append(number)) if in_main_thread else None
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if in_main_thread:
            signal.signal(signal.SIGINT, handler)
        for number in held:
            signal.raise_signal(number)


def _run(pipe: Connection, url: str, work: Work[Part]) -> None:
    """A worker: says that it is ready, and answers batches until the pipe is closed."""
    try:
        # To be told to end is an interruption: the statement is cancelled and the transaction rolled back.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            database = connect(url)
        except SsdbError as error:
            pipe.send(error)
            return
        with closing(database):
            pipe.send(None)
            while True:
                pipe.send(work(database, pipe.recv()))
    except (KeyboardInterrupt, EOFError, ConnectionError):
        return


def _last_words(worker: _Worker) -> str:
    worker.process.join()
    code = worker.process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _cannot_start(answer: SsdbError | WorkerDied) -> SsdbError:
    if isinstance(answer, SsdbError):
        return answer
    return SsdbError(
        f"a worker process could not be started ({answer.reason}); in a script of your own, call ssdb below "
        '`if __name__ == "__main__":`, since every worker imports the script'
    )


def _end(workers: list[_Worker]) -> None:
    """Waits for the end of workers: their pipes are closed, which tells them."""
    for worker in workers:
        worker.pipe.close()
    for worker in workers:
        worker.process.join(_SECONDS_TO_END)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
