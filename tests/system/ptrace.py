# SPDX-License-Identifier: MIT
"""Debian's own strace, gdbserver and gdb at work, unmodified: the first two in the guest, gdb here,
over the second serial port. One boot for all."""
import os
import re
import subprocess
import tempfile
import time

from harness import TOP, emulator

GUEST = r"""
strace -f -o /tmp/log sh -c 'true | cat; exit 3'; echo "strace -f: status $?"
grep -c 'execve(' /tmp/log; grep -c '+++ exited with 0 +++' /tmp/log
grep -Eo 'pipe2?\(\[[0-9]+, [0-9]+\]|SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED|exited with 3' /tmp/log | sort | uniq
strace -c -o /tmp/log cat /etc/hostname; grep -E ' (execve|total)$' /tmp/log | sed 's/.* //' | sort
sleep 100 & p=$!
strace -o /tmp/log -p $p & s=$!
until grep -q TracerPid:.*$s /proc/$p/status && grep -q '^State:.S' /proc/$p/status; do sleep 0.02; done
kill -CONT $p; until grep -q SIGCONT /tmp/log && grep -q '^State:.S' /proc/$p/status; do sleep 0.02; done
kill -INT $s; wait $s; grep -q 'TracerPid:.0$' /proc/$p/status && echo "strace -p: detached"
kill $p; wait $p; echo "sleep: status $?"; grep -Eo '^[a-z_]*sleep|si_code=SI_USER|detached' /tmp/log | sort | uniq
gdbserver /dev/ttyS1 /bin/debuggee & s=$!
until pidof debuggee; do sleep 0.02; done > /dev/null
while pidof debuggee; do sleep 0.02; done > /dev/null
sleep 0.3; kill $s; wait $s # a serial line never hangs up
debuggee wait & p=$!; gdbserver --attach /dev/ttyS1 $p; wait $p; echo "debuggee: status $?"
poweroff -f
"""

SAID = ("strace -f: status 3", "^2$", "^2$", r"^SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED",
        r"^exited with 3", r"^pipe2?\(\[3, 4\]", "^dyad$", "^execve$", "^total$",
        "^strace -p: detached", "^sleep: status 143", "^detached", "^si_code=SI_USER",
        "debuggee: 16", "Child exited with status 42", "debuggee: 16",
        "^debuggee: status 3")

# What gdb is told, and what it must say to that.
RUN = (("break inner", r"Breakpoint 1 at .*debuggee\.c"),
       ("continue", r"Breakpoint 1, inner \(x=2\)"),
       ("backtrace", r"#0 +inner \(x=2\)[\s\S]*#1 .* outer \(x=2\)[\s\S]*#2 .* main "),
       ("print x * 10", r"\$1 = 20"),
       ("info registers cs", r"cs +0x33"),
       ("finish", r"outer \(x=2\)[\s\S]*Value returned is \$2 = 6"),
       ("step", r"watched = y;"),
       ("next", r"return y;"),
       ("print watched", r"\$3 = 7"),
       ("delete 1", None),
       ("print inner(14)", r"\$4 = 42"),
       ("watch watched", r"Hardware watchpoint 2: watched"),
       ("continue", r"Thread 2 [\s\S]*Old value = 7\s+New value = 16"),
       ("info threads", r"1 +Thread .*\n\* 2 +Thread "),
       ("thread 1", r"Switching to thread 1"),
       ("continue", r"exited with code 052"))
ATTACH = (("print go_on", r"\$1 = 0"),
          ("backtrace", r" main \(argc=2"),
          ("set var go_on = 1", None),
          ("detach", r"detached"))


def gdb(port, program, talk, seconds):
    words = ["gdb", "-nx", "-batch", "-ex", "set sysroot /", "-ex", "set confirm off",
             "-ex", "target remote " + port]
    for command, _ in talk:
        words += ["-ex", command]
    done = subprocess.run(words + [program], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=seconds)
    at = 0
    for command, pattern in talk:
        found = re.compile(pattern or "").search(done.stdout, at)
        if not found:
            return "gdb: %s: /%s/" % (command, pattern), done.stdout + done.stderr
        at = found.end()
    return None


class Guest:
    """A boot whose second serial port is a socket; its console is a file."""

    def __init__(self, run, tmp, program):
        self.run, self.log, self.port = run, os.path.join(tmp, "console"), os.path.join(tmp, "port")
        m = emulator.Machine("qemu", build=run.build, cpus=2)
        for name in ("strace", "gdbserver"):
            m.files.add("/usr/bin/" + name, "/bin/" + name)
        m.files.add(program, "/bin/debuggee")
        m.first([GUEST])
        with open(self.log, "wb") as log:
            argv = m.qemu_argv(tmp, log.fileno(), 0)
            argv[argv.index("null,id=out")] = "socket,id=out,path=%s,server=on,wait=off" % self.port
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                          pass_fds=(log.fileno(),))

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read().replace("\r", "")

    def wait_for(self, words, times, seconds=30):
        end = time.monotonic() + seconds * self.run.scale
        while self.text().count(words) < times:
            if time.monotonic() > end or self.child.poll() is not None:
                return "'%s' on the console" % words, self.text()[-2000:]
            time.sleep(0.05)
        return None

    def ends(self):
        try:
            self.child.wait(20 * self.run.scale)
        except subprocess.TimeoutExpired:
            return "the machine's end", self.text()[-2000:]
        return None

    def close(self):
        self.child.kill()
        self.child.wait()


def said(text):
    at = 0
    for pattern in SAID:
        found = re.compile(pattern, re.M).search(text, at)
        if not found:
            return "the console: /%s/" % pattern, text[-3000:]
        at = found.end()
    return ("no WARNING", text[-3000:]) if "WARNING: " in text else None


def debuggers(run):
    with tempfile.TemporaryDirectory(prefix="dyad-ptrace-") as tmp:
        program = os.path.join(tmp, "debuggee")
        done = run.sh(["cc", "-g", "-O0", "-pthread", "-o", program,
                       os.path.join(TOP, "tests/system/debuggee.c")])
        if done.returncode:
            return "a program", done.stderr
        guest = Guest(run, tmp, program)
        try:
            return guest.wait_for("Remote debugging using", 1) or \
                gdb(guest.port, program, RUN, 60 * run.scale) or \
                guest.wait_for("Remote debugging using", 2) or \
                gdb(guest.port, program, ATTACH, 60 * run.scale) or \
                guest.ends() or said(guest.text())
        finally:
            guest.close()


HOST = {"strace-gdbserver-gdb": debuggers}
