# SPDX-License-Identifier: MIT
"""Ways out of a container, and ways to take the machine from inside: the table of tests/README.md.

ATTEMPTS names what tests/abi/escape_*.c try, each in a default container and as a user namespace's root, with
Linux's answers expected. HOGS are run here, by guest/exhaust.c in a container of crun's with limits: the group above
must never have more than its limit, the host goes on, and the harness finds its counters as they were.
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from crun import BASE, rung  # noqa: E402

ON = ("debian",)

# case of escape_files.c or escape_tasks.c: how it is known in public
ATTEMPTS = """
chroot_fchdir          chroot escape: chroot(2) below an open directory, fchdir(2), chdir("..")
pivot_back             pivot_root(2) and unmounting the root, to find the old one
unmount_root           unmounting masks, sharing the root
remount_locked         remounting a locked read-only bind writable, uncovering masks (CVE-2014-5206, -5207)
proc_again             a new proc or sysfs over masked places, as a user namespace's root
propagation            a mount that propagates to the host (shared subtrees)
mount_devices          mounting devtmpfs, a disk, /proc/1/root, the cgroup tree (CVE-2022-0492's way)
new_mount_calls        fsopen, open_tree, move_mount (CVE-2022-0185's way)
make_nodes             mknod(2) of memory and disks
proc_of_others         /proc/N/root, cwd, exe, fd, environ, mem, maps of the host's processes
proc_root              /proc/1/root and ".." above it
proc_writes            /proc/sys, sysrq-trigger, oom_score_adj
proc_self_exe          overwriting the runtime by /proc/self/exe (CVE-2019-5736)
sealed_copy            the same of a runtime's sealed copy (memfd seals)
leaked_directory       a leaked directory: working directory, /proc/self/fd (CVE-2024-21626)
symlink_race           links exchanged while the engine resolves a mount's target (CVE-2021-30465)
file_handle            open_by_handle_at(2) ("Shocker")
read_only_pages        writing what may be read: Dirty COW, Dirty Pipe (CVE-2016-5195, CVE-2022-0847)
overlay_copy_up        overlay: capabilities gained by copying up (CVE-2021-3493, CVE-2023-0386)
host_terminals         the host's terminals, console, kernel log and memory
signal_out             kill(2) into the parent namespace
trace_out              ptrace(2), process_vm_readv(2), prlimit(2) into the parent namespace
leaked_pidfd           a leaked pidfd of the host: signal, pidfd_getfd(2), setns(2)
enter_host             leaked namespace descriptors: setns(2)
capabilities_by_setns  capabilities gained by setns(2); the outer namespaces by NS_GET_*
uid_map                uid_map and gid_map abuse, setgroups (CVE-2014-8989, CVE-2018-18955)
foreign_ids            users that are not mapped; files of the host's owners
raise_capabilities     capset(2), inheritable and ambient sets beyond the bounding set
exec_capabilities      execve(2) keeping capabilities; securebits; no_new_privs taken back
set_user_id            set-user-ID files and file capabilities under no_new_privs
tiocsti                typing into the host's terminal: TIOCSTI, TIOCLINUX, stealing it (CVE-2017-5226)
unix_names             abstract sockets of the host (CVE-2020-15257); forged SCM_CREDENTIALS
folder_by_socket       a directory by SCM_RIGHTS into a chroot
other_abis             seccomp bypass by x32 and int 0x80
filter_stays           seccomp taken back or loosened
machine                reboot, modules, kexec, iopl, bpf, the clock, swap, quota
limits_up              rlimits, nice, real-time, oom_score_adj raised
ipc_keys               System V segments of the host
network                the host's ports, interfaces and namespace
names_of_host          the host's name
release_agent          cgroup v1's release_agent (CVE-2022-0492)
leave_group            cgroup.procs of a parent
"""
HOGS = """
processes        fork bomb
threads          thread bomb
memory           anonymous memory
tables           page tables
areas            areas of memory
file-pages       pages of memory files
descriptors      descriptors
pipes            pipe buffers
sockets          sockets and their buffers
ptys             pseudo terminals
names            directories
missing-names    cached names
mounts           mounts
namespaces       namespaces
user-namespaces  nested user namespaces
locks            file locks
signals          queued signals
timers           timers
segments         System V segments
watches          epoll watches
"""


def table(text):
    return dict(line.split(None, 1) for line in text.strip().split("\n"))


LIMIT = 24 << 20
SCRIPT = """
    g=/sys/fs/cgroup/lim; mkdir $g; for d in $g/.. $g; do echo +memory +pids >$d/cgroup.subtree_control; done; echo %d >$g/memory.max
    echo 0 >$g/memory.swap.max; echo 70 >$g/pids.max
    crun run c >/dev/null 2>&1 </dev/null & sleep 0.7; (echo host) | cat; wait $!
    { [ $(cat $g/pids.peak) -ge 4 ] || [ $(cat $g/memory.peak) -ge %d ]; } && echo ran; [ $(cat $g/memory.peak) -le %d ] && [ $(cat $g/pids.peak) -le 70 ] && echo within; rmdir $g
    /bin/echo goes on""" % (LIMIT, LIMIT // 2, LIMIT)
MOUNT = ("c['mounts'].append(dict(destination='/dev/exhaust', type='bind', source='/tests/guest/exhaust', options=['bind', 'ro']))",
         "linux['cgroupsPath'] = '/lim/c'", "kinds('pid', 'mount', 'uts', 'network', 'ipc', 'cgroup')")

CASES = [rung(name, BASE + MOUNT + ("process['args'] = ['/dev/exhaust', '%s']" % name,), SCRIPT,
              out="host\nran\nwithin\ngoes on", seconds=60) for name in table(HOGS)]


def tried():
    """The cases of tests/abi/escape_*.c."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../abi")
    for name in ("escape_files", "escape_tasks"):
        with open("%s/%s.c" % (top, name)) as f:
            for case in re.findall(r"CASE\((\w+)\)", f.read()):
                yield name, case


def all_named(run):
    cases, named = [case for _, case in tried()], list(table(ATTEMPTS))
    return None if cases == named else ("each attempt named, in the order of escape_*.c", str(set(cases) ^ set(named)))


HOST = {"all-named": all_named}


def escapes():
    """The attempts as tests/README.md shows them."""
    names = table(ATTEMPTS)
    rows = ["%-32s%s" % ("%s/%s" % (file.replace("escape_", ""), case), names[case]) for file, case in tried()]
    rows += ["%-32s%s" % ("exhaust/" + case, what) for case, what in table(HOGS).items()]
    return "\n".join(["%-32s%s" % ("attempt", "class")] + rows + ["%d in all" % len(rows)])
