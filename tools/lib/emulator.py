# SPDX-License-Identifier: MIT
"""Starts Dyad in an emulator and says how it ended. tools/run is its command line.

A Machine says what to start; start() gives an Outcome. The console (first serial port) is read
line by line: it tells the end of the machine ("dyad: exit N"), panics and warnings. The second
serial port carries a command's output, passed on as it comes. Both reach us through pipes that
the emulators open as /dev/fd/N.
"""
import glob
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import iso
import newc

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENGINES = ("qemu", "kvm", "bochs", "uefi")
BOCHS_CPU = "corei7_skylake_x"
BOCHS_IPS = 100_000_000  # instructions, and ticks of the time stamp counter, in a second of the guest's
BOCHS_VENDOR = {"haswell_4770": "corei7_", "skylake_x": "corei7_", "icelake_u": "corei7_"}
EMULATOR = {"qemu": "qemu-system-x86_64", "kvm": "qemu-system-x86_64",
            "uefi": "qemu-system-x86_64", "bochs": "bochs"}
OVMF = ("/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF_CODE.fd",
        "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF.4m.fd",
        "/usr/share/edk2-ovmf/x64/OVMF.fd")
MARK = b"=dyad="  # init's first word on the line of the command; firmware may speak before it
GRACE = 5  # seconds an emulator may take to end after the machine said its last word

LIVE = set()  # the emulators that run now

EXIT, PANIC, TRIPLE_FAULT, TIMEOUT, MISSING, QUIT = (
    "EXIT", "PANIC", "TRIPLE FAULT", "TIMEOUT", "EMULATOR MISSING", "QUIT")
STATUS = {TIMEOUT: 124, PANIC: 125, TRIPLE_FAULT: 126, MISSING: 127}


class Outcome:
    """How a run ended: kind (above), status (of the command, or 124 to 127), and what was said."""

    def __init__(self):
        self.kind = None
        self.status = None
        self.detail = ""
        self.console = []   # lines of the console
        self.output = b""   # the command's output, when it was asked for
        self.warnings = []  # texts of WARNING lines, traces included
        self.panic = []     # lines of the panic
        self.seconds = 0.0

    def end(self, kind, detail=""):
        self.kind, self.detail = kind, detail
        self.status = STATUS.get(kind, self.status)
        return self


def host_scale():
    """How much slower this machine is, now, than the one the default time-outs were set on."""
    start = time.perf_counter()
    total = 0
    for i in range(200000):
        total += i * i
    return max(1.0, (time.perf_counter() - start) / 0.015)


def default_timeout(engine):
    return {"qemu": 60, "kvm": 60, "uefi": 90, "bochs": 240}[engine] * host_scale()


def kvm_sound():
    """Whether KVM is worth using here: hardware virtualization, nested, and we may open it.

    A /dev/kvm on a machine whose CPU shows no VMX or SVM is an emulation that is slower than
    QEMU's own and less exact.
    """
    try:
        with open("/proc/cpuinfo") as f:
            flags = set(re.findall(r"\b(vmx|svm)\b", f.read()))
        nested = ""
        for path in glob.glob("/sys/module/kvm_*/parameters/nested"):
            with open(path) as f:
                nested = f.read().strip()
    except OSError:
        return False
    return bool(flags) and nested in ("1", "Y") and os.access("/dev/kvm", os.R_OK | os.W_OK)


def ovmf():
    for path in (os.environ.get("OVMF"),) + OVMF:
        if path and os.path.exists(path):
            return path
    return None


def needed_libraries(program):
    """The files that a dynamic program of this machine needs, as (host path, guest path)."""
    with open(program, "rb") as f:
        if f.read(4) != b"\x7fELF":
            return []
    ldd = subprocess.run(["ldd", program], capture_output=True, text=True)
    found = re.findall(r"(?:=> )?(/\S+) \(0x", ldd.stdout) if ldd.returncode == 0 else []
    return [(os.path.realpath(path), path) for path in found]


