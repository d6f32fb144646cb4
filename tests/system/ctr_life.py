# SPDX-License-Identifier: MIT
"""Containers that outlive their starter, and how they end: on Dyad, and the same scripts on this machine's Linux,
as root in a mount namespace with a /run of its own. $T is a name that no other test has."""
import itertools
import os

from harness import Case

NUMBERS = itertools.count()

COMMON = r"""
over() { while ctr ps -q | grep -qx $1; do sleep 0.05; done; }
wrote() { until ctr logs $1 | grep -q "$2"; do sleep 0.05; done; }
"""
# name: script, a line of ----, what it prints
SHARED = {
    "detached": r"""
ctr run -d --name $T busybox -- sh -c 'trap "echo ended; exit 3" TERM; echo out; echo err >&2; while :; do sleep 0.1; done'
wrote $T err; ctr logs $T; ctr ps | grep -c running; ctr exec $T cat /proc/1/comm
ctr run --name $T busybox -- true; echo $?
ctr rm $T; echo $?
ctr stop $T; ctr ps | wc -l; ctr ps -a | grep -o 'exited 3'; ctr logs --tail 1 $T; ctr exec $T true; echo $?
ctr run --name $T busybox -- true; echo $?
ctr rm $T; ctr ps -aq; ls /run/ctr
----
T
out
err
1
sh
ctr: the name T is in use
2
ctr: T still runs (`ctr stop T` ends it; so does --force)
125
1
exited 3
ended
ctr: nothing named T runs (try `ctr ps`)
2
ctr: the name T is in use by one that ended (`ctr rm T`)
2
""",
    "stopped": r"""
ctr run -d --rm --name $T busybox -- sleep 1000; ctr stop $T; ctr ps -aq
ctr run -d --rm --name $T busybox -- sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'; wrote $T ready; ctr stop -t 0.1 $T; ctr ps -aq
ctr run -d --name $T busybox -- sleep 1000; ctr kill $T; over $T; ctr ps -a | grep -o 'exited 137'; ctr rm $T
ctr run -d --name $T busybox -- sh -c 'trap "exit 7" XCPU; echo ready; while :; do sleep 0.05; done'; wrote $T ready; ctr kill -s xcpu $T; over $T; ctr ps -a | grep -o 'exited 7'; ctr rm $T
for t in x -1 1e9; do ctr stop -t $t $T; echo $?; done 2>&1 | sort -u; ls /run/ctr
----
T
T
T
exited 137
T
exited 7
2
ctr: --time -1: not a number of seconds
ctr: --time 1e9: not a number of seconds
ctr: --time x: not a number of seconds
""",
    "start-fails": r"""
ctr run -d --name $T busybox -- nosuch; echo $?; ctr run -d --name $T busybox -- /etc; echo $?
ctr run -t --name $T busybox -- nosuch; echo $?; ctr run -d --init --name $T busybox -- nosuch; echo $?
ctr run -d --name $T --workdir /nosuch busybox; echo $?; ctr ps -aq; ls /run/ctr
----
ctr: nosuch: command not found in the container
127
ctr: /etc: cannot execute: Permission denied
126
ctr: nosuch: command not found in the container
127
ctr: nosuch: command not found in the container
127
ctr: --workdir /nosuch: No such file or directory
125
""",
    "attached": r"""
ctr run -d -i --name $T busybox -- sh -c 'cat; echo end >&2; exit 4'; echo piped | ctr attach $T 2> /dev/null; echo $?; over $T; ctr logs $T; ctr rm $T
touch out; ctr run --name $T busybox -- sh -c 'echo up; exec sleep 1000' > out & until grep -q up out; do sleep 0.05; done
ctr attach $T 2>&1 | sed 's/process .*:/process N:/'; ctr logs $T 2> /dev/null; echo $?; ctr stop $T; wait $!; echo $?
----
T
piped
4
piped
end
ctr: T runs in the foreground of process N: its output is there
125
143
""",
    "terminal": r"""
{ until [ -e ready ]; do sleep 0.05; done; echo typed; } | ctr run -it -v $PWD:/case busybox -- sh -c 'tty; stty -echo; : > /case/ready; read x; echo "<$x>"; test -c /dev/console && exit 3' | tr -d '\r'; ctr ps -aq; rm ready
ctr run -d --name $T busybox -- sleep 1000 > /dev/null; echo 'stty -echo; tty; exit 6' | ctr exec -t $T sh > out; echo $?; grep -c /dev/pts/0 out
ctr exec -d $T sh -c 'echo x > /made'; ctr exec $T sh -c 'until cat /made 2> /dev/null; do sleep 0.1; done'; ctr exec -d $T nosuch; echo $?; ctr rm -f $T
----
/dev/pts/0
<typed>
6
1
x
ctr: nosuch: command not found in the container
127
""",
    "paused": r"""
ctr run -d --name $T busybox -- sh -c 'while :; do echo x; sleep 0.01; done' > /dev/null; wrote $T x; ctr pause $T; ctr ps | grep -c paused
until a=$(ctr logs $T | wc -l); sleep 0.2; [ $a = $(ctr logs $T | wc -l) ]; do :; done; echo halted; ctr exec $T true; ctr unpause $T
until [ $(ctr logs $T | wc -l) -gt $a ]; do sleep 0.05; done; ctr pause $T; ctr rm -f $T; ctr ps -aq
----
1
halted
ctr: T is paused (`ctr unpause T`)
""",
    "paused-stopped": r"""
ctr run -d --name $T busybox -- sh -c 'trap "echo ended; exit 3" TERM; echo up; while :; do sleep 0.05; done' > /dev/null; wrote $T up; ctr pause $T
ctr stop $T; ctr logs $T | tail -n 1; ctr ps -a | grep -o 'exited 3'; ctr rm $T
----
ended
exited 3
""",
    "names": r"""
for n in ${T}a ${T}b; do ctr run -d --name $n busybox -- sh -c 'echo one; echo two; exec sleep 1000' > /dev/null; wrote $n two; done
ctr pause nosuch ${T}a ${T}b; echo $?; ctr ps | grep -c paused; ctr unpause ${T}a ${T}b; ctr stop ${T}a nosuch ${T}b -t 9; echo $?; ctr ps -q; ctr stop ${T}a; echo $?
ctr logs ${T}a -n 1; ctr logs -n 0 ${T}a; ctr logs -n '' ${T}a; echo $?; ctr rm ${T}a nosuch -- ${T}b; echo $?; ctr kill nosuch ${T}a; echo $?; ctr ps -aq
----
ctr: nothing named nosuch runs (try `ctr ps`)
2
2
ctr: nothing named nosuch (try `ctr ps -a`)
2
0
two
ctr: -n : not a number of at least 0
2
ctr: nothing named nosuch (try `ctr ps -a`)
2
ctr: nothing named nosuch (try `ctr ps -a`)
ctr: nothing named Ta (try `ctr ps -a`)
2
""",
    "numbers": r"""
ctr run busybox -- sh -c 'grep ^NS /proc/self/status' | tr '\t' ' '; ctr run -t busybox -- sh -c 'grep ^NS /proc/1/status' | tr -d '\r' | tr '\t' ' '
ctr run -d --name $T busybox -- sleep 1000 > /dev/null; p=$(ctr top $T | awk 'NR == 2 { print $1 }'); for k in pgid sid; do sed -n "s/^NS$k:\t\([0-9]*\)\t0$/$k \1/p" /proc/$p/status; done | sed 's/[1-9][0-9]*/N/'; ctr rm -f $T
----
NStgid: 1
NSpid: 1
NSpgid: 0
NSsid: 0
NStgid: 1
NSpid: 1
NSpgid: 1
NSsid: 1
pgid N
sid N
""",
    "seccomp-nothing": r"""
echo '{"defaultAction": "SCMP_ACT_ERRNO"}' > p; ctr run --seccomp p busybox -- true; echo $?; ctr ps -aq
----
132
""",
    # a name whose place is taken by what no ctr has made: looked at, it stays as it is
    "name-of-a-file": r"""
mkdir -p kept /run/ctr; echo kept > kept/file; echo > /run/ctr/$T; ln -s $PWD/kept /run/ctr/$T.l
for n in $T $T.l; do timeout 5 ctr run --name $n busybox -- true; echo $?; done; ctr ps -aq; ctr rm $T.l; cat kept/file; rm /run/ctr/$T /run/ctr/$T.l
----
ctr: /run/ctr/T: Not a directory
125
ctr: /run/ctr/T.l: Not a directory
125
ctr: nothing named T.l (try `ctr ps -a`)
kept
""",
    "output-lost": r"""
ctr run -d --name $T busybox -- sh -c 'echo x; exec sleep 1000' > /dev/null; wrote $T x
for v in ps images --help --version 'run --help' "logs $T" "inspect $T" completion; do ctr $v > /dev/full; echo $?; done 2>&1 | sort | uniq -c | sed 's/^ *//'
mkdir small; mount -t tmpfs -o size=4k t small; head -c 4096 /dev/zero > small/x; ctr spec --bundle small; echo $?; ls small; umount small
ctr exec -it $T echo x > /dev/full; echo $?; ctr rm -f $T
----
8 125
8 ctr: stdout: No space left on device
ctr: small/config.json: cannot be written
125
x
ctr: stdout: No space left on device
125
""",
    "log-bounded": r"""
ctr run -d --name $T busybox -- sh -c 'i=0; while [ $i -lt 30 ]; do head -c 100000 /dev/zero | tr "\0" "\n"; i=$((i + 1)); done; echo last' > /dev/null
ctr logs -f $T | tail -n 1; n=$(cat /run/ctr/$T/log* | wc -c); [ $n -le 1048576 ] && [ $n -ge 524288 ] && echo bounded; ctr logs --tail 1 $T; ctr rm -f $T
----
last
bounded
last
""",
    "keeper-killed": r"""
ctr run -d --name $T busybox -- sleep 1000 > /dev/null; kill -9 $(sed -n 's/^keeper //p' /run/ctr/$T/status)
until ctr ps | grep -o dead; do sleep 0.05; done; ctr exec $T true; ctr rm $T; ls /run/ctr
ctr run --name $T busybox -- sleep 1000 & until ctr ps -q | grep -qx $T; do sleep 0.05; done; until kill -9 $(sed -n 's/^keeper //p' /run/ctr/$T/status 2> /dev/null) 2> /dev/null; do sleep 0.05; done
wait $! 2> /dev/null; until [ ! "$(ctr ps -aq)" ]; do sleep 0.05; done; ls /run/ctr
----
dead
ctr: nothing named T runs (try `ctr ps`)
""",
    "looked-at": r"""
mkdir d; mount -t tmpfs t d; ctr run -d --name $T -v $PWD/d:/data:ro busybox -- sleep 1000 > /dev/null; umount d
ctr top $T | awk '{ print $NF }'; ctr stats --json | grep "\"$T\"" | grep -o 'name.*cpu_usec": [0-9]' | cut -d, -f1; ctr stats --once $T | grep -c "^$T "; ctr stats nosuch; echo $?
ctr inspect $T | tr -d '\n' | grep -oE '"(status|destination)": "(running|/data)"|"exit_code": null'
ctr explain $T | grep -oE '^[|`]- [a-z]+|\(shares the host.s\)$|/data .* ro,' | tr -s ' ' | uniq
ctr inspect $T | grep -c '"name": "ctr-'"$T"; ctr explain $T | grep -c "cgroup and limits .* ctr-$T$"
ctr explain --svg $T | grep -cE '^</?svg'; ctr flavours busybox | grep -c "Linux .* $T$"
ctr stop $T; ctr inspect $T | grep -o '"exit_code": 143'; ctr explain $T; ctr top $T; ctr rm $T; ctr inspect $T
for v in run ps exec attach logs stop kill rm pause unpause stats top inspect events explain flavours images completion; do ctr $v --help | grep -qE "^ +(ctr|\. )|DYAD_IMAGES" || echo $v has no example; done
----
COMMAND
1000
name": "T"
1
ctr: nothing named nosuch runs (try `ctr ps`)
2
"status": "running"
"exit_code": null
"destination": "/data"
|- namespaces
(shares the host's)
|- root
/data tmpfs ro,
|- cgroup
`- rights
1
1
2
1
"exit_code": 143
ctr: nothing named T runs (try `ctr ps`)
ctr: nothing named T runs (try `ctr ps`)
ctr: nothing named T (try `ctr ps -a`)
""",
    "own-group": r"""
ctr run --memory 0 --pids -1 --name $T busybox -- sh -c 'cd /sys/fs/cgroup; head -n 1 cgroup.procs; find . -type d; mkdir x; echo 1 > cgroup.procs; grep -o "cgroup2 ro,.*exec" /proc/mounts'
----
1
.
mkdir: can't create directory 'x': Read-only file system
sh: can't create cgroup.procs: Read-only file system
cgroup2 ro,nosuid,nodev,noexec
""",
    "told": r"""
ctr rm $T; echo $?; ctr rm -f $T; echo $?; ctr create --bundle /nosuch $T; echo $?; mkdir /tmp/$T; (cd /; ctr create --bundle tmp/$T $T); rmdir /tmp/$T
ctr help stop | head -n 1 | cut -c-15; ctr help sotp; echo $?; for v in '' $(ctr --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do ctr $v --help; done > h; awk 'length > 80' h
grep -c '^Usage' h; grep -oE -e '--in-vm\[=linux\]|--publish [[]' h
----
ctr: nothing named T (try `ctr ps -a`)
2
0
ctr: --bundle /nosuch: No such file or directory
125
ctr: /tmp/T/config.json: No such file or directory
Usage: ctr stop
ctr: unknown verb sotp: did you mean `ctr stop`?
2
24
--publish [
--in-vm[=linux]
""",
    "events": r"""
ctr events > e & until [ "$(ls /run/ctr/.events 2> /dev/null)" ]; do sleep 0.05; done
ctr run --name $T busybox -- sh -c 'exit 3'; ctr run -d --name $T busybox -- sleep 1000 > /dev/null; ctr pause $T; ctr unpause $T; ctr stop $T; ctr rm $T
until [ "$(grep -c remove e)" = 2 ]; do sleep 0.05; done; kill $!; wait $! 2> /dev/null; cut -d' ' -f2- e; ctr run busybox -- true; ls -A /run/ctr
----
T create
T start
T exit 3
T remove
T create
T start
T pause
T unpause
T exit 143
T remove
""",
    "rm-looked-at": r"""
for i in 1 2 3; do (while :; do ctr ps -a > /dev/null; done) & p="$p $!"; done; n=0
while [ $((n += 1)) -le 12 ]; do ctr run -d --name $T busybox -- true > /dev/null || break; s=$(date +%s)
until ctr ps -a | grep -qi "$T.*exited"; do [ $(date +%s) -lt $((s + 40)) ] || { echo "$n: not exited"; ctr ps -a; ls -al /run/ctr/$T; cat /run/ctr/$T/status; break 2; }; done
ctr rm $T || ctr rm -f $T; done
kill $p; wait; echo over
----
over
""",
    "names-unique": r"""
for i in 1 2 3 4 5 6 7 8; do ctr run -d --name $T busybox -- sleep 1000 2> /dev/null & done > out; wait; cat out; ctr rm -f $T
for i in 1 2 3 4 5 6; do ctr run -d busybox -- true & done > out; wait; sort -u out | wc -l; for n in $(ctr ps -aq); do ctr rm -f $n; done; ls /run/ctr
for n in ../x a/b .x -- -x "$(head -c 10000 /dev/zero | tr '\0' a)"; do ctr run --name "$n" busybox -- true > o 2>&1; echo $? $(head -c 40 o); done
ctr rm a/b; echo $?; ctr logs ../../etc; ctr kill "$(head -c 10000 /dev/zero | tr '\0' a)" 2>&1 | head -c 40
----
T
6
2 ctr: ../x: not a name (letters, digits,
2 ctr: a/b: not a name (letters, digits, '
2 ctr: .x: not a name (letters, digits, '.
2 ctr: --: not a name (letters, digits, '.
2 ctr: -x: not a name (letters, digits, '.
2 ctr: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
ctr: a/b: not a name
2
ctr: nothing named ../../etc (try `ctr ps -a`)
ctr: nothing named aaaaaaaaaaaaaaaaaaaaa
""",
}

