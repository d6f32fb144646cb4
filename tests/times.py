# SPDX-License-Identifier: MIT
"""Where the time of a run goes: for each job (a boot of a machine with its cases, or a case of the host) its seconds,
those of them in cases and those for which it waited for a lock, and the CPU seconds of the programs that it started.

A thread does one job at a time. A program's costs, with those of what it has waited for, are known at its end.
"""
import os
import subprocess
import threading
import time

mine = threading.local()  # .job: the Job that this thread does
done = []                 # the jobs that came to their end


class Job:
    def __init__(self, name):
        self.name = name
        self.seconds = self.cases = self.waited = self.cpu = 0.0


def add(field, seconds):
    """To the job of this thread, if it does one."""
    if hasattr(mine, "job"):
        setattr(mine.job, field, getattr(mine.job, field) + seconds)


class Lock:
    """A lock for `with`; a job's waiting for it is counted."""

    def __init__(self):
        self.lock = threading.Lock()

    def __enter__(self):
        begin = time.monotonic()
        self.lock.acquire()
        add("waited", time.monotonic() - begin)

    def __exit__(self, *_):
        self.lock.release()


class Counted(subprocess.Popen):
    """Popen asks for the end of its program in these two ways; here the costs are asked for as well."""

    def _try_wait(self, wait_flags):
        try:
            pid, status, used = os.wait4(self.pid, wait_flags)
        except ChildProcessError:
            return self.pid, 0
        if pid:
            add("cpu", used.ru_utime + used.ru_stime)
        return pid, status

    def _internal_poll(self, _deadstate=None, **_):
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid == self.pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


subprocess.Popen = Counted


def job(name, function):
    """Does a job; what it returns."""
    mine.job = Job(name)
    begin = time.monotonic()
    try:
        return function()
    finally:
        mine.job.seconds = time.monotonic() - begin
        done.append(mine.job)
        del mine.job


def show(count):
    """The costliest jobs, and all of them."""
    fields = ("seconds", "cases", "waited", "cpu")
    rows = [(j.name, *(getattr(j, f) for f in fields)) for j in sorted(done, key=lambda j: -j.cpu)]
    rows[count:] = [("all %d jobs" % len(done), *map(sum, list(zip(*rows))[1:]))]
    print("%-40s%10s%10s%10s%10s" % ("the costliest jobs", "seconds", "in cases", "waiting", "CPU"))
    for row in rows:
        print("%-40s%10.1f%10.1f%10.1f%10.1f" % row)