class Files:
    """What is put into the guest on top of the initramfs of the build: one more cpio segment."""

    KEPT = ("images/", "lib/dyad/", "etc/dyad/", "tmp/", "run/")  # the rest becomes the new root's

    def __init__(self):
        self.archive = newc.Archive()
        self.used = False

    def place(self, guest):
        path = guest.strip("/")
        return path if (path + "/").startswith(self.KEPT) else "files/" + path

    def add(self, host, guest):
        # what is named is meant, not the link to it; links inside a folder stay links
        host = os.path.realpath(host)
        self.used = True
        self.archive.file(self.place(guest), host)
        if os.path.isfile(host) and os.access(host, os.X_OK):
            for library, path in needed_libraries(host):
                self.archive.file(self.place(path), library)

    def command(self, words, name="cmd"):
        self.used = True
        self.archive.data("etc/dyad/" + name, b"".join(os.fsencode(w) + b"\0" for w in words))


class Machine:
    ignore_bad_msrs = False  # Bochs: an unknown MSR reads as 0, instead of #GP

    def __init__(self, engine="qemu", build=None, mem="256M", cpus=None, timeout=None, cpu=None,
                 root="busybox", cmdline="", quiet=True, iso_file=None, interactive=False,
                 gdb=None, icount=False, extra=(), disks=(), net=()):
        self.engine = engine
        self.build = build or os.path.join(TOP, "build")
        self.mem = mem
        self.cpus = cpus or (1 if engine == "bochs" else 2)
        self.timeout = timeout or (None if interactive else default_timeout(engine))
        self.cpu = cpu
        self.root = root
        self.extra_cmdline = cmdline
        self.quiet = quiet
        self.iso_file = iso_file
        self.interactive = interactive
        self.gdb = gdb
        self.icount = icount
        self.extra = list(extra)
        self.net = list(net)  # "user", or "HOST:GUEST": TCP ports; empty: no network card
        self.disks = list(disks)  # (raw file, read-only, serial number): /dev/vda and so on
        self.files = Files()
        self.has_command = False
        self.deadline = None  # of time.monotonic(); callbacks may move it while the machine runs

    # ---- what is booted ----

    def command(self, words):
        """The command to run: its words, or one line for sh -c."""
        self.files.command(["sh", "-c", words[0]] if len(words) == 1 else words)
        self.has_command = True

    def image(self, host, name):
        """An image for ctr, vm and the first root: a disk where the engine has them and its serial
        number (20 bytes) can say which, and that costs no memory; else a file in memory."""
        if self.engine in ("qemu", "kvm") and not self.iso_file and len(name) <= 14:
            self.disks.append((os.path.abspath(host), True, "image-" + name))
        else:
            self.files.add(host, "/images/%s.erofs" % name)

    def first(self, words):
        """A command to run on the console before the shell."""
        self.files.command(["sh", "-c", words[0]] if len(words) == 1 else words, "first")

    def cmdline(self):
        words = ["console=ttyS0", "engine=" + self.engine]
        if self.quiet:
            words.append("quiet")
        if self.root != "none":
            words.append("root=/images/%s.erofs" % self.root)
        if self.has_command:
            words.append("cmdout=ttyS1 mark=" + MARK.decode())
        if self.interactive and sys.stdin.isatty():
            size = os.get_terminal_size(0)
            words += ["winsize=%dx%d" % (size.lines, size.columns),
                      "TERM=" + os.environ.get("TERM", "vt100")]
        if self.extra_cmdline:
            words.append(self.extra_cmdline)
        return " ".join(words)

    def kernel(self, name="dyad.elf"):
        return os.path.join(self.build, name)

    def initrd(self, tmp):
        base = os.path.join(self.build, "initramfs.cpio")
        if not self.files.used:
            return base
        path = os.path.join(tmp, "initramfs.cpio")
        shutil.copyfile(base, path)
        with open(path, "ab") as out:
            out.write(b"\0" * (-out.tell() % newc.PAGE))
            self.files.archive.write(out)
        return path

    def iso(self, tmp):
        """The ISO to boot: made for this run, or the given one with this run's files put in."""
        path = os.path.join(tmp, "dyad.iso")
        if not self.iso_file:
            efi = self.engine == "uefi"
            iso.make(path, self.kernel("dyad.stripped.elf"), self.initrd(tmp), self.cmdline(),
                     bios=not efi, efi=efi)
            return path
        if not self.files.used:
            return self.iso_file
        iso.remake(self.iso_file, path, self.files.archive, self.cmdline())
        return path

    # ---- the emulators ----

    def qemu_argv(self, tmp, console, output):
        kvm = self.engine == "kvm"
        argv = [EMULATOR[self.engine], "-machine", "q35", "-nodefaults", "-no-user-config",
                "-accel", "kvm" if kvm else "tcg" + ("" if self.icount else ",thread=multi"),
                "-cpu", self.cpu or ("host" if kvm else "max"), "-smp", str(self.cpus),
                "-m", self.mem, "-display", "none", "-no-reboot",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        if self.icount:
            argv += ["-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm"]
        log = os.path.join(tmp, "console.log")
        if self.interactive:
            argv += ["-chardev", "stdio,id=con,mux=on,signal=off,logfile=" + log,
                     "-serial", "chardev:con", "-mon", "chardev=con,mode=readline"]
        else:
            argv += ["-chardev", "file,id=con,path=/dev/fd/%d" % console,
                     "-serial", "chardev:con", "-monitor", "none"]
        argv += ["-chardev", "file,id=out,path=/dev/fd/%d" % output if output else "null,id=out",
                 "-serial", "chardev:out"]
        if self.engine == "uefi" or self.iso_file:
            argv += ["-drive", "file=%s,media=cdrom,readonly=on,format=raw" % self.iso(tmp),
                     "-vga", "std"]
            if self.engine == "uefi":
                argv += ["-bios", ovmf()]
        else:
            argv += ["-kernel", self.kernel(), "-initrd", self.initrd(tmp),
                     "-append", self.cmdline()]
        for n, (path, read_only, serial) in enumerate(self.disks):
            argv += ["-drive", "if=none,id=disk%d,format=raw,file=%s%s" % (
                         n, path.replace(",", ",,"), ",readonly=on" if read_only else ""),
                     "-device", "virtio-blk-pci,drive=disk%d,serial=%s" % (n, serial)]
        if self.net:
            argv += ["-netdev", ",".join(["user,id=net0"] + [
                         "hostfwd=tcp:127.0.0.1:%s-:%s" % tuple(ports.split(":"))
                         for ports in self.net if ports != "user"]),
                     "-device", "virtio-net-pci,netdev=net0,romfile="]
        if self.gdb:
            argv += ["-S", "-gdb", "tcp:127.0.0.1:%d" % self.gdb]
        return argv + self.extra

    def bochs_argv(self, tmp, com1, com2):
        cpu = self.cpu or BOCHS_CPU
        mem = int(self.mem.rstrip("MmGg")) * (1024 if self.mem[-1] in "Gg" else 1)
        with open(os.path.join(tmp, "bochsrc"), "w") as f:
            f.write(BOCHSRC.format(mem=mem, cpu=BOCHS_VENDOR.get(cpu, "") + cpu, cpus=self.cpus,
                                   iso=self.iso(tmp), com1=com1, com2=com2,
                                   log=os.path.join(tmp, "bochs.log"), share=bochs_share(),
                                   ips=BOCHS_IPS, bad_msrs=int(self.ignore_bad_msrs)))
        with open(os.path.join(tmp, "rc"), "w") as f:
            f.write("c\nq\n")
        return (["bochs", "-q", "-f", os.path.join(tmp, "bochsrc"), "-rc", os.path.join(tmp, "rc")]
                + self.extra)

    def missing(self):
        """What this engine needs and is not here, or None."""
        if not shutil.which(EMULATOR[self.engine]):
            return EMULATOR[self.engine]
        if self.engine == "uefi" and not ovmf():
            return "OVMF (UEFI firmware for QEMU)"
        if self.engine == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return "/dev/kvm (or the right to open it)"
        return None

    # ---- the run ----

    def start(self, on_output=None, on_console=None):
        """Runs the machine to its end. Output bytes and console lines go to the callbacks too."""
        outcome = Outcome()
        what = self.missing()
        if what:
            return outcome.end(MISSING, what)
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="dyad-run-") as tmp:
            try:
                if self.interactive:
                    Terminal(self, tmp, outcome).run()
                else:
                    Batch(self, tmp, outcome, on_output, on_console).run()
            except iso.Missing as e:
                outcome.end(MISSING, str(e))
        outcome.seconds = time.monotonic() - begin
        return outcome