SETUP = r"""
exec 2>&1
mount --make-rprivate / && mount -t tmpfs t /run || exit 99
export PATH=$DYAD_BUILD/user:$DYAD_BUILD/tests/guest:$PATH DYAD_IMAGES=$PWD/build/images LC_ALL=C
groups() { ls -d /sys/fs/cgroup/ctr-* /sys/fs/cgroup/unified/ctr-* 2> /dev/null | grep -e "-$T"; }
nothing_left() { [ ! "$(ls /run/ctr 2> /dev/null)$(groups)" ] || { echo "$1 left: $(ls /run/ctr) $(groups)"; ctr ps -a; exit 1; }; }
mkdir /run/here; cd /run/here
""" + COMMON


def script(text, seconds=120, namespaces="-m"):
    """A test that runs the script in new namespaces; what it must print follows a line of ----."""
    code, _, want = text.partition("----\n")
    name = "t%d-%d" % (os.getpid(), next(NUMBERS))  # groups are the machine's: tests run side by side

    def test(run):
        if os.geteuid() or run.sh(["unshare", namespaces, "true"]).returncode:
            print("      ctr on this machine: not run, it wants root and a mount namespace")
            return None
        run.sh(["make", "-s", "BUILD=" + run.build, "guest-tests", run.build + "/user/ctr"], timeout=120)
        done = run.sh(["unshare", namespaces, "sh", "-c", "T=%s\n" % name + SETUP + code], timeout=seconds)
        if done.returncode or done.stdout.replace(name, "T").rstrip() != want.rstrip():
            return want, "status %d\n%s" % (done.returncode, done.stdout)
        return None
    return test


