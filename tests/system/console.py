# SPDX-License-Identifier: MIT
"""The console as a person uses it: prompt, editing, history, Ctrl-C, job control, leaving."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time


class Failed(Exception):
    pass


class Terminal:
    """tools/run without a command, on a pseudo-terminal."""

    def __init__(self, run, *words):
        self.run = run
        self.text = ""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        env = dict(os.environ, DYAD_BUILD=run.build, TERM="vt100")
        self.child = subprocess.Popen(["tools/run", "-e", "qemu"] + list(words), stdin=slave,
                                      stdout=slave, stderr=slave, env=env, start_new_session=True)
        os.close(slave)

    def expect(self, pattern, seconds=20):
        """Waits for the pattern in what came since the last match."""
        end = time.monotonic() + seconds * self.run.scale
        while True:
            found = re.search(pattern, self.text.replace("\r", ""))
            if found:
                self.text = self.text.replace("\r", "")[found.end():]
                return
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise Failed("/%s/" % pattern, self.text[-600:])
            try:
                data = os.read(self.master, 4096)
            except OSError:
                raise Failed("/%s/" % pattern, "the end: " + self.text[-600:])
            self.text += data.decode("utf-8", "replace")

    def send(self, text):
        time.sleep(0.3 * self.run.slowness)  # nobody types before the program has set the terminal
        os.write(self.master, text.encode())

    def ends(self, seconds=20):
        end = time.monotonic() + seconds * self.run.scale
        while self.child.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.master, 4096).decode("utf-8", "replace")
                except OSError:
                    break
        try:
            return self.child.wait(5)
        except subprocess.TimeoutExpired:
            raise Failed("an end", self.text[-600:])

    def close(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        os.close(self.master)


def session(steps, *words):
    """A test that talks: steps is a list of ('<', pattern), ('>', text), ('signal', number), and ('end', status)."""
    def test(run):
        term = Terminal(run, *words)
        try:
            for what, arg in steps:
                if what == "<":
                    term.expect(arg)
                elif what == ">":
                    term.send(arg)
                elif what == "signal":
                    term.child.send_signal(arg)
                else:
                    got = term.ends()
                    if got != arg:
                        raise Failed("status %d" % arg, "status %d\n%s" % (got, term.text[-600:]))
        except Failed as e:
            return e.args
        finally:
            term.close()
        return None
    return test


PROMPT = ("<", r"dyad:\S*# ")
OFF = [(">", "poweroff\r"), ("end", 0)]

DEBIAN = "build/images/debian.erofs"
BASH = ("<", r"root@dyad:~# ")


def with_debian(steps):
    """A session on Debian's image, which is made first."""
    def test(run):
        done = run.sh(["make", "-s", DEBIAN], timeout=300)
        return ("an image", done.stderr) if done.returncode else \
            session(steps, "--root", DEBIAN, "-m", "512M")(run)
    return test