BOCHSRC = """plugin_ctrl: unmapped=1, serial=1, speaker=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
memory: guest={mem}, host={mem}
cpu: model={cpu}, count={cpus}, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs={bad_msrs}
clock: sync=none, time0=1577836800
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
sound: driver=dummy
magic_break: enabled=1
com1: enabled=1, {com1}
com2: enabled=1, {com2}
log: {log}
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


def bochs_share():
    for path in (os.environ.get("BXSHARE"), "/usr/share/bochs", "/usr/local/share/bochs",
                 "/opt/homebrew/share/bochs"):
        if path and os.path.isdir(path):
            return path
    return "/usr/share/bochs"


class Console:
    """Reads the console's lines for what the machine says about itself."""

    def __init__(self, outcome, on_line=None):
        self.outcome = outcome
        self.on_line = on_line
        self.rest = b""
        self.block = None  # the panic or warning whose trace is being read
        self.ended = False

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for raw in lines:
            self.line(raw.decode("utf-8", "replace").rstrip("\r"))

    def finish(self):
        if self.rest:
            self.line(self.rest.decode("utf-8", "replace").rstrip("\r"))
            self.rest = b""

    def line(self, text):
        out = self.outcome
        out.console.append(text)
        if self.on_line:
            self.on_line(text)
        found = re.search(r"\b(PANIC|WARNING): ", text)
        if found and not out.panic:
            self.block = [text[found.start():]]
            if found.group(1) == "PANIC":
                self.block = self.block + self.registers()
                out.panic = self.block
            else:
                out.warnings.append(self.block)
        elif self.block is not None and re.search(r"\[<0x[0-9a-fA-F]+>\]", text):
            self.block.append(text)
        elif out.panic:
            out.panic.append(text)
        found = re.search(r"dyad: exit (\d+)\s*$", text)
        if found:
            out.status = int(found.group(1))
            self.ended = True
        elif re.search(r"dyad: reboot\s*$", text):
            out.status = 0
            self.ended = True

    def registers(self):
        """What an exception in the kernel printed before its panic: where exactly it was."""
        lines = self.outcome.console[-60:-1]
        for n in range(len(lines) - 1, -1, -1):
            if re.match(r"CPU \d+: .*rip 0x", lines[n]):
                return lines[n:]
        return []

    def verdict(self):
        out = self.outcome
        if out.panic:
            return out.end(PANIC)
        if self.ended:
            return out.end(EXIT)
        return None


