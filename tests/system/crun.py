# SPDX-License-Identifier: MIT
"""Debian's crun, unmodified, rung by rung: LADDER says what each asks of the kernel.

A case's bundle is what `crun spec` writes, with the lines of Python of its edits run over it: `c` is the
configuration. Its root is the busybox image. The table in tests/README.md is made of this one (`make counts`).
"""
import textwrap

from harness import Case

ON = ("debian",)

# the first word of a case's name is its rung
LADDER = {
    "1": "pid and mnt namespaces, /proc, tmpfs, devpts, bind mounts, pivot_root, no cgroup",
    "2": "five namespaces and the cgroup namespace; the life cycle: create, start, exec, kill, delete",
    "3": "cgroupfs: a group of its own, freezing, killing, ps, update",
    "4": "limits that are enforced: pids, memory, cpu, cpuset",
    "5": "a seccomp filter",
    "6": "`crun spec` as it is: device program, masked paths, a terminal",
    "7": "a user namespace with id maps: made by root, and rootless",
}

# The shell has a mount namespace of its own: whatever a case mounts goes with it.
BUNDLE = r"""
[ "$OWN" ] || OWN=1 exec unshare -m bash "$0"
mkdir rootfs; perl -e '@a = ("/images/busybox.erofs", "rootfs", "erofs"); syscall(165, @a, 1, 0) and die $!'
crun spec; mv config.json stock.json
cat >edit.py <<'END'
import sys
c = eval(open("stock.json").read(), dict(true=True, false=False, null=None))
linux, process = c["linux"], c["process"]
def kinds(*names):
    linux["namespaces"] = [{"type": name} for name in names]
    if "ipc" not in names:
        c["mounts"] = [m for m in c["mounts"] if m["type"] != "mqueue"]
def sh(script):
    process["args"] = ["sh", "-c", script]
def text(x):
    if isinstance(x, dict):
        return "{%s}" % ",".join(text(k) + ":" + text(v) for k, v in x.items())
    if isinstance(x, list):
        return "[%s]" % ",".join(map(text, x))
    if isinstance(x, str):
        return '"%s"' % x.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return str(x).lower()
for line in sys.argv[1:]:
    exec(line)
open("config.json", "w").write(text(c))
END
edit() { python3 edit.py "$@"; }
"""
NO_TERMINAL = "process['terminal'] = False"
NO_DEVICES = "linux.pop('resources')"
BASE = (NO_TERMINAL, NO_DEVICES)
LOW = BASE + ("kinds('pid', 'mount')", "c.pop('hostname')")
FIVE = BASE + ("kinds('pid', 'mount', 'uts', 'network', 'ipc', 'cgroup')",)


def rung(name, edits, script="crun run c", inside=None, **kw):
    """A case: the edits of the stock configuration, what runs inside, and a script for bash outside."""
    lines = list(edits) + (["sh(%r)" % inside] if inside else [])
    words = " ".join("'%s'" % line.replace("'", "'\\''") for line in lines)
    return Case(name, BUNDLE + "edit %s\n" % words + textwrap.dedent(script).strip("\n"), **kw)


MAPS = ("kinds('pid', 'mount', 'uts', 'network', 'ipc', 'cgroup', 'user')",
        "linux.update({k: [dict(containerID=0, hostID=100000, size=65536)] for k in ('uidMappings', 'gidMappings')})")
ROOTLESS = (MAPS[0], "linux.update({k: [dict(containerID=0, hostID=1000, size=1)] for k in ('uidMappings', 'gidMappings')})",
            "c['mounts'] = [m for m in c['mounts'] if 'cgroup' not in m['type']]",
            "[m['options'].remove('gid=5') for m in c['mounts'] if m['type'] == 'devpts']")
