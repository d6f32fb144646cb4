# SPDX-License-Identifier: MIT
"""Lab 00: the log that dmesg reads, and the trace that a panic prints."""
import re

from harness import Case

CASES = [
    Case("builds-and-boots", "uname -s; cat /proc/cmdline | tr ' ' '\\n' | grep -c engine=", out="Linux\n1"),
    Case("dmesg", "dmesg | grep -c 'Dyad, by '", out="1"),
    # Each write to /dev/kmsg is one line of the log. 2,000 lines are more than the ring holds.
    Case("dmesg-wraps",
         "i=0; while [ $i -lt 2000 ]; do echo line-number-$i-of-many > /dev/kmsg; i=$((i + 1)); done\n"
         "dmesg > /tmp/all; tail -n 1 /tmp/all | grep -o 'line-number.*'\n"
         "grep -c 'Dyad, by ' /tmp/all; [ $(wc -c < /tmp/all) -gt 25000 ] && echo a ring full",
         status=0, out="line-number-1999-of-many\n0\na ring full", leak=False, seconds=60),
]

CRASH = "tools/run -e qemu -t 30 --build build -- 'echo c > /proc/sysrq-trigger; sleep 5'"


def trace(graded):
    """The lines of the trace as the kernel printed them, and all that was said; one run for all."""
    if not hasattr(graded, "crash"):
        graded.crash = graded.sh(CRASH)
    return re.findall(r"\[<0x[0-9a-f]+>\].*", graded.crash.stdout), graded.crash


def addresses(graded):
    lines, done = trace(graded)
    if done.returncode != 125:
        return "status 125, PANIC", "status %d\n%s" % (done.returncode, done.stdout)
    if len(lines) < 5:
        return "at least 5 lines like [<0xffffffff80101234>]", done.stdout
    return None


def names(graded):
    lines, done = trace(graded)
    text = "\n".join(lines)
    for name in ("sysrq_write", "file_write", "syscall_entry"):
        if not re.search(r"\] %s\+0x" % name, text):
            return "a line that the kernel wrote with %s+0x12/0x34" % name, done.stdout
    return None


def ends(graded):
    lines, done = trace(graded)
    if done.returncode == 125 and len(lines) <= 30 and done.stdout.count("PANIC:") == 1:
        return None
    return "one PANIC, status 125, at most 30 lines of trace", "status %d\n%s" % (
        done.returncode, done.stdout)


HOST = {"trace-addresses": addresses, "trace-names": names, "trace-ends": ends}