# Every step of a start and of an end is the last one of one of its processes once; `rm -f` puts that right.
KILLED = r"""
n=1
while :; do
	killat $n %s > /run/out 2>&1; s=$?
	ctr rm -f $T >> /run/out 2>&1 || { echo "at $n: rm says $?"; cat /run/out; exit 1; }
	nothing_left "at $n:"
	[ $s = 9 ] && break
	[ $s = 0 ] || { echo "at $n: $s"; exit 1; }
	n=$((n + 2)) # an entry; its return is as good as the next entry
done
[ $n -gt 100 ] && echo all steps
----
all steps
"""

# A bundle of ctr alone, which a tool that was killed at any step leaves, if at all, as one that ps, start and
# rm know; and no process of it. Not the shell is killed: the tool would go on beside what looks at it.
KILLED_BUNDLE = r"""
mkdir rootfs; cp $DYAD_BUILD/user/ctr rootfs; ctr spec
sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"\/ctr", "images"/; /"resources"/d' config.json
n=1
while :; do
	{ %s; } > /run/out 2>&1 < /dev/null || { cat /run/out; exit 1; }
	killat -c ctr $n %s >> /run/out 2>&1 < /dev/null; s=$?
	if ctr state $T 2>&1 | grep -q '"created"'; then
		ctr start $T >> /run/out 2>&1
		[ "$(ctr ps -aq)" = $T ] || { echo "at $n: forgotten"; cat /run/out; exit 1; }
	fi
	ctr rm -f $T >> /run/out 2>&1 || { echo "at $n: rm says $?"; cat /run/out; exit 1; }
	nothing_left "at $n:"
	i=0
	while grep -qszxF $T /proc/[0-9]*/cmdline; do i=$((i + 1)); [ $i -lt 100 ] || { echo "at $n: a process is left"; exit 1; }; sleep 0.05; done
	[ $s = 9 ] && break
	[ $s = 0 ] || { echo "at $n: $s"; exit 1; }
	n=$((n + 2))
done
[ $n -gt %d ] && echo all steps
----
all steps
"""

