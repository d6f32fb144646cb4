# SPDX-License-Identifier: MIT
"""Lab 07: counters and rations on the host (tests/unit), then groups with limits in a machine."""
import labs
from harness import Case

HOST = labs.unit_tests("res_counter", ["sums", "refusal", "hostile", "lifetime", "threads"])
HOST.update(labs.unit_tests("fair", ["quota", "quota_beside", "quota_nested", "quota_set"]))

C = "cd /sys/fs/cgroup; echo +cpu +memory +pids >cgroup.subtree_control\nmkdir a || exit 1\n"
IN = "echo 0 >a/cgroup.procs; "  # of a script in '': from here on it is in the group
END = "\necho 1 >a/cgroup.kill; wait; for i in $(seq 50); do rmdir a/b; rmdir a && break; sleep 0.1; done 2>/dev/null"
NO_FORK = "sh: can't fork: Resource temporarily unavailable"

# name: script, what it prints
GROUPS = {
    "plain": ("sh -c '" + IN + "cat /proc/self/cgroup'; cat a/cgroup.procs", "0::/a"),
    "pids-count": ("sh -c '" + IN + "sleep 9 & sleep 9 & read n <a/pids.current; echo $n; kill %1 %2; wait; "
                   "read n <a/pids.current; echo $n'\ncat a/pids.current a/pids.peak", "3\n1\n0\n3"),
    "pids-max": ("echo 3 >a/pids.max; sh -c '" + IN + "sleep 9 & sleep 9 & sleep 9 & :'; echo $?\n"
                 "read n <a/pids.current; echo $n; cat a/pids.events", NO_FORK + "\n2\n2\nmax 1"),
    "pids-parent": ("mkdir a/b; echo +pids >a/cgroup.subtree_control; echo 2 >a/pids.max\n"
                    "sh -c 'echo 0 >a/b/cgroup.procs; sleep 9 & sleep 9 & :'; echo $?\n"
                    "cat a/b/pids.max a/b/pids.current a/pids.current", NO_FORK + "\n2\nmax\n1\n1"),
    "pids-bomb": ("echo 20 >a/pids.max; sh -c '" + IN + "bomb() { [ $1 = 0 ] || { bomb $(($1 - 1)) & bomb $(($1 - 1)) & sleep 9; }; }; bomb 7' 2>/dev/null &\n"
                  "sleep 1; cat a/pids.peak; echo the host goes on; echo 1 >a/cgroup.kill; sleep 0.5; "
                  "cat a/pids.current", "20\nthe host goes on\n0"),
    "pids-move": ("echo 1 >a/pids.max; sleep 9 & echo $! >a/cgroup.procs; sleep 9 & echo $! >a/cgroup.procs\n"
                  "cat a/pids.current; sh -c '" + IN + "sleep 9 & :'; echo $?", "2\n" + NO_FORK + "\n2"),
    "memory-max": ("echo 8M >a/memory.max; sh -c '" + IN + "ulimit -v 65536; exec tail /dev/zero'; echo $?\n"
                   "p=$(cat a/memory.peak); [ $p -gt 4194304 ] && [ $p -le 8388608 ] && echo never more; grep -w oom_kill a/memory.events; "
                   "cat a/memory.current", "Killed\n137\nnever more\noom_kill 1\n0"),
    "memory-inside": ("sh -c 'head -c 20m /dev/zero; sleep 60' | tail -c 20m >/dev/null &\n"
                      "for i in $(seq 99); do pidof sleep >/dev/null && break; usleep 100000; done\n"
                      "echo 4M >a/memory.max; sh -c '" + IN + "ulimit -v 65536; exec tail /dev/zero'; echo $?\n"
                      "p=$(cat a/memory.peak); [ $p -gt 2097152 ] && [ $p -le 4194304 ] && echo never more; "
                      "kill -0 $! && echo the bigger one outside lives; killall sleep",
                      "Killed\n137\nnever more\nthe bigger one outside lives"),
    "memory-worst": ("echo 14M >a/memory.max\n"
                     "sh -c '" + IN + "(head -c 8m /dev/zero; sleep 60) | tail -c 8m >/dev/null' 2>/dev/null &\n"
                     "for i in $(seq 99); do pidof sleep >/dev/null && break; usleep 100000; done\n"
                     "sh -c '" + IN + "head -c 7m /dev/zero | tail -c 7m | wc -c'\n"
                     "grep -w oom_kill a/memory.events; killall sleep", "7340032\noom_kill 1"),
    "cpu-fifth": ("echo 20000 >a/cpu.max; sh -c '" + IN + "while :; do :; done' & sleep 0.5\n"
                  "u() { head -1 a/cpu.stat | cut -d' ' -f2; }; t() { awk '{ print int($1 * 100) }' /proc/uptime; }\n"
                  "x=$(u) y=$(t); sleep 4; p=$((($(u) - x) / ($(t) - y)))\n"
                  "[ $p -ge 1500 ] && [ $p -le 2100 ] && echo a fifth || echo $p of 10000", "a fifth"),
    "container": ("ctr run --pids 4 --memory 8M busybox -- sh -c 'sleep 9 & sleep 9 & sleep 9 & sleep 9 & :'; echo $?\n"
                  "ctr run --memory 8M busybox -- sh -c 'ulimit -v 65536; exec tail /dev/zero' 2>/dev/null; echo $?", NO_FORK + "\n2\n137"),
}

CASES = [Case(name, C + script + END, out=out, leak=name in ("plain", "pids-count", "pids-max"), seconds=60)
         for name, (script, out) in GROUPS.items()]
