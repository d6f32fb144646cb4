# SPDX-License-Identifier: MIT
"""Many test cases in one boot of Dyad.

A case is a script for the guest's shell with what it must print and return. The cases of one kind
of machine run one after the other in one boot, each in an empty folder, with nothing on stdin.
A case that ends the machine (panic, time-out) fails; those behind it go on in a new boot.

After each case the figures of /proc/dyad/counts must be back. The first run of a thing may fill
caches, so a case after which a figure is higher is run again: a leak is what grows each time.
One that returned another status than it should has failed already, and is not looked at.
A WARNING of the kernel fails the case that was running. What does this inside is tests/guest/driver.c.
"""
import os
import re
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tools", "lib"))
import emulator  # noqa: E402

# The machines on which guest cases run; a case or a suite names those it wants.
MACHINES = {
    "qemu": dict(engine="qemu", cpus=2),
    "qemu1": dict(engine="qemu", cpus=1, mem="64M"),
    "qemu4": dict(engine="qemu", cpus=4),
    "san": dict(engine="qemu", cpus=2, san=True),  # UBSan and KASan; runs all that "qemu" runs
    "small": dict(engine="qemu", cpus=1, mem="32M"),
    "nosvm": dict(engine="qemu", cpus=1, cpu="max,svm=off"),
    "debian": dict(engine="qemu", cpus=2, mem="384M", image="debian"),  # dynamic programs of Debian
    "debiansan": dict(engine="qemu", cpus=2, mem="640M", san=True, image="debian"),
    # an image of every kind beside busybox, for ctr and vm
    "images": dict(engine="qemu", cpus=2, mem="1G", images=("debian", "klibc", "musl", "oci", "toybox")),
    "imagesan": dict(engine="qemu", cpus=2, mem="512M", san=True, images=("oci",)),
    # Debian's kernels, and what else boots on a PC, for vm (linux_guest.py)
    "guests": dict(engine="qemu", cpus=2, mem="320M", linux=("cloud", "stock"), pc=True, images=("debian",)),
    # and for Debian's QEMU and for kvmtool, which run on Dyad as monitors
    "monitor": dict(engine="qemu", cpus=2, mem="512M", linux=("cloud", "stock"), monitor=True, kvmtool="stock"),
    # and for the monitor of lab 12
    "linux": dict(engine="qemu", cpus=2, mem="256M", linux=("cloud",)),
    "guestsvtx": dict(engine="bochs", mem="320M", linux=("cloud", "stock"), kvmtool="cloud"),
    "uefi": dict(engine="uefi", cpus=2),
    "bochs": dict(engine="bochs"),
    "bochs2": dict(engine="bochs", cpus=2),
    "haswell": dict(engine="bochs", cpu="corei7_haswell_4770"),
    "icelake": dict(engine="bochs", cpu="corei7_icelake_u"),
    "ivybridge": dict(engine="bochs", cpu="corei7_ivy_bridge_3770k"),
    "penryn": dict(engine="bochs", cpu="core2_penryn_t9600"),
    "ryzen": dict(engine="bochs", cpu="ryzen"),
}
SLOW = {"bochs": 8, "uefi": 2, "san": 4, "imagesan": 4, "debiansan": 4}  # an engine's or a machine's share of patience

driver = os.path.join(TOP, "build/tests/guest/driver")  # of the build in use: what runs the cases inside