HOST = {
    "debian-bash-vi-top": with_debian([
        BASH, (">", "sleep 100 &\r"), ("<", r"\[1\] \d+"), BASH, (">", "vi /tmp/text\r"), ("<", r"\[New"),
        (">", "ihello from vi\x1b"), ("<", "hello from vi"), (">", "\x1a"), ("<", r"\[2\]\+ +Stopped +vi"),
        (">", "jobs\r"), ("<", r"\[1\]- +Running +sleep 100 &"), BASH, (">", "fg 2\r"), ("<", "hello from vi"),
        (">", ":wq\r"), ("<", "written"), BASH, (">", "cat /tmp/text; kill %1\r"), ("<", r"kill %1\n.*hello from vi\n"),
        BASH, (">", "top\r"), ("<", r"%MEM[\s\S]* root "), (">", "q"), BASH,
        (">", "sleep 100 | cat\r"), ("<", "cat\n"), (">", "\x03"), BASH, (">", "echo status $?\r"),
        ("<", "status 130\n"), BASH, (">", "histo\t | tail -1\r"), ("<", r"\d+ +history +\| tail -1\n"), BASH,
        (">", "kill -USR2 1\r"), ("end", 0)]),
    "prompt": session([PROMPT, (">", "echo a$((20 + 3))b\r"), ("<", "a23b\n"), PROMPT] + OFF),
    "interrupt": session([PROMPT, (">", "sleep 1000\r"), ("<", "sleep 1000\n"), (">", "\x03"), PROMPT,
                          (">", "echo status $?\r"), ("<", "status 130"), PROMPT] + OFF),
    "history": session([PROMPT, (">", "echo on$((1))ce\r"), ("<", "on1ce"), PROMPT, (">", "\x1b[A\r"),
                        ("<", "on1ce\n"), PROMPT] + OFF),
    "editing": session([PROMPT, (">", "echo abX\x7fc$((7))\r"), ("<", "\nabc7\n"), PROMPT] + OFF),
    "end-of-file": session([PROMPT, (">", "cat\r"), ("<", "cat\n"), (">", "line\r"), ("<", "line\nline\n"),
                            (">", "\x04"), PROMPT] + OFF),
    "suspend": session([PROMPT, (">", "sleep 1000\r"), ("<", "sleep 1000\n"), (">", "\x1a"),
                        ("<", "Stopped"), PROMPT, (">", "kill %1; wait; echo done$((1))\r"), ("<", "done1"),
                        PROMPT] + OFF),
    "background": session([PROMPT, (">", "sleep 0.2 &\r"), PROMPT, (">", "sleep 0.5; echo now$((1))\r"),
                           ("<", "now1"), ("<", "Done"), PROMPT] + OFF),
    "pipe-interrupted": session([PROMPT, (">", "yes | cat > /dev/null\r"), ("<", "null\n"), (">", "\x03"),
                                 PROMPT] + OFF),
    "shell-comes-back": session([PROMPT, (">", "exit\r"), PROMPT, (">", "nosuch\r"), ("<", "not found"), PROMPT, (">", "exit\r"), PROMPT] + OFF),
    "container": session([PROMPT, (">", "ctr run busybox\r"), ("<", "# "), (">", "echo $$-$((4))\r"), ("<", "1-4"),
                          ("<", "# "), (">", "exit 3\r"), PROMPT, (">", "echo status $?\r"), ("<", "status 3"),
                          PROMPT] + OFF),
    "vm-interrupted": session([PROMPT, (">", "vm run busybox -- sh -c 'echo up$((1)); while :; do :; done'\r"),
                               ("<", "up1"), (">", "\x03"), PROMPT] + OFF),
    # as ctr_life.py's session: the size and a change of it, ctrl-C, ctrl-p ctrl-q, and back again; a shell beside it
    "vm-terminal": session([PROMPT, (">", "(until vm logs t 2> e | grep -q '^33'; do sleep 0.2; done; stty rows 44 < /dev/console) & "
                                  "vm run -it --name t busybox\r"), ("<", "built-in shell[^#]*# "),
                            (">", "stty size; tty; until [ \"$(stty size)\" = '44 77' ]; do sleep 0.1; done; echo re$((1))sized\r"),
                            ("<", "\n33 77\n/dev/pts/0\n"), ("<", "re1sized"), (">", "sleep 1000\r"), ("<", "1000\n"),
                            (">", "\x03echo st$?\r"), ("<", "st130"), (">", "sh -c 'trap \"echo re$((1))drawn\" WINCH; while :; do sleep 0.1; done'\r"), ("<", "done'\n"),
                            (">", "\x10\x11"), ("<", "t goes on"), PROMPT, (">", "vm exec -t t stty size; vm attach t\r"), ("<", "\n44 77\n"),
                            ("<", "re1drawn"), (">", "\x03"), ("<", "# "), (">", "exit 9\r"), PROMPT,
                            (">", "echo st$?; vm ps -a; vm rm t\r"), ("<", "st9"), ("<", "exited 9"), PROMPT,
                            (">", "(until vm exec u ls /tmp/go < /dev/null 2> e; do sleep 0.2; done; stty rows 45 < /dev/console) & vm run --name u busybox\r"),
                            ("<", "u:.*# "), (">", "stty size; touch /tmp/go; until [ \"$(stty size)\" = '45 77' ]; do sleep 0.1; done; echo re$((2))sized; poweroff\r"),
                            ("<", "\n44 77\n"), ("<", "re2sized"), PROMPT] + OFF),
    "quit": session([PROMPT, (">", "\x01x"), ("end", 0)]),
    "hang-up": session([PROMPT, ("signal", signal.SIGHUP), ("end", 128 + signal.SIGHUP)]),
    "reboot": session([PROMPT, (">", "reboot\r"), ("end", 0)]),
    "first": session([("<", "hello 5\n"), PROMPT] + OFF, "--first", "echo hello $((2 + 3))"),
    "size": session([PROMPT, (">", "stty size\r"), ("<", "\n33 77\n"), PROMPT] + OFF),
}
