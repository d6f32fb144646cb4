# SPDX-License-Identifier: MIT
"""The oracle scripts: the same lines, in the same file tree, on this machine's Linux and on Dyad.

tests/oracle/IMAGE/*.txt are tables of cases (Table says how they look). Linux below is one more
machine for harness.py: a root made of the image's own files, in namespaces of its own.
"""
import collections
import os
import re
import selectors
import shutil
import subprocess
import tempfile
import time

import emulator
from harness import TOP

SHELL = {"busybox": "sh", "debian": "bash"}  # what runs the scripts of an image
MACHINES = {"san": "busybox", "debian": "debian"}  # which image's scripts each runs

# What a script may wait with, for as long as it takes: it begins with those that it names.
WAITS = {
    "started": 'started() { until [ "$(cat /proc/$1/comm)" = $2 ] || [ ! -d /proc/$1 ]; do sleep 0.05; done; }',
    "in_state": 'in_state() { until [ "$(cut -d" " -f3 /proc/$1/stat)" = $2 ] || [ ! -d /proc/$1 ]; do sleep 0.05; done; }',
}

# $1 the image's tree, $2 an empty folder, $3 the files of the run
ROOT = r"""set -e
renice -n 0 -p $$ > /dev/null
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
cp -R "$3/." "$2/root"
cd "$2/root"
mkdir -p dev proc sys run tmp
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o nosuid,mode=755 devtmpfs dev
umask 0
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 ptmx:5:2; do
	minor=${node##*:}; major=${node#*:}
	mknod dev/${node%%:*} c ${major%:*} $minor
done
umask 022
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,nosuid,noexec,mode=620,gid=5,ptmxmode=666 devpts dev/pts
for fs in dev/shm:1777 run:755 tmp:1777; do
	mount -t tmpfs -o nosuid,nodev,mode=${fs#*:} tmpfs ${fs%:*}
done
ln -s /proc/self/fd dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${n%:*} dev/${n#*:}; done
echo dyad > proc/sys/kernel/hostname
cd "$2/root"
pivot_root . .
umount -l .
exec chroot . /bin/sh -c '
	ifconfig lo up || ip link set lo up
	/tests/driver; exit $?' 2>&1
"""
ENVIRONMENT = {"TERM": "vt100", "HOME": "/root",  # as user/init has it
               "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
LIMITS = ["--core=0:", "--nofile=1024:4096", "--sigpending=1024"]  # as Dyad has them
NAMESPACES = {"--mount": True, "--pid": True, "--uts": False, "--ipc": False, "--net": False}


class Table:
    """Cases from a text file: `== NAME[: COMMANDS]`, `~ PATTERN => TEXT` lines, then a script.

    NAME is COMMAND or COMMAND/WHAT; COMMANDS are those that the case is about when they are more
    than its name says. A line with ~ says what may differ: what matches PATTERN (a regular
    expression) in either output becomes TEXT before they are compared. A # line before the
    first case is a comment.
    """

    def __init__(self, path):
        self.scripts = {}   # name -> script
        self.commands = collections.OrderedDict()  # name -> list of commands
        self.replaced = {}  # name -> [(pattern, text)]
        name = None
        with open(path) as f:
            for line in f:
                head = re.match(r"== (\S+?)(?:: (.*))?$", line)
                rule = re.match(r"~ (.*) => (.*)$", line)
                if head:
                    name = head.group(1)
                    if name in self.scripts:
                        raise SystemExit("%s: two cases %s" % (path, name))
                    self.scripts[name] = ""
                    self.replaced[name] = []
                    self.commands[name] = (head.group(2) or name.partition("/")[0]).split()
                elif rule and name and not self.scripts[name]:
                    self.replaced[name].append((re.compile(rule.group(1), re.M), rule.group(2)))
                elif name:
                    self.scripts[name] += line
                elif line.strip() and not line.startswith("#"):
                    raise SystemExit("%s: a line before the first case: %s" % (path, line))

    def normal(self, name, output):
        for pattern, text in self.replaced[name]:
            output = pattern.sub(text, output)
        return output


def script(text):
    """What a machine runs for the text of a case."""
    waits = [code for name, code in WAITS.items() if re.search(r"\b%s " % name, text)]
    return "\n".join(waits + [text.rstrip("\n")])


def words(image):
    """Those for the driver: the output goes to a pipe on both sides, and the image's shell runs the script."""
    return ("piped",) if SHELL[image] == "sh" else ("piped", SHELL[image])


def tables(image):
    """The tables of an image, by name."""
    folder = os.path.join(TOP, "tests/oracle", image)
    return {name[:-4]: Table(os.path.join(folder, name))
            for name in sorted(os.listdir(folder)) if name.endswith(".txt")}


def counts():
    """How many scripts there are, and how many commands they are about, as README.md shows it."""
    lines = ["%-10s%-12s%9s%10s" % ("image", "suite", "scripts", "commands")]
    for image in SHELL:
        scripts, commands = 0, set()
        for suite, table in tables(image).items():
            own = {c for names in table.commands.values() for c in names}
            lines.append("%-10s%-12s%9d%10d" % (image, suite, len(table.scripts), len(own)))
            scripts += len(table.scripts)
            commands |= own
        lines.append("%-10s%-12s%9d%10d" % (image, "in all", scripts, len(commands)))
    return "\n".join(lines)


def check(differences):
    """(expected, got) when a difference is listed of no script."""
    known = {(suite, case) for image in SHELL for suite, table in tables(image).items()
             for case in table.scripts}
    stray = [key for key in differences.patterns if key not in known]
    return ("scripts that are there", "tests/oracle/differences: %s" % stray) if stray else None


def tree(image_file):
    """The files of an EROFS image, unpacked beside it, once."""
    folder = image_file.removesuffix(".erofs") + ".tree"
    if not os.path.exists(folder) or os.path.getmtime(folder) < os.path.getmtime(image_file):
        for path in (folder, folder + ".new"):
            shutil.rmtree(path, ignore_errors=True)
        subprocess.run(["fsck.erofs", "--extract=%s.new" % folder, image_file], check=True,
                       capture_output=True)
        os.rename(folder + ".new", folder)
        os.utime(folder)
    return folder


def lacking():
    """What of this machine's namespaces cannot be had here: those that the scripts do without,
    and whether they can run at all."""
    if os.getuid():
        return [], "they need root, and a mount namespace"
    without = []
    for option, needed in NAMESPACES.items():
        done = subprocess.run(["unshare", option, "--fork", "true"], capture_output=True, text=True)
        if done.returncode and needed:
            return [], "no namespace here (unshare %s): %s" % (option, done.stderr.strip())
        if done.returncode:
            without.append(option)
    return without, None


class Linux:
    """This machine's Linux, with the methods and fields of emulator.Machine that harness.Boot uses."""

    class Files:
        def __init__(self):
            self.archive = self
            self.contents = {}  # path -> (bytes, mode)

        def place(self, guest):
            return guest

        def data(self, guest, content, mode=0o644):
            self.contents[guest.strip("/")] = content, mode

        def file(self, guest, path):
            with open(path, "rb") as f:
                self.data(guest, f.read(), os.stat(path).st_mode)

    def __init__(self, root, timeout, without=()):
        self.root, self.timeout, self.without = root, timeout, without
        self.files = Linux.Files()
        self.deadline = None

    def command(self, words):
        """It is always the driver that runs: see ROOT."""

    def kernel(self):
        return ""

    def start(self, on_output=None, on_console=None):
        outcome = emulator.Outcome()
        with tempfile.TemporaryDirectory(prefix="dyad-oracle-") as tmp:
            for guest, (content, mode) in self.files.contents.items():
                path = os.path.join(tmp, "files", guest)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as f:
                    f.write(content)
                os.chmod(path, mode & 0o777)
            os.mkdir(os.path.join(tmp, "root"))
            options = [o for o in NAMESPACES if o not in self.without]
            child = emulator.launch(
                ["prlimit", *LIMITS, "unshare", *options, "--fork", "--kill-child", "sh", "-c", ROOT, "oracle", self.root,
                 os.path.join(tmp, "root"), os.path.join(tmp, "files")],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=ENVIRONMENT, start_new_session=True)
            try:
                timed_out = self.pump(child, on_output, outcome)
            finally:
                emulator.stop(child)
                child.stdout.close()
        if timed_out:
            return outcome.end(emulator.TIMEOUT, "%d seconds" % self.timeout)
        outcome.status = child.returncode
        return outcome.end(emulator.EXIT)

    def pump(self, child, on_output, outcome):
        self.deadline = time.monotonic() + self.timeout
        with selectors.DefaultSelector() as sel:
            sel.register(child.stdout, selectors.EVENT_READ)
            while True:
                if sel.select(0.2):
                    data = os.read(child.stdout.fileno(), 65536)
                    if not data:
                        child.wait(emulator.GRACE)
                        return False
                    outcome.console = (outcome.console + data.decode("utf-8", "replace").split("\n"))[-50:]
                    on_output(data)
                if time.monotonic() > self.deadline:
                    return True