# Whoever looks at a name clears away what a killed one left, and nothing that came in its place since. At each of
# its steps, where it holds no lock, what there is becomes one that has ended: of one that was removed, or that has
# begun to be made.
LOOKED_AT = r"""
export T; cat > other <<'END'
[ ! -d /run/ctr/$T ] || flock -n /run/ctr/$T true || exit 0
[ ! -e /run/ctr/$T/status ] || ctr rm $T
ctr run -d --name $T busybox -- true; until ctr ps -a | grep -q "$T.*exited"; do sleep 0.01; done; touch came
END
for before in 'ctr run -d --name $T busybox -- true; over $T; flock /run/ctr/$T true' 'mkdir -p /run/ctr/$T'; do
	n=1
	while :; do
		eval "$before" > out 2>&1; rm -f came
		killat -m 'timeout 20 sh other > out 2>&1' $n ctr ps -a >> out 2>&1; s=$?
		[ $s = 9 ] && break
		[ $s = 0 ] || { echo "at $n: $s"; cat out; exit 1; }
		[ ! -e came ] || [ "$(ctr ps -aq)" = $T ] || { echo "at $n: gone"; exit 1; }
		ctr rm -f $T
		n=$((n + 2))
	done
	ctr rm -f $T
	[ $n -gt 30 ] && echo all steps
done
----
all steps
all steps
"""