class Case:
    """run: a script. status: what it returns. out: exactly what it prints, or match: regular
    expressions that its output has, lacks: ones it has not, check: a function of the output that
    returns a complaint or None. on: the machines. leak=False where a rest is meant to stay.
    warnings: the kernel's WARNINGs that must come, in this order, as regular expressions.
    needs: a function that says why the case cannot run here, or None."""

    words = ()     # for the driver: "piped", "bash"
    silent = None  # seconds without a line after which it counts as standing still
    spins = False  # QEMU may have its guest's CPUs spin for ever: a time-out is asked for once more, as a wrong answer

    def __init__(self, name, run, status=0, out=None, match=(), lacks=(), check=None, on=None,
                 leak=True, seconds=20, warnings=(), needs=None):
        self.name, self.run, self.status = name, run, status
        self.out, self.check, self.on = out, check, on
        self.match = (match,) if isinstance(match, str) else match
        self.lacks = (lacks,) if isinstance(lacks, str) else lacks
        self.leak, self.seconds, self.warnings, self.needs = leak, seconds, warnings, needs

    def interrupted(self, output):
        """The machine ended meanwhile, by itself or at the time limit."""

    def judge(self, status, output):
        """What is wrong with a run, as (expected, got) texts; None when nothing is."""
        if self.out is not None and output.rstrip("\n") != self.out.rstrip("\n"):
            return self.out.rstrip("\n"), output.rstrip("\n")
        for pattern in self.match:
            if not re.search(pattern, output, re.M):
                return "output that has /%s/" % pattern, output.rstrip("\n")
        for pattern in self.lacks:
            if re.search(pattern, output, re.M):
                return "output without /%s/" % pattern, output.rstrip("\n")
        if status != self.status:
            return "status %s" % self.status, "status %s\n%s" % (status, output.rstrip("\n"))
        complaint = self.check(output) if self.check else None
        return complaint and (complaint, output.rstrip("\n"))


class Asked(Case):
    """A case as Linux runs it: whatever comes is right."""

    def __init__(self, where, case):
        super().__init__("/".join((where, *case.key)), case.run, seconds=case.seconds)
        self.key, self.words, self.answer = case.key, case.words, (None, None)

    def judge(self, status, output):
        self.answer = (status, output)
        return None


class AskedSuite(Asked):
    """A suite of tests/kvm, asked of a Linux that at times stands still, on CPUs that spin: that is noticed soon, what
    its cases said that had come to their ends counts, and it goes on behind them."""

    silent, said = 5, ""

    def interrupted(self, output):
        for end in re.finditer(r"(?:.*\n)*?(?:ok|FAIL) ([\w.-]+).*\n", output):
            self.said += end[0]
            self.run += " -" + end[1]

    def judge(self, status, output):
        return super().judge(status, self.said + output)


class Result:
    def __init__(self, name, wrong=None, seconds=0.0, listed=False):
        self.name, self.wrong, self.seconds, self.listed = name, wrong, seconds, listed
        self.case = None  # that was run
        self.judged = False  # it came to its end, and what it printed or returned was wrong
        self.warned = False  # the kernel printed a WARNING meanwhile

    @property
    def passed(self):
        return self.wrong is None