class Batch:
    """A run without a terminal: pipes for both serial ports, a deadline."""

    def __init__(self, machine, tmp, outcome, on_output, on_console):
        self.m, self.tmp, self.outcome = machine, tmp, outcome
        self.on_output = on_output
        self.console = Console(outcome, on_console)
        self.before = b""  # what came before the mark; None behind it

    def output(self, data):
        if self.before is not None:
            self.before += data
            _, mark, data = self.before.partition(MARK + b"\n")
            if not mark:
                return
            self.before = None
        if self.on_output:
            self.on_output(data)
        else:
            self.outcome.output += data

    def run(self):
        con_r, con_w = os.pipe()
        out_r, out_w = os.pipe()
        if self.m.engine == "bochs":
            argv = self.m.bochs_argv(self.tmp, "mode=file, dev=/dev/fd/%d" % con_w,
                                     "mode=file, dev=/dev/fd/%d" % out_w)
        else:
            argv = self.m.qemu_argv(self.tmp, con_w, out_w)
        said = open(os.path.join(self.tmp, "emulator.out"), "w+b")
        try:
            child = launch(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                     pass_fds=(con_w, out_w))
        finally:
            os.close(con_w)
            os.close(out_w)
        try:
            timed_out = self.pump(child, con_r, out_r)
        finally:
            stop(child)
            os.close(con_r)
            os.close(out_r)
        self.console.finish()
        if self.console.verdict():
            return
        if timed_out:
            self.outcome.end(TIMEOUT, "%d seconds" % self.m.timeout)
            return
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
        self.judge(child.returncode, text)

    def judge(self, code, text):
        """The emulator ended, but the machine never said that it would."""
        log = ""
        path = os.path.join(self.tmp, "bochs.log")
        if os.path.exists(path):
            with open(path, errors="replace") as f:
                log = f.read()
        if self.m.engine == "bochs":
            fault = "3rd (13) exception" in log or "triple fault" in log.lower()
        else:
            fault = code == 0  # -no-reboot: QEMU ends by itself when the machine resets
        if fault:
            self.outcome.end(TRIPLE_FAULT)
        else:
            lines = [l for l in (log + text).splitlines() if re.search(r"PANIC|>>PANIC|qemu|rror", l)]
            self.outcome.end(MISSING, "%s failed with status %s: %s" % (
                EMULATOR[self.m.engine], code, "; ".join(lines[-3:]) or text.strip()[-300:]))

    def pump(self, child, con_r, out_r):
        """Passes on what comes until both pipes are closed. True when the time was up."""
        timed_out = False
        if self.m.timeout:
            self.m.deadline = time.monotonic() + self.m.timeout
        with selectors.DefaultSelector() as sel:
            sel.register(con_r, selectors.EVENT_READ, self.console.feed)
            sel.register(out_r, selectors.EVENT_READ, self.output)
            while sel.get_map():
                for key, _ in sel.select(0.2):
                    data = os.read(key.fd, 65536)
                    if data:
                        key.data(data)
                    else:
                        sel.unregister(key.fd)
                now = time.monotonic()
                deadline = self.m.deadline
                if self.console.ended and (deadline is None or deadline > now + GRACE):
                    self.m.deadline = deadline = now + GRACE
                if deadline and now > deadline and child.poll() is None:
                    timed_out = not self.console.ended
                    stop(child)
        return timed_out