# Whoever tells an event takes away the FIFOs that nobody reads: also one that is not open yet.
LISTENING = r"""
ln -s $(command -v ctr) listener; export PATH=$PWD:$PATH
cat > listen <<'END'
rm -f heard; listener events > heard 2>&1 & p=$!
until [ -s heard ] || [ ! -d /proc/$p ]; do ctr run --rm busybox -- true; done
kill $p; wait $p
END
n=1
until killat -c listener -m 'ctr run --rm busybox -- true' $n sh listen > out 2>&1; s=$?; [ $s = 9 ]; do
	[ $s = 0 ] && grep -q '^[0-9]' heard || { echo "at $n: $s"; cat out heard; exit 1; }
	n=$((n + 1))
done
[ $n -gt 20 ] && echo heard at all steps
----
heard at all steps
"""

CASES = [Case(name, "T=t" + COMMON + text.partition("----\n")[0], out=text.partition("----\n")[2].replace("T", "t"), seconds=60)
         for name, text in SHARED.items()]
# As somebody at a terminal: its size and a change of it, ctrl-C, ctrl-p ctrl-q, and back again.
SESSION = r"""
cat > session.py <<'END'
import fcntl, os, pty, select, struct, sys, termios

def start(*words):
    pid, fd = pty.fork()
    if not pid:
        if words[0] == "attach":
            resize(0, 30, 100)
        os.execvp("ctr", ["ctr", *words])
    return pid, fd

def until(fd, text, seen=b""):
    while text not in seen:
        if not select.select([fd], [], [], 40)[0]:
            sys.exit("waits for %r behind %r" % (text, seen))
        seen += os.read(fd, 4096)

def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

def say(fd, text, answer):
    os.write(fd, text)
    until(fd, answer)

def end(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

name = sys.argv[1]
pid, fd = start("run", "-it", "--name", name, "busybox", "sh", "-c", "until [ \"$(stty size)\" = '30 100' ]; do sleep 0.1; done; exec sh")
resize(fd, 30, 100)
until(fd, b"# ")
say(fd, b"tty; echo $((40 + 2))\r", b"/dev/pts/0\r\n42\r\n")
say(fd, b"sh -c 'trap \"echo caught; exit\" INT; echo ready; while :; do sleep 0.1; done'\r", b"ready\r\n")
say(fd, b"\x03", b"caught\r\n")
say(fd, b"sh -c 'trap \"echo drawn; exit\" WINCH; echo ready; while :; do sleep 0.1; done'\r", b"ready\r\n")
say(fd, b"\x10", b"")
say(fd, b"\x11", b"%s goes on" % name.encode())
print("left", end(pid))
pid, fd = start("attach", name)
until(fd, b"drawn\r\n")
say(fd, b"echo back $((3 * 4)); exit 9\r", b"back 12\r\n")
print("ended", end(pid))
END
timeout -k 5 50 python3 session.py $T; ctr ps -a | grep -o 'exited 9'; ctr rm $T
----
left 0
ended 9
exited 9
"""

HOST = {
    "session": script(SESSION),
    **{name: script(text) for name, text in SHARED.items()},
    "killed-foreground": script(KILLED % "ctr run --name $T busybox -- true"),
    "killed-detached": script(KILLED % "ctr run -d --name $T busybox -- true"),
    "killed-rm": script(KILLED.replace("killat", "ctr run -d --name $T busybox -- sleep 100 > /run/out; killat").replace("-gt 100", "-gt 30")
                        % "ctr rm -f $T"),
    "killed-create": script(KILLED_BUNDLE % ("true", "sh -c \"ctr create -b . $T && ctr kill $T KILL\"", 300)),
    "killed-start": script(KILLED_BUNDLE % ("ctr create -b . $T", "ctr start $T", 50)),
    "killed-bundle": script(KILLED_BUNDLE % ("true", "ctr run -d -b . $T", 300)),
    "looked-at-each-step": script(LOOKED_AT),
    "listening-each-step": script(LISTENING),
    "killed-delete": script(KILLED_BUNDLE % ("ctr create -b . $T", "ctr delete -f $T", 30)),
}