class Boot:
    """One boot with a queue of cases. After run(), results holds those that were begun."""

    def __init__(self, machine, cases, scale=1.0):
        self.m, self.cases, self.scale = machine, cases, scale
        self.results = {}    # case -> Result
        self.current = None  # the case that runs now
        self.text = b""
        self.rest = b""
        self.leaking = None
        self.blamed = {}     # case -> lines of warnings
        for n, case in enumerate(cases):
            name = "-".join(["%03d.%s" % (n, case.status), *([] if case.leak else ["noleak"]), *case.words])
            machine.files.archive.data(machine.files.place("/tests/case/" + name),
                                       case.run.encode() + b"\n")
        machine.files.archive.file(machine.files.place("/tests/driver"), driver)
        # Debian's programs are dynamic: at other addresses each time, an emulator would translate all code again
        machine.command((["setarch", "-R"] if machine.root == "debian" else []) + ["/tests/driver"])

    def run(self):
        warned = 0

        def on_console(line):
            nonlocal warned
            if "WARNING: " in line and self.last:
                self.blamed.setdefault(self.last, []).append(line)
                warned += 1
        self.last = None
        outcome = self.m.start(on_output=self.feed, on_console=on_console)
        self.outcome = outcome
        if outcome.kind != emulator.EXIT or self.current:
            self.died(outcome)
        for case, result in self.results.items():
            lines = self.blamed.get(case, [])
            result.warned = bool(lines)
            if not result.passed or (len(lines) == len(case.warnings) and all(
                    re.search("WARNING: " + pattern, line)
                    for pattern, line in zip(case.warnings, lines))):
                continue
            traces = [l for block in outcome.warnings if block and any(
                block[0] in text for text in lines)
                for l in emulator.symbolize(block, self.m.kernel())]
            result.wrong = ("\n".join(case.warnings) or "no WARNING of the kernel",
                            "\n".join(traces or lines) or "no WARNING of the kernel")
        return outcome

    def died(self, outcome):
        if outcome.kind == emulator.TIMEOUT and self.current:  # not the machine's, but the case's
            outcome.detail = "%d seconds" % (time.monotonic() - self.begin)
        text = outcome.kind + (": " + outcome.detail if outcome.detail else "")
        lines = emulator.symbolize(outcome.panic, self.m.kernel()) or outcome.console[-12:]
        for block in outcome.warnings[-2:]:  # the last before it, which may say why
            lines = emulator.symbolize(block, self.m.kernel()) + lines
        got = "%s\n%s\n%s" % (text, "\n".join(lines), self.text.decode("utf-8", "replace")[-1500:])
        victim = self.current or (self.last if self.last else None)
        if self.current:
            self.current.interrupted(self.text.decode("utf-8", "replace"))
        if victim:
            self.results[victim] = Result(victim.name, ("the machine goes on", got.rstrip()))
            # an assertion of the emulator's about itself: asked once more, as a wrong answer is
            self.results[victim].judged = (outcome.kind == emulator.MISSING and "assertion failed" in outcome.detail
                                           or outcome.kind == emulator.TIMEOUT and victim.spins)

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.line(line)

    def line(self, line):
        word, _, args = line.partition(b" ")
        if word == b"@@begin":
            self.current = self.last = self.cases[int(args[:3])]
            self.text = b""
            self.begin = time.monotonic()
            self.patient()
        elif word == b"@@end" and self.current:
            case, self.current = self.current, None
            status = int(args.split()[1])
            text = self.text[:-1] if self.text.endswith(b"\n") else self.text  # the driver's echo
            wrong = case.judge(status, text.decode("utf-8", "replace"))
            self.results[case] = Result(case.name, wrong, time.monotonic() - self.begin)
            self.results[case].judged = wrong is not None
            self.m.deadline = time.monotonic() + (case.silent or case.seconds) * self.scale  # counts that settle
        elif word == b"@@again":
            self.m.deadline = time.monotonic() + self.last.seconds * self.scale
        elif word == b"@@leak":
            self.leaking = []
        elif word == b"@@leaked":
            result = self.results.get(self.last)
            if result and result.passed:
                result.wrong = ("the counts of before", "grown at each of six runs:\n"
                                + "\n".join(self.leaking))
            self.leaking = None
        elif self.leaking is not None:
            self.leaking.append(line.decode("utf-8", "replace"))
        elif self.current:
            self.text += line + b"\n"
            self.patient()

    def patient(self):
        """How long the current case may take from here."""
        case = self.current
        self.m.deadline = self.begin + case.seconds * self.scale
        if case.silent:
            self.m.deadline = min(self.m.deadline, time.monotonic() + case.silent * self.scale)


def run_cases(make_machine, cases, scale=1.0, report=None):
    """Runs the cases in as many boots as it takes. report(result) is called for each in order."""
    queue = list(cases)
    while queue:
        batch = queue[:900]
        boot = Boot(make_machine(), batch, scale)
        try:
            outcome = boot.run()
            why = outcome.kind
            tail = "\n".join(outcome.console[-12:]) + ("\n" + outcome.detail)
        except RuntimeError as e:
            why, tail = str(e), ""
        if not boot.results:
            for case in batch:
                boot.results[case] = Result(case.name, ("a machine that boots",
                                                        "%s\n%s" % (why, tail.strip())))
        for case in batch:
            if case in boot.results and report:
                boot.results[case].case = case
                report(boot.results[case])
        queue = [case for case in queue if case not in boot.results]