ALL_CAPS = ["CAP_" + name for name in """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
    NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE
    SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
    BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()]
CAPS = "process['capabilities'] = {k: %r for k in ('bounding', 'effective', 'permitted')}"
FILTER = "linux['seccomp'] = dict(defaultAction='SCMP_ACT_ALLOW', architectures=['SCMP_ARCH_X86_64'], syscalls=[dict(%s)])"
# what small programs of musl and glibc need, as engines list it for their default filter
ALLOWED = """
    access arch_prctl brk capget capset chdir clone clone3 close close_range dup dup2 dup3 epoll_create1 epoll_ctl execve exit
    exit_group faccessat faccessat2 fchdir fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getgroups getpgrp
    getpid getppid getrandom gettid getuid ioctl lseek lstat mmap mprotect munmap nanosleep clock_nanosleep newfstatat open openat
    openat2 pipe pipe2 poll prctl pread64 prlimit64 read readlink readlinkat readv rseq rt_sigaction rt_sigprocmask rt_sigreturn
    rt_sigsuspend sendmsg recvmsg seccomp set_robust_list set_tid_address setgid setgroups setpgid setresgid setresuid setsid
    setuid sigaltstack stat statx tgkill time umask uname unlink vfork wait4 write writev""".split()
DENY = ("linux['seccomp'] = dict(defaultAction='SCMP_ACT_ERRNO', architectures=['SCMP_ARCH_X86_64'], "
        "syscalls=[dict(action='SCMP_ACT_ALLOW', names=%r)])" % ALLOWED)
# over the read-only image an overlay, as ctr's own containers have
WRITABLE = """
    mkdir up; mount -t tmpfs t up; mkdir up/u up/w; mount -t overlay o -o lowerdir=rootfs,upperdir=up/u,workdir=up/w rootfs"""
# takes the terminal that crun sends, types a line, and waits for its answer
RECEIVER = r"""
    cat >recv.py <<'END'
    import array, os, socket
    s = socket.socket(socket.AF_UNIX); s.bind("sock"); s.listen(); print("ready", flush=True)
    fd = array.array("i", s.accept()[0].recvmsg(100, 100)[1][0][2])[0]
    os.write(fd, b"echo A$((6*7))B; exit\n"); got = b""
    while b"A42B" not in got: got += os.read(fd, 100)
    print("A42B")
    END
    touch out; python3 recv.py >out & while ! grep -q ready out; do sleep 0.1; done"""
OFF = "crun --cgroup-manager=disabled run c"

CASES = [
    rung("1-hello", LOW + ("process['args'] = ['echo', 'hello there']",), OFF, out="hello there"),
    rung("1-status", LOW, OFF, "exit 7", status=7),
    rung("1-signal", LOW, OFF, "sh -c 'kill -9 $$'; echo $?", out="Killed\n137"),
    rung("1-stdin", LOW, "echo through | " + OFF, "cat", out="through"),
    rung("1-no-program", LOW + ("process['args'] = ['nosuch']",), OFF, status=1,
         match="executable file `nosuch` not found in \\$PATH"),
    rung("1-processes", LOW, OFF, "echo $$; ls -d /proc/[0-9]* | wc -l; readlink /proc/self/ns/pid | grep -c pid",
         out="1\n3\n1"),
    rung("1-mounts", LOW, OFF, "cut -d' ' -f4- /proc/self/mountinfo | sed 's/ - / /'; ls /dev | xargs", match=(
        r"^/ / ro,relatime erofs", r"^/sys /proc/sys ro,relatime proc proc rw$",
        r"^/ /dev rw,nosuid tmpfs tmpfs rw,size=65536k,mode=755",
        r"^/ /dev/pts rw,nosuid,noexec,relatime devpts devpts rw,gid=5,mode=620,ptmxmode=666$",
        r"^/ /dev/shm rw,nosuid,nodev,noexec,relatime tmpfs shm rw,size=65536k",
        r"^/ /sys ro,nosuid,nodev,noexec,relatime sysfs sysfs rw$",
        r"^core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero$")),
    rung("1-read-only", LOW, OFF, "echo x >/f; echo x >/proc/sys/kernel/hostname; echo x >/dev/shm/f && cat /dev/shm/f",
         match=("can't create /f: Read-only", "kernel/hostname: Read-only", "^x$")),
    rung("1-privileges", LOW, OFF, "grep -E '^(Cap|NoNew)' /proc/self/status | cut -f2 | xargs; ulimit -n; id -u; "
         "mount -t tmpfs t /tmp; chown 1 /dev/shm 2>&1 | cut -d: -f3",
         match=(r"^0{16} 0{8}20000420 0{8}20000420 0{8}20000420 0{16} 1\n1024\n0\n", "permission denied|Operation not permitted")),
    rung("1-many", LOW, "for i in 1 2 3 4; do crun --cgroup-manager=disabled run c$i & done | sort; wait; crun list -q",
         "sleep 0.2; hostname", out="dyad\ndyad\ndyad\ndyad"),

    rung("2-namespaces", FIVE, OFF, "hostname; for i in /proc/self/ns/*; do readlink $i; done", status=0,
         check=lambda output: None if output.startswith("crun\n") else "the configured host name"),
    rung("2-own", FIVE, """
        for n in mnt pid uts net ipc; do readlink /proc/self/ns/$n; done >out
        %s >in; sort in out | uniq -d; wc -l <in""" % OFF,
         "for n in mnt pid uts net ipc; do readlink /proc/self/ns/$n; done", out="5"),
    rung("2-network", FIVE, OFF, "ip -o link | cut -d: -f2,3 | cut -c1-40; ping -c 1 127.0.0.1 2>&1 | tail -1",
         match=r"^ lo: <(LOOPBACK|LOOPBACK,UP,LOWER_UP)> "),
    rung("2-life", FIVE, """
        status() { crun state c | sed -n 's/.*"status": "\\(.*\\)",/\\1/p'; }
        crun create c </dev/null >log; status; cat log; crun start c; sleep 0.2; status; cat log; crun list -q
        crun exec c sh -c 'echo $$; exit 9'; echo $?; crun exec --cwd /proc --env A=b -u 5:6 c sh -c 'echo $PWD $A; id -u; id -g'
        crun delete c 2>&1 | grep -o 'still running\\|is not stopped\\|not .*stopped'; crun kill c KILL; sleep 0.2; status; crun delete c; crun list -q; status""",
         "echo started; sleep 1000", check=lambda output: None if output.split("\n")[:3] == ["created", "running", "started"]
         else "created, running, started"),
    rung("2-detach", FIVE, "crun run -d --pid-file p c </dev/null >log; sleep 0.2; grep -c '^Name:.sleep' /proc/$(cat p)/status; "
         "cat log; crun delete -f c; crun list -q", "echo out; exec sleep 1000", out="1\nout"),
    rung("2-hooks", FIVE + ("c['hooks'] = {k: [dict(path='/bin/sh', args=['sh', '-c', 'cat >/dev/null; echo %s >>/run/hooks' % k])]"
                            " for k in ('prestart', 'createRuntime', 'poststart', 'poststop')}",),
         "crun run c; cat /run/hooks; rm /run/hooks", "echo inside",
         out="inside\nprestart\ncreateRuntime\npoststart\npoststop"),
    rung("2-hook-fails", FIVE + ("c['hooks'] = dict(prestart=[dict(path='/bin/false')])",), "crun run c; echo $?; crun list -q",
         "echo inside", match="^255$", lacks="^inside"),

    rung("3-group", FIVE, "crun run c; ls /sys/fs/cgroup | grep -c '^c$'", "cat /proc/self/cgroup; "
         "sed -n 's,.* \\([^ ]*\\) /sys/fs/cgroup .*,\\1,p' /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs | head -1; "
         "mkdir /sys/fs/cgroup/x 2>&1 | cut -d: -f3", out="0::/\n/\n1\n Read-only file system\n0", status=1),
    rung("3-path", FIVE + ("linux['cgroupsPath'] = '/deep/er'",),
         "crun run -d c </dev/null; sed 's/.*://' /proc/$(cat /sys/fs/cgroup/deep/er/cgroup.procs)/cgroup; crun delete -f c; "
         "ls -d /sys/fs/cgroup/deep/er 2>&1 | grep -c 'No such'; rmdir /sys/fs/cgroup/deep", "exec sleep 1000", out="/deep/er\n1"),
    rung("3-pause", FIVE, """
        crun run -d c </dev/null; g=/sys/fs/cgroup/c; crun pause c; crun state c | grep -o '"paused"'; grep frozen $g/cgroup.events
        crun resume c; crun state c | grep -o '"running"'; grep frozen $g/cgroup.events; crun kill --all c KILL; sleep 0.2
        crun state c | grep -o '"stopped"'; crun delete c; [ -d $g ] || echo gone""", "sleep 1000",
         out='"paused"\nfrozen 1\n"running"\nfrozen 0\n"stopped"\ngone'),
    rung("3-ps", FIVE, "crun run -d c </dev/null; sleep 0.2; crun ps c | wc -l; crun ps -f json c | tr -d ' \\n' | grep -c "
         "'^\\[[0-9]*,[0-9]*,[0-9]*\\]'; crun exec -d c sleep 1000 </dev/null; crun ps c | wc -l; crun delete -f c",
         "sleep 1000 & sleep 1000 & wait", out="4\n1\n5"),
    rung("3-update", FIVE, """
        crun run -d c </dev/null; cd /sys/fs/cgroup/c
        crun update --pids-limit 20 --memory 50000000 --memory-reservation 40000000 --cpu-share 512 --cpu-period 50000 --cpu-quota 20000 c
        cat pids.max memory.max memory.low cpu.weight cpu.max; cd; crun delete -f c""", "sleep 1000",
         out="20\n49999872\n39997440\n20\n20000 50000"),

    rung("4-pids", FIVE + ("linux['resources'] = dict(pids=dict(limit=4))",), "crun run c",
         "cat /sys/fs/cgroup/pids.max; sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1; echo end",
         match=("^4$", "can't fork"), lacks="^end", status=2),
    rung("4-memory", FIVE + ("linux['resources'] = dict(memory=dict(limit=16 << 20, swap=16 << 20))",),
         "crun run c; echo $?; echo host goes on", "cat /sys/fs/cgroup/memory.max; head -c 64m /dev/zero | tail -c 60m | wc -c; "
         "grep '^oom_kill ' /sys/fs/cgroup/memory.events",
         match=("^oom_kill [12]$", "^16777216$", "^host goes on$"), lacks="62914560", seconds=40),
    rung("4-cpu", FIVE + ("linux['resources'] = dict(cpu=dict(quota=20000, period=100000, shares=512))",), "crun run c",
         "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.weight; (timeout 2 sh -c 'while :; do :; done') 2>/dev/null; "
         "awk '/^usage_usec/ { print ($2 < 700000) } /^nr_throttled/ { print ($2 > 10) }' /sys/fs/cgroup/cpu.stat",
         match=r"^20000 100000\n20\n(Terminated\n)?1\n1$", seconds=30),
    rung("4-fork-bomb", FIVE + ("linux['resources'] = dict(pids=dict(limit=30))",), "crun run c; echo host lives",
         "(b() { b | b & b; }; b) >/dev/null 2>&1; sleep 1; grep '^max' /sys/fs/cgroup/pids.events; kill -9 -1",
         match="^host lives", seconds=60),
    rung("4-cpuset", FIVE + ("linux['resources'] = dict(cpu=dict(cpus='0'))",), "crun run c",
         "cat /sys/fs/cgroup/cpuset.cpus.effective; grep Cpus_allowed_list /proc/self/status; nproc",
         out="0\nCpus_allowed_list:\t0\n1"),

    rung("5-errno", FIVE + (FILTER % "action='SCMP_ACT_ERRNO', errnoRet=38, names=['mkdir', 'mkdirat']",), "crun run c",
         "mkdir /dev/shm/d 2>&1 | cut -d: -f3; grep '^Seccomp' /proc/self/status | cut -f2 | xargs",
         out=" Function not implemented\n2 1"),
    rung("5-kill", FIVE + (FILTER % "action='SCMP_ACT_KILL_PROCESS', names=['sethostname']",), "crun run c",
         "hostname x; echo $?", match="^159$"),
    rung("5-argument", FIVE + (FILTER % "action='SCMP_ACT_ERRNO', names=['kill'], args=[dict(index=1, value=9, op='SCMP_CMP_EQ')]",),
         "crun run c", "sleep 100 & kill -9 $! 2>/dev/null || echo refused; kill -15 $! && echo done", out="refused\ndone"),
    rung("5-default-deny", FIVE + (DENY,), "crun run -d c </dev/null; sleep 0.2; crun exec c hostname y 2>&1 | grep -o 'sethost.*'; "
         "crun delete -f c", "echo fine; hostname x 2>&1 | grep -o 'sethost.*'; sleep 1000",
         match=r"^fine\nsethostname: Operation not permitted\nsethostname: Operation not permitted"),

    Case("6-stock", BUNDLE + "set -o pipefail; mv stock.json config.json; (sleep 1; echo 'tty; id -u; exit 5'; sleep 1) | "
         "script -qec 'crun run c' /dev/null | tr -d '\\r'", match=("^/dev/pts/0$", "^0$"), status=5, seconds=30),
    rung("6-no-terminal", (NO_TERMINAL,), "crun run c", "echo through; ls -l /dev/ | grep -c '^c'", out="through\n6"),
    rung("6-devices", (NO_TERMINAL, "for k in ('bounding', 'effective', 'permitted'): process['capabilities'][k] += ['CAP_MKNOD']"),
         "crun run c", "cd /dev; for d in null zero full tty random urandom; do (: <$d) 2>&1 | grep -v 'such device'; done; "
         "for n in 1 11; do mknod k$n c 1 $n; (: <k$n); done; mknod n c 1 3 && echo x >n && echo null", check=lambda output: None
         if output.count("Operation not permitted") == 2 and output.endswith("null\n") else "two devices refused"),
    rung("6-masked", (NO_TERMINAL,), "crun run c", "cat /proc/keys /proc/timer_list /proc/kcore 2>/dev/null | wc -c; "
         "ls /sys/firmware 2>/dev/null | wc -l; (echo x >/proc/sys/kernel/hostname); (echo x >/proc/sysrq-trigger)",
         match=("^0\n0\n", "hostname: Read-only file system", "sysrq-trigger: Read-only file system"), status=1),
    rung("6-exec", (NO_TERMINAL,), "crun run -d c </dev/null; crun exec c grep -E '^(Cap|NoNew)' /proc/self/status | cut -f2 | xargs; "
         "crun exec c sh -c ': </dev/null; exit 3'; echo $?; script -qec 'crun exec -t c tty' /dev/null </dev/null | "
         "grep -o '/dev/.*[0-9]'; crun delete -f c", "exec sleep 1000", match=r" 0{8}20000420 0{8}20000420 .*\n3\n/dev/pts/\d"),
    rung("6-console-socket", (), RECEIVER + """
    crun run --console-socket sock -d c; wait $!; cat out; sleep 0.2; crun delete -f c""", out="ready\nA42B", seconds=30),
    rung("6-overlay-root", (NO_TERMINAL, "c['root']['readonly'] = False"), WRITABLE + "\n    crun run c",
         "echo x >/etc/new; cat /etc/new; sed 1q /proc/self/mountinfo | cut -d' ' -f5-8", out="x\n/ rw,relatime - overlay"),

    rung("7-maps", FIVE + MAPS, "crun run c", "cat /proc/self/uid_map | xargs; id -u; stat -c %u /dev/shm; "
         "echo x >/dev/shm/f; stat -c %u /dev/shm/f /dev/zero /proc/1; grep -c . /proc/self/gid_map",
         out="0 100000 65536\n0\n0\n0\n65534\n0\n1"),
    rung("7-outside", FIVE + MAPS, "crun run -d c </dev/null; stat -c %u /proc/$(cat /sys/fs/cgroup/c/cgroup.procs); "
         "crun exec c id -u; crun delete -f c", "exec sleep 1000", out="100000\n0"),
    rung("7-power", FIVE + MAPS + (CAPS % ALL_CAPS,), "crun run c", "grep CapEff /proc/self/status | cut -f2; "
         "mknod /dev/shm/n c 1 3 2>&1 | cut -d: -f3; mount -t tmpfs t /mnt && echo mounted; chroot / true && echo rooted; "
         "hostname y && hostname; date -s 2000-01-01 2>&1 | grep -o 'Operation.*'; ip link set lo up && ip -o link | grep -o LOWER_UP",
         out="000001ffffffffff\n Operation not permitted\nmounted\nrooted\ny\nOperation not permitted\nLOWER_UP"),
    rung("7-rootless", FIVE + ROOTLESS, """
        chmod 755 .; mkdir -m 777 run; setpriv --reuid 1000 --regid 1000 --clear-groups \\
        env XDG_RUNTIME_DIR=$PWD/run crun --cgroup-manager=disabled --root $PWD/run/c run c""",
         "cat /proc/self/uid_map | xargs; id -u; echo x >/dev/shm/f; stat -c %u /dev/shm/f", out="0 1000 1\n0\n0"),
]


def ladder():
    """The rungs as tests/README.md shows them."""
    return "\n".join(["rung  cases  what Debian's crun asks of the kernel there"] + [
        "%4s%7d  %s" % (rung, sum(case.name.startswith(rung + "-") for case in CASES), what)
        for rung, what in LADDER.items()])