class Terminal:
    """A run on the user's terminal: QEMU has one itself; Bochs gets a pseudo-terminal."""

    def __init__(self, machine, tmp, outcome):
        self.m, self.tmp, self.outcome = machine, tmp, outcome
        self.console = Console(outcome)

    def run(self):
        if self.m.engine == "bochs":
            code = self.run_bochs()
        else:
            child = launch(self.m.qemu_argv(self.tmp, 0, 0))
            code = self.wait(child)
            log = os.path.join(self.tmp, "console.log")
            if os.path.exists(log):
                with open(log, "rb") as f:
                    self.console.feed(f.read())
        self.console.finish()
        if self.console.verdict():
            return
        # Ctrl-A x ends QEMU with 0, as a triple fault does: without a word of the guest, the user
        self.outcome.status = 0 if code == 0 else 1
        self.outcome.end(QUIT)

    def wait(self, child):
        """Waits, leaving Ctrl-C to the guest."""
        old = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return child.wait(self.m.timeout)
        except subprocess.TimeoutExpired:
            return 1
        finally:
            stop(child)
            signal.signal(signal.SIGINT, old)

    def run_bochs(self):
        import pty
        import termios
        import tty
        master, slave = pty.openpty()
        tty.setraw(slave)
        argv = self.m.bochs_argv(self.tmp, "mode=term, dev=" + os.ttyname(slave), "mode=null")
        said = open(os.path.join(self.tmp, "emulator.out"), "wb")
        saved = termios.tcgetattr(0) if os.isatty(0) else None
        child = launch(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            if saved:
                tty.setraw(0)
            self.relay(child, master)
        finally:
            stop(child)
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
        return child.returncode

    def relay(self, child, master):
        """Terminal to guest and back; Ctrl-A x ends it, as in QEMU."""
        prefix = False
        sources = {master, 0}
        with selectors.DefaultSelector() as sel:
            for fd in sources:
                sel.register(fd, selectors.EVENT_READ)
            while child.poll() is None:
                for key, _ in sel.select(0.2):
                    data = os.read(key.fd, 4096)
                    if key.fd == master:
                        os.write(1, data)
                        self.console.feed(data)
                    elif not data:
                        sel.unregister(0)
                    else:
                        if prefix and data[:1] in b"xX":
                            return
                        prefix = data.endswith(b"\x01")
                        os.write(master, data[:-1] if prefix else data)


def end_with_emulators(signum, _frame):
    """A signal handler: no emulator outlives whoever started it. What was interrupted may be a wait for one,
    which holds a lock that a wait here would need."""
    children = list(LIVE)
    for child in children:
        child.terminate()
    if threading.active_count() == 1:
        sys.exit(128 + signum)  # the way out stops them for good, and removes the folder of the run
    deadline = time.monotonic() + 2
    while any(child.poll() is None for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        child.kill()
    os._exit(128 + signum)


def handle_signals():
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, end_with_emulators)


def launch(argv, **kw):
    child = subprocess.Popen(argv, **kw)
    LIVE.add(child)
    return child


def stop(child):
    """Ends the emulator that we started, by asking first."""
    LIVE.discard(child)
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def symbolize(lines, elf):
    """Adds function, file and line to the addresses of a trace."""
    addresses = []
    for line in lines:
        addresses += re.findall(r"\[<(0x[0-9a-fA-F]+)>\]", line)
    if not addresses or not os.path.exists(elf):
        return lines
    tool = next((t for t in (os.environ.get("ADDR2LINE"), "addr2line", "x86_64-elf-addr2line",
                             "x86_64-linux-gnu-addr2line", "llvm-addr2line")
                 if t and shutil.which(t)), None)
    if not tool:
        return lines
    # a return address stands behind the call: look one byte before it; where an exception was is exact
    exact = re.findall(r"\brip (0x[0-9a-fA-F]+)", "\n".join(lines))
    asked = [hex(int(a, 16) - (a not in exact)) for a in addresses]
    done = subprocess.run([tool, "-f", "-i", "-p", "-e", elf] + asked, capture_output=True,
                          text=True)
    found, group = [], []
    for line in done.stdout.splitlines():
        if line.startswith(" (inlined by)"):
            found[-1].append(line.strip()[len("(inlined by) "):])
        else:
            found.append([line.strip()])
    result, n = [], 0
    for line in lines:
        if re.search(r"\[<0x[0-9a-fA-F]+>\]", line):
            group = found[n] if n < len(found) else []
            n += 1
            shown = [re.sub(re.escape(TOP) + "/", "", g) for g in group]
            result.append(line.rstrip() + ("  " + " < ".join(shown) if shown else ""))
        else:
            result.append(line)
    return result
