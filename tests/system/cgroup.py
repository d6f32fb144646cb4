# SPDX-License-Identifier: MIT
"""Control groups: the tree, who is in which, and limits that hold. Texts are those of Linux."""
from harness import Case

C = "cd /sys/fs/cgroup; echo +cpuset +cpu +memory +pids > cgroup.subtree_control; "


def case(name, script, **kw):
    return Case(name, C + script, **kw)


def cpuset_wrong(text):
    """What a group's CPUs should be on a machine of any size."""
    got = [line.replace("Cpus_allowed_list:\t", "") for line in text.splitlines() if ":" not in line or "list" in line]
    everything = got[0] if got else ""
    last = everything.rpartition("-")[2]
    want = [everything, "0", "", "", last, last, "0", last, last, everything, everything, last]
    if got != want or "took" in text or text.count("nvalid") + text.count("range") < 6:
        return "%s, and six refusals" % want
    return None


CASES = [
    case("controllers", "cat cgroup.controllers; "
                        "mkdir a; cat a/cgroup.controllers a/cgroup.subtree_control; rmdir a",
         match=("^cpuset cpu io memory pids$",), lacks="error"),
    case("version-1-names", "g() { grep -w memory /proc/cgroups | cut -f3; }; n=$(g); mkdir -p a/b; "
                            "head -1 /proc/cgroups; sed \"s/\t$((n + 2))\t/\tN\t/\" /proc/cgroups | grep -v '#'; "
                            "rmdir a/b a; [ $(g) = $n ]",
         out="#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
             + "\n".join(c + "\t0\tN\t1" for c in "cpuset cpu cpuacct blkio memory pids".split())),
    case("tree", "mkdir -p a/b/c; ls -d a/b/c; cat a/cgroup.stat | head -1; rmdir a 2>&1; rmdir a/b/c a/b a; ls -d a",
         status=1, match=(r"^a/b/c$", "^nr_descendants 2$", "busy", "No such file")),
    case("names", "mkdir \"$(printf 'a\\nb')\" 2>&1; mkdir cgroup.procs 2>&1; mkdir a; mkdir a 2>&1; rmdir a",
         match=("Invalid argument", "File exists")),
    case("files", "mkdir a; echo x > a/new; rm a/cgroup.procs; mv a b; rmdir a",
         match=("a/new: Permission denied", "cgroup.procs': Operation not permitted", "'a': Operation not permitted")),
    case("move", "mkdir a; sh -c 'echo $$ > a/cgroup.procs; cat /proc/self/cgroup; grep -c . a/cgroup.procs'; "
                 "cat a/cgroup.procs | wc -l; rmdir a", out="0::/a\n1\n0"),
    case("move-errors", "mkdir a; echo 99999 > a/cgroup.procs; echo x > a/cgroup.procs; echo -1 > a/cgroup.procs; "
                        "rmdir a", match=("No such process", "Invalid argument")),
    case("move-into-removed", "mkdir -p a/b; exec 3> a/b/cgroup.procs; rmdir a/b a; "
                              "for n in 1 2 3; do echo 0 >&3; done; exec 3>&-; ls -d a",
         status=1, match=r"(.*write error: No such device\n){3}"),
    case("fork-inherits", "mkdir a; sh -c 'echo 0 > a/cgroup.procs; sh -c \"sh -c \\\"cat /proc/self/cgroup\\\"\"'; rmdir a",
         out="0::/a"),
    case("populated", "mkdir -p a/b; cat a/cgroup.events; sh -c 'echo 0 > a/b/cgroup.procs; cat a/cgroup.events'; "
                      "cat a/cgroup.events; rmdir a/b a",
         out="populated 0\nfrozen 0\npopulated 1\nfrozen 0\npopulated 0\nfrozen 0"),
    case("rmdir-busy", "mkdir a; sleep 60 & echo $! > a/cgroup.procs; rmdir a 2>&1; kill $!; wait $!; rmdir a; echo $?",
         match=("busy", "^0$")),
    case("zombie", "mkdir a; sh -c 'sh -c \"echo 0 > a/cgroup.procs\" & exec sleep 0.3'; rmdir a && echo gone", out="gone"),
    case("kill", "mkdir -p a/b; for g in a a/b; do sleep 60 & echo $! > $g/cgroup.procs; done; "
                 "echo 1 > a/cgroup.kill; wait; cat a/cgroup.events | head -1; rmdir a/b a", match="^populated 0$"),
    case("kill-errors", "mkdir a; echo 2 > a/cgroup.kill; echo x > a/cgroup.kill; cat a/cgroup.kill; rmdir a", status=0,
         match="Invalid argument|out of range"),
    case("freeze", "mkdir a; sh -c 'while :; do :; done' & echo $! > a/cgroup.procs; sleep 0.2; echo 1 > a/cgroup.freeze; "
                   "while ! grep -q 'frozen 1' a/cgroup.events; do sleep 0.05; done; "
                   "x=$(head -1 a/cpu.stat); sleep 0.3; [ \"$x\" = \"$(head -1 a/cpu.stat)\" ] && echo stands; "
                   "echo 0 > a/cgroup.freeze; sleep 0.3; [ \"$x\" != \"$(head -1 a/cpu.stat)\" ] && echo moves; "
                   "kill $!; wait $!; rmdir a", match=("^stands$", "^moves$"), seconds=30),
    case("freeze-kill", "mkdir a; sleep 60 & echo $! > a/cgroup.procs; echo 1 > a/cgroup.freeze; sleep 0.1; "
                        "cat a/cgroup.freeze; kill -9 $!; wait $!; echo $?; rmdir a", match=("^1$", "^137$")),
    case("freeze-nested", "mkdir -p a/b; sleep 60 & echo $! > a/b/cgroup.procs; echo 1 > a/cgroup.freeze; sleep 0.1; "
                          "cat a/b/cgroup.freeze; grep frozen a/b/cgroup.events; echo 0 > a/cgroup.freeze; sleep 0.1; "
                          "grep frozen a/b/cgroup.events; kill $!; wait $! ; rmdir a/b a",
         match=("^0\nfrozen 1\nfrozen 0$",)),
    case("subtree-errors", "mkdir -p a/b; echo +nosuch > a/cgroup.subtree_control; "
                           "echo -pids > cgroup.subtree_control; echo +pids > a/cgroup.subtree_control; "
                           "echo +pids > cgroup.subtree_control; echo +pids > a/cgroup.subtree_control; "
                           "ls a/b/pids.max; echo -pids > cgroup.subtree_control; "
                           "echo 0 > a/cgroup.procs; rmdir a/b a; echo +pids > cgroup.subtree_control",
         match=("Invalid argument", "(No such file|nonexistent)", "a/b/pids.max", "busy")),
    case("internal-process", "mkdir -p a/b; sleep 60 & echo $! > a/cgroup.procs; echo +pids > a/cgroup.subtree_control; "
                             "kill $!; wait $!; rmdir a/b a", match="busy", status=0),
    case("pids-max", "mkdir a; cat a/pids.max; echo 3 > a/pids.max; cat a/pids.max; "
                     "sh -c 'echo 0 > a/cgroup.procs; cat a/pids.current; for i in 1 2 3 4; do sleep 0.2 & done'; "
                     "cat a/pids.events; sleep 0.5; cat a/pids.current; echo max > a/pids.max; echo -5 > a/pids.max; rmdir a",
         match=("^max$", "^3$", "can't fork", "^max [1-9]", "Invalid argument")),
    case("pids-parent", "mkdir -p a/b; echo +pids > a/cgroup.subtree_control; echo 2 > a/pids.max; "
                        "sh -c 'echo 0 > a/b/cgroup.procs; sleep 0.1 & sleep 0.1 & wait'; cat a/pids.peak; sleep 0.3; rmdir a/b a",
         match=("can't fork", "^2$")),
    case("memory-max", "mkdir a; echo 8M > a/memory.max; cat a/memory.max; "
                       "sh -c 'echo 0 > a/cgroup.procs; exec tail /dev/zero'; echo $?; "
                       "grep '^oom_kill ' a/memory.events; rmdir a; echo the host goes on",
         match=("^8388608$", "^137$", "^oom_kill 1$", "the host goes on"), seconds=60),
    case("memory-returns", "mkdir a; sh -c 'echo 0 > a/cgroup.procs; head -c 4m /dev/zero | tail -c 2m | wc -c'; "
                           "cat a/memory.current; [ $(cat a/memory.peak) -gt 2000000 ] && echo peak; rmdir a",
         out="2097152\n0\npeak"),
    case("memory-stat", "mkdir a; sh -c 'echo 0 > a/cgroup.procs; exec sleep 60' & sleep 0.3; cat a/memory.stat; "
                        "set -- $(cat a/memory.stat); [ $(($2 + $4 + $6)) = $(cat a/memory.current) ] && echo adds up; "
                        "kill $!; wait $!; rmdir a", match=("^anon [1-9]", "^kernel_stack [1-9]", "^slab [1-9]", "^adds up$")),
    case("memory-objects", "ctr run --name o busybox -- sleep 60 & sleep 0.5; grep slab /sys/fs/cgroup/ctr-o/memory.stat; "
                           "kill $!; wait $!", match="^slab [1-9][0-9]{3}", status=143, seconds=40),
] + [
    # What the kernel holds for the processes of a group ends at the group's own limit.
    case("exhaust-" + what, "mkdir a /tmp/x; echo 512K > a/memory.max; cd /tmp/x; "
                            "sh -c 'echo 0 > /sys/fs/cgroup/a/cgroup.procs; exec /tests/guest/hog %s' 2> /dev/null; echo $?; cd /sys/fs/cgroup; "
                            "[ $(cat a/memory.peak) -le 524288 ] && [ $(cat a/memory.peak) -gt 470000 ] && echo to the limit; "
                            "grep '^oom_kill ' a/memory.events; rm -r /tmp/x; cat a/memory.current; rmdir a; cat cgroup.stat" % what,
         out="137\nto the limit\noom_kill 1\n0\nnr_descendants 0\nnr_dying_descendants 0", seconds=60)
    for what in "anon files pipes sockets unix datagrams ptys eventfds epolls mounts locks".split()
] + [
    case("memory-high", "mkdir -p a/b; echo +memory > a/cgroup.subtree_control; cat a/memory.high; echo 4M > a/memory.high; "
                        "sh -c 'echo 0 > a/b/cgroup.procs; exec /tests/guest/hog anon' & sleep 2; "
                        "[ $(cat a/memory.current) -gt 4194304 ] && [ $(cat a/memory.current) -lt 5500000 ] && echo slowed; "
                        "grep -h '^high' a/memory.events a/memory.events.local a/b/memory.events; echo 1 > a/cgroup.freeze; sleep 0.1; grep frozen a/cgroup.events; "
                        "kill -9 $!; wait $!; echo $?; echo 1G > a/memory.high; cat a/memory.high; rmdir a/b a",
         match="^max\nslowed\nhigh [1-9]\\d*\nhigh [1-9]\\d*\nhigh 0\nfrozen 1\n(Killed\n)?137\n1073741824$", seconds=40),
    case("memory-oom-group", "exec 2>/dev/null; mkdir -p a/b; echo +memory > a/cgroup.subtree_control; echo 4M > a/memory.max; echo 1 > a/memory.oom.group; "
                             "sh -c 'echo 0 > a/b/cgroup.procs; sleep 61 & exec sleep 60' & p=$!; until [ $(wc -l < a/b/cgroup.procs) = 2 ]; do sleep 0.01; done; "
                             "sh -c 'echo 0 > a/b/cgroup.procs; exec /tests/guest/hog anon'; echo $?; wait $p; echo $?; "
                             "until grep -q 'populated 0' a/cgroup.events; do sleep 0.01; done; " # sleep 61 is nobody's child here
                             "tail -3 a/memory.events; tail -3 a/memory.events.local; cat a/cgroup.events; "
                             "echo 2 > a/memory.oom.group; rmdir a/b a",
         match="^137\n137\noom 1\noom_kill 3\noom_group_kill 1\noom 1\noom_kill 0\noom_group_kill 1\npopulated 0", seconds=40),
    case("memory-files", "mkdir a; cd a; cat memory.min memory.low memory.high memory.max memory.oom.group memory.swap.*; echo 3M > memory.low; "
                         "echo 1M > memory.min; cat memory.low memory.min; echo -1 > memory.high; echo 4097 > memory.max; cat memory.max; "
                         "echo 1M > memory.reclaim; cd ..; rmdir a",
         match=("^0\n0\nmax\nmax\n0\nmax\n3145728\n1048576$", "Invalid argument", "^4096$", "temporarily unavailable")),
    case("memory-storm", "mkdir a || exit; echo 6M > a/memory.max; for i in 1 2 3 4 5 6; do sh -c 'echo 0 > a/cgroup.procs; cd /tmp; "
                         "while :; do dd if=/dev/zero of=/tmp/s$0 bs=64k count=40 2>/dev/null; ls -R /bin | tail -1; done' $i >/dev/null 2>&1 & done; "
                         "for i in 1 2 3; do sh -c 'echo 0 > a/cgroup.procs; exec /tests/guest/hog anon' & sleep 1; done; "
                         "echo 1 > a/cgroup.kill; wait; grep -q '^max [1-9]' a/memory.events && [ $(cat a/memory.peak) -le 6291456 ] && echo not by a page || cat a/memory.peak a/memory.events; "
                         "rm -f /tmp/s?; rmdir a", match="^not by a page$", seconds=60),
    case("cpuset", "n=$(($(nproc) - 1)); cat cpuset.cpus.effective cpuset.mems.effective; mkdir -p a/b; cat a/cpuset.cpus a/cpuset.mems; "
                   "for x in 99 0-99 x 1-0 64; do echo $x > a/cpuset.cpus && echo took $x; done; echo 1 > a/cpuset.mems; echo 0 > a/cpuset.mems; "
                   "echo $n > a/cpuset.cpus; cat a/cpuset.cpus a/cpuset.cpus.effective a/cpuset.mems.effective; "
                   "sh -c 'echo 0 > a/b/cgroup.procs; grep Cpus_allowed_list /proc/self/status; taskset -p ff $$ > /dev/null; "
                   "grep Cpus_allowed_list /proc/self/status; echo > a/cpuset.cpus; grep Cpus_allowed_list /proc/self/status'; "
                   "echo +cpuset > a/cgroup.subtree_control; cat a/b/cpuset.cpus.effective; echo 0 > a/b/cpuset.cpus; echo $n > a/cpuset.cpus; "
                   "cat a/b/cpuset.cpus.effective; ls cpuset.cpus a/cpuset.cpus.partition; rmdir a/b a",
         check=lambda text: cpuset_wrong(text), status=0),
    case("max-depth", "mkdir -p a/b; cat a/cgroup.max.depth a/cgroup.max.descendants; echo 1 > a/cgroup.max.depth; mkdir a/b/c a/d; rmdir a/d; "
                      "echo 1 > a/cgroup.max.descendants; mkdir a/d; echo -1 > a/cgroup.max.depth; echo x > a/cgroup.max.depth; "
                      "echo max > a/cgroup.max.depth; cat a/cgroup.max.descendants; mkdir a/b/c; ls -d cgroup.max.depth; rmdir a/b a",
         match=("^max\nmax\n", "a/b/c.*temporarily", "a/d.*temporarily", "out of range", "Invalid", "^1$", "^cgroup.max.depth$")),
    case("pids-events", "mkdir -p a/b; echo +pids > a/cgroup.subtree_control; echo 1 > a/pids.max; "
                        "sh -c 'echo 0 > a/b/cgroup.procs; sleep 0 & :' 2>/dev/null; cat a/pids.events a/b/pids.events; rmdir a/b a",
         out="max 0\nmax 1"),
    case("memory-lowered", "mkdir a; sh -c 'echo 0 > a/cgroup.procs; exec sh -c \"x=\\$(head -c 6m /dev/zero | tr \\\\\\\\000 x); sleep 60; :\"' & "
                           "sleep 1; echo 1M > a/memory.max; wait $!; echo $?; echo 1 > a/cgroup.kill; sleep 0.2; rmdir a", match="^137$", seconds=40),
    case("cpu-stat", "mkdir a; sh -c 'echo 0 > a/cgroup.procs; i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'; "
                     "set -- $(cat a/cpu.stat); [ $2 -gt 1000 ] && [ $2 = $(($4 + $6)) ] && echo counted; rmdir a",
         match="^counted$", seconds=60),
    case("cpu-weight", "mkdir a b; cat a/cpu.weight; echo 400 > a/cpu.weight; echo 0 > a/cpu.weight; "
                       "echo 10001 > a/cpu.weight; cat a/cpu.weight; "
                       "for g in a b; do sh -c \"echo 0 > $g/cgroup.procs; while :; do :; done\" & done; sleep 3; "
                       "echo 1 > a/cgroup.kill; echo 1 > b/cgroup.kill; wait; "
                       "x=$(head -1 a/cpu.stat | cut -d' ' -f2); y=$(head -1 b/cpu.stat | cut -d' ' -f2); "
                       "[ $((x * 10 / y)) -ge 25 ] && [ $((x * 10 / y)) -le 60 ] && echo four to one; rmdir a b",
         match=("^100$", "^400$", "^four to one$"), seconds=60, on=("qemu1",)),
    case("cpu-max-file", "mkdir -p a/b; cat a/cpu.max; echo 20000 > a/cpu.max; cat a/cpu.max; echo '5000 50000' > a/cpu.max; "
                         "echo max > a/cpu.max; cat a/cpu.max; ls a/b/cpu.max cpu.max; grep -c . a/cpu.stat a/b/cpu.stat; "
                         "for bad in '' x 999 '1000 999' '1000 1000001' '-1' '1000 x' '17592186044416 100000'; do "
                         "echo \"$bad\" > a/cpu.max && echo \"took $bad\"; done; rmdir a/b a",
         match=("^max 100000\n20000 100000\nmax 50000\n", "a/b/cpu.max: No such", "^ls: cpu.max: No such", "a/cpu.stat:6\na/b/cpu.stat:3"),
         lacks="took"),
    case("cpu-max", "mkdir a; echo 20000 > a/cpu.max; sh -c 'echo 0 > a/cgroup.procs; while :; do :; done' & sleep 0.25; "
                    "u() { head -1 a/cpu.stat | cut -d' ' -f2; }; t() { awk '{ print int($1 * 100) }' /proc/uptime; }; "
                    "x=$(u) y=$(t); sleep 5; x=$(($(u) - x)) y=$(($(t) - y)); p=$((x / y)); "
                    "[ $p -ge 1800 ] && [ $p -le 2200 ] && echo a fifth || echo $p; "
                    "while read n v; do eval $n=$v; done < a/cpu.stat; [ $nr_throttled -ge 50 ] && [ $nr_throttled -le $nr_periods ] && "
                    "[ $throttled_usec -gt 4000000 ] && echo told; echo 1 > a/cgroup.kill; wait; rmdir a",
         out="a fifth\ntold", seconds=60),
    case("cpu-max-nested", "mkdir -p a/b a/c; echo +cpu > a/cgroup.subtree_control; echo '60000 200000' > a/cpu.max; echo 20000 > a/b/cpu.max; "
                           "for g in b b b c c; do sh -c \"echo 0 > a/$g/cgroup.procs; while :; do :; done\" & done; sleep 0.5; "
                           "u() { head -1 a/$1/cpu.stat | cut -d' ' -f2; }; x=$(u .) y=$(u b); sleep 4; "
                           "x=$((($(u .) - x) / 40000)) y=$((($(u b) - y) / 40000)); "
                           "[ $x -ge 27 ] && [ $x -le 33 ] && [ $y -le 22 ] && echo nested || echo $x $y; "
                           "echo 1 > a/cgroup.kill; wait; rmdir a/b a/c a", out="nested", seconds=60),
    case("cpu-max-kill", "mkdir a; echo '1000 1000000' > a/cpu.max; sh -c 'echo 0 > a/cgroup.procs; while :; do :; done' & p=$!; "
                         "sleep 1.2; echo 1 > a/cgroup.freeze; sleep 0.1; grep frozen a/cgroup.events; kill -9 $p; sleep 0.1; "
                         "grep populated a/cgroup.events; wait $p; echo $?; echo 0 > a/cgroup.freeze; "
                         "sh -c 'trap \"echo got it; exit 3\" TERM; echo 0 > a/cgroup.procs; echo '\\''20000 100000'\\'' > a/cpu.max; "
                         "while :; do :; done' & sleep 0.3; kill $!; wait $!; echo $?; rmdir a",
         match="^frozen 1\npopulated 0\n137\ngot it\n3$", seconds=60),
    # What Linux 6.1 with the same disk and script says, for both. A controller's files are of who gave it.
    case("delegated", "as() { su -s /bin/sh nobody -c \"$1\"; }; o() { stat -c '%n %u' $@; }; mkdir d; chown nobody d d/cgroup.procs d/cgroup.subtree_control; "
                      "as 'mkdir d/a; echo +pids > d/cgroup.subtree_control'; o d/pids.max d/cgroup.procs d/a/pids.max d/a/cgroup.procs; "
                      "as 'echo 5 > d/a/pids.max; echo 5 > d/pids.max' 2>&1; cat d/a/pids.max; as 'echo -pids > d/cgroup.subtree_control'; "
                      "echo +pids > d/cgroup.subtree_control; o d/a/pids.max; cat d/a/pids.max; chown nobody d/a/pids.max; o d/a/pids.max; "
                      "as 'echo 6 > d/a/pids.max; cat d/a/pids.max; rmdir d/a'; rmdir d",
         match="^d/pids.max 0\nd/cgroup.procs 65534\nd/a/pids.max 65534\nd/a/cgroup.procs 65534\n.*d/pids.max: Permission denied\n5\n"
               "d/a/pids.max 0\nmax\nd/a/pids.max 65534\n6$"),
    # What is kept of a file's mode is charged to who changes it, here to the group itself: it must still end.
    case("delegated-inside", "mkdir g; sh -c 'echo 0 > g/cgroup.procs; chmod 600 g/cgroup.procs; chown 7 g/memory.max; stat -c \"%a %u\" g/*.procs g/memory.max'; "
                             "exec 3< g/cgroup.procs; until rmdir g 2> /dev/null; do :; done; chmod 640 /proc/self/fd/3; stat -Lc %a /proc/self/fd/3",
         match="^600 0\n644 7\n640$"),
    case("nsdelegate", "mount -o remount,bogus none . 2>&1; mount -o remount,nsdelegate none .; grep -c 'cgroup2 .*,nsdelegate ' /proc/mounts; "
                       "mkdir n n/c o; cat > /tmp/in <<'E'\n"
                       "cat /proc/self/cgroup; for f in pids.max cgroup.freeze cgroup.max.depth cgroup.kill; do echo 1 > n/$f; done; cat n/pids.max\n"
                       "echo 0 > n/c/cgroup.procs && cat /proc/self/cgroup; echo 0 > n/cgroup.procs && cat /proc/self/cgroup\n"
                       "for g in o . n; do echo 0 > $g/cgroup.procs; done; echo $1 > n/c/cgroup.procs; echo 0 >&3\n"
                       "echo 7 > o/pids.max; cat o/pids.max /proc/self/cgroup; mount -o remount none . && grep -c 'cgroup2 .*,nsdelegate ' /proc/mounts\nE\n"
                       "sleep 60 & p=$!; sh -c \"echo 0 > n/cgroup.procs; exec 3> o/cgroup.procs /tests/guest/newcg sh /tmp/in $p\" 2>&1; kill $p; wait $p 2> /dev/null; "
                       "sh -c 'echo 0 > n/cgroup.procs; exec 3> n/pids.max /tests/guest/newcg sh -c \"echo 9 >&3\"'; cat n/pids.max; "
                       "mount -o remount none .; grep -c 'cgroup2 .*,nsdelegate ' /proc/mounts; "
                       "sh -c 'echo 0 > n/cgroup.procs; exec /tests/guest/newcg sh -c \"echo 0 > o/cgroup.procs; cat /proc/self/cgroup\"'; rm /tmp/in; rmdir n/c n o",
         match="^mount: .*Invalid argument\n1\n0::/\n(sh: write error: Operation not permitted\n){4}max\n0::/c\n0::/\n"
               "(sh: write error: No such file or directory\n){3}7\n0::/../o\n1\n.*9\n0\n0::/../o$"),
    case("namespace", "ctr run --privileged busybox -- sh -c 'cat /proc/self/cgroup; mount -t cgroup2 none /mnt; "
                      "cat /mnt/cgroup.events; ls -d /mnt/ctr-*'", status=1,
         match=("^0::/$", "^populated 1$", "No such file")),
    case("depth", "i=0; p=.; while mkdir $p/d 2>/dev/null; do p=$p/d; i=$((i+1)); done; mkdir $p/d 2>&1; echo $i; "
                  "sh -c \"echo 0 > $p/cgroup.procs; cat /proc/self/cgroup\" | wc -c; "
                  "while [ $p != . ]; do rmdir $p; p=${p%/d}; done; ls -d d", status=1,
         match=("temporarily unavailable", "^63$", "^130$", "No such file")),
    case("many", "i=0; while [ $i -lt 200 ]; do mkdir g$i || echo bad; i=$((i+1)); done; ls -d g* | wc -l; "
                 "grep ^nr_desc cgroup.stat; rmdir g*; ls -d g* 2>/dev/null | wc -l", match=("^200$", "^0$"), seconds=60),
]
