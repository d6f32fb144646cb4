# SPDX-License-Identifier: MIT
"""Virtual machines that outlive their starter, how they end, and commands inside them: ctr_life.py's cases where they are
the same for both, and the agent's. Everything is the one machine that the tests boot: no Linux beside it."""
from harness import Case

COMMON = r"""
over() { while vm ps -q | grep -qx $1; do sleep 0.05; done; }
wrote() { until vm logs $1 | grep -q "$2"; do sleep 0.05; done; }
"""
BOTH = ("qemu", "bochs")
SAN = False  # a hundred seconds; vm.py runs the same kernel code with the sanitizers
# name: where, script, a line of ----, what it prints
SCRIPTS = {
    "detached": (BOTH, r"""
vm run -d --name t busybox -- sh -c 'trap "echo ended; exit 3" TERM; echo out; echo err >&2; while :; do sleep 0.1; done'
wrote t err; vm logs t; vm ps | grep -c running; vm exec t -- cat /proc/sys/kernel/hostname
vm run --name t busybox -- true; echo $?
vm rm t; echo $?
vm stop t; vm ps | wc -l; vm ps -a | grep -o 'exited 3'; vm logs -n 1 t; vm exec t true; echo $?
vm run --name t busybox -- true; echo $?
vm rm t; vm ps -aq; ls /run/vm
----
t
out
err
1
t
vm: the name t is in use
2
vm: t still runs (`vm stop t` ends it; so does --force)
125
1
exited 3
ended
vm: nothing named t runs (try `vm ps`)
2
vm: the name t is in use by one that ended (`vm rm t`)
2
"""),
    "stopped": (("qemu",), r"""
vm run -d --rm --name t busybox -- sleep 1000; vm stop t; vm ps -aq
vm run -d --rm --name t busybox -- sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done'; wrote t ready; vm stop -t 0.1 t; vm ps -aq
vm run -d --name t busybox -- sleep 1000; vm kill t; over t; vm ps -a | grep -o 'exited 137'; vm rm t
touch out; vm run --name t busybox < /dev/null > out & until grep -q '# ' out; do sleep 0.05; done; vm stop t; wait $!; echo $?
vm run -d --name t --kernel /tests/guest/loop busybox; vm stop -t 0.1 t; vm ps -a | grep -o 'exited 137'; vm rm t; ls /run/vm
----
t
t
t
exited 137
0
t
exited 137
"""),
    "start-fails": (("qemu",), r"""
for o in -d -t; do vm run $o --name t --kernel /etc/passwd busybox < /dev/null 2> e; echo $? $(cut -d: -f1-2 e); done; vm ps -aq
vm run -d --name t busybox -- nosuch; over t; vm logs t; vm ps -a | grep -o 'exited 127'; vm rm t; ls /run/vm
----
125 vm: /etc/passwd
125 vm: /etc/passwd
t
init: nosuch: not found
exited 127
"""),
    "told": (("qemu",), r"""
vm rm t; echo $?; vm run -w /nosuch busybox -- pwd; echo $?; vm run -u nosuch busybox -- true; echo $?; vm run busybox -- /etc; echo $?
for v in '' $(vm --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do vm $v --help; done > h; awk 'length > 80' h; grep -c '^Usage' h
----
vm: nothing named t (try `vm ps -a`)
2
init: cannot enter /nosuch: No such file or directory
125
init: user nosuch: not in /etc/passwd or /etc/group
125
init: cannot run /etc: Permission denied
126
19
"""),
    "input": (BOTH, r"""
echo piped | vm run -i busybox -- sh -c 'cat; echo err >&2; exit 4' 2> e; echo $? $(cat e)
head -c 3000 /dev/zero | vm run -i busybox -- wc -c
vm run -e A='b c' -w /tmp -u nobody busybox -- sh -c 'echo $A; pwd; id -un'; A=d vm run -e A -e B busybox -- sh -c 'echo $A ${B-none}'; vm run -e =A busybox; echo $?
vm run -d -i --name t busybox -- sh -c 'cat; echo end >&2; exit 4' > /dev/null; echo more | vm attach t 2> /dev/null; echo $?; over t; vm logs t; vm rm t
----
piped
4 err
3000
b c
/tmp
nobody
d none
vm: -e =A: not of the form K=V or K
2
more
4
more
end
"""),
    "exec": (BOTH, r"""
vm run -d --name t -e A=main busybox -- sleep 1000 > /dev/null
vm exec t -- sh -c 'echo out; echo err >&2; exit 5' 2> e; echo $? $(cat e); echo in | vm exec t cat; vm exec t nosuch; echo $?
vm exec -e A=b -w /tmp t -- sh -c 'echo $A $PWD'; vm exec -d t sh -c 'echo x > /made'; vm exec t sh -c 'until grep x /made 2> /dev/null; do sleep 0.1; done'
vm exec -d t nosuch 2>&1; echo $?; vm exec -d t /etc 2>&1; echo $?
for i in 1 2 3; do vm exec t -- sh -c "sleep 0.1; echo $i" & done | sort
vm exec t -- head -c 5000 /dev/zero | wc -c; vm exec -t t -- tty | tr -d '\r'; a=$(head -c 70000 /dev/zero | tr '\0' a); vm exec t $a $a 2>&1 | tail -c 21
for i in 1 2 3 4 5 6 7 8 9; do vm exec t -- sleep 1000 & sleep 0.0$i; kill $!; done; until [ $(vm exec t ps | grep -c 'sleep 1000') = 1 ]; do sleep 0.1; done; vm rm -f t
----
out
5 err
in
init: nosuch: not found
127
b /tmp
x
vm: nosuch: not found
127
vm: /etc: cannot be run
126
1
2
3
5000
/dev/pts/0
 command is too long
"""),
    "exec-many": (("qemu",), r"""
vm run -d --name t busybox -- sleep 1000 > /dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do vm exec t -- sh -c 'echo x; sleep 1000' > o$i 2> /dev/null & done
until [ $(cat o* | wc -l) = 10 ]; do sleep 0.1; done; vm exec t true; echo $?; vm exec t true 2>&1; vm stop t; wait; vm ps -a | grep -o 'exited 143'; vm rm t
----
vm: the machine runs as many commands as it can
125
vm: the machine runs as many commands as it can
exited 143
"""),
    # what the guest says to the monitor beside the protocol harms nobody else
    "hostile-line": (("qemu",), r"""
vm run -d --name t busybox -- sh -c 'head -c 3000 /dev/urandom > /dev/ttyS2; printf "\002x\004\000abcd\000H\000\000\002s\001\000x" > /dev/ttyS2; echo alive; sleep 1000' > /dev/null; wrote t alive
vm exec t true > /dev/null 2>&1 & sleep 0.5; kill $! 2> /dev/null; vm ps -q; vm logs t; vm stop -t 1 t; vm rm t; vm run busybox -- echo next
----
t
alive
next
"""),
    "paused": (("qemu",), r"""
vm run -d --name t busybox -- sh -c 'while :; do echo x; sleep 0.01; done' > /dev/null; wrote t x; vm pause t; vm ps | grep -c paused
a=$(vm logs t | wc -l); sleep 0.3; [ $a = $(vm logs t | wc -l) ] && echo halted; vm exec t true; vm unpause t
until [ $(vm logs t | wc -l) -gt $a ]; do sleep 0.05; done; vm pause t; vm rm -f t; vm ps -aq
vm run -d --name t busybox -- sleep 1000 > /dev/null; vm exec t true; vm pause t; vm stop t; vm ps -a | grep -o 'exited 143'; vm rm t
----
1
halted
vm: t is paused (`vm unpause t`)
exited 143
"""),
    "keeper-killed": (("qemu",), r"""
vm run -d --name t busybox -- sleep 1000 > /dev/null; kill -9 $(sed -n 's/^keeper //p' /run/vm/t/status)
until vm ps | grep -o dead; do sleep 0.05; done; vm exec t true; vm rm t; ls /run/vm
vm run -d --name t busybox -- sleep 1000 > /dev/null; kill -9 $(sed -n 's/^pid //p' /run/vm/t/status); over t; vm ps -a | grep -o 'exited 137'; vm rm t
----
dead
vm: nothing named t runs (try `vm ps`)
exited 137
"""),
    "looked-at": (("qemu",), r"""
vm events > e & until [ "$(ls /run/vm/.events 2> /dev/null)" ]; do sleep 0.05; done
vm run -d --name t busybox -- sleep 1000 > /dev/null; vm stats --once | grep -c '^t '; vm explain t | grep -o 'of 1 CPU$'; vm inspect t | grep -oE '"(status|image)": "[a-z]*"|"cpus": 1, "memory_bytes": 67108864'
vm stats --json | grep -o '"name": "t", "cpu_usec": [1-9]' | cut -d, -f1; vm stats --json | grep -oE '"ports": [{]"count": [1-9][0-9]*, "usec": [1-9]' | cut -c1-9; vm stats --once | grep -cE '^t .* [1-9][0-9]* [0-9]+% +0 0%'; vm stop t; vm inspect t | grep -o '"exit_code": 143'; vm rm t
until grep -q remove e; do sleep 0.05; done; kill $!; wait $! 2> /dev/null; cut -d' ' -f2- e; vm run busybox -- true; ls -A /run/vm
vm completion | grep -cE '^.(run|exec|logs|stop|explain)\)'; for v in $(vm --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do vm $v --help | grep -qE "^ +(vm|\. )|DYAD_IMAGES" || echo $v has no example; done
----
1
of 1 CPU
"image": "busybox"
"status": "running"
"cpus": 1, "memory_bytes": 67108864
"name": "t"
"ports": 
1
"exit_code": 143
t create
t start
t exit 143
t remove
5
"""),
    # Dyad's driver takes frames alone: the monitor makes them of what TCP hands a veth in one piece
    "frames": (BOTH, r"""
head -c 1000000 /dev/urandom > f; ip link add w0 type veth; ip addr add 10.9.0.1/24 dev veth0; ip link set veth0 up; ip link set w0 up
nc -l -p 7777 -e cat f &
vm run --net w0 busybox -- sh -c 'ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
until nc 10.9.0.1 7777 < /dev/null > f; do :; done; md5sum < f' > told
[ "$(cat told)" = "$(md5sum < f)" ] && echo same; awk '/w0:/ && $2 / $3 > 2000 { print "in long packets" }' /proc/net/dev; ip link del w0
----
same
in long packets
"""),
    # as of containers (ctr_net.py): a port, names, what a second one may not have, and nothing is left, of killed ones either
    "bridge": (BOTH, r"""
vm run -d --name web -p 8080:80 busybox -- sh -c 'mkdir /w; echo hello > /w/f; httpd -f -p 80 -h /w'
until wget -qO- http://127.0.0.1:8080/f 2> /dev/null; do sleep 0.1; done; vm ps | grep -o '10.89.0.2 *0.0.0.0:8080->80/tcp'
vm run --net bridge busybox -- sh -c 'wget -qO- http://web/f; ip -o -4 addr show eth0 | tr -s " " | cut -d" " -f4; ip route | grep default; ping -c 1 host.containers.internal | grep -c seq=0'
vm run -p 8080:81 busybox -- true; echo $?; vm run -p 80/xyz busybox -- true; echo $?; vm snapshot web s
vm explain web | grep -oE 'the bridge .*|published .*' | tr -s ' '; vm inspect web | grep -o '"network": {[^}]*}'; ctr run --in-vm -p x busybox; echo $?
k=$(sed -n 's/^keeper //p' /run/vm/web/status); kill -9 $k; until vm ps -a | grep -q dead; do sleep 0.05; done; vm rm web; ip link | grep -c vm0; ls -A /run/vm
vm run --net bridge busybox -- true; ip link | grep -c vm0; ls -A /run/vm
----
web
hello
10.89.0.2  0.0.0.0:8080->80/tcp
hello
10.89.0.3/16
default via 10.89.0.1 dev eth0 
1
vm: --publish 8080:81: Address in use
125
vm: --publish 80/xyz: not of the form [[IP:]PORT:]PORT[/tcp|/udp]
2
vm: web: no snapshot: its address on the bridge is its own
the bridge 10.89.0.1 10.89.0.2
published 0.0.0.0:8080->80/tcp
"network": {"address": "10.89.0.2", "gateway": "10.89.0.1", "ports": "0.0.0.0:8080->80/tcp"}
vm: --publish x: not of the form [[IP:]PORT:]PORT[/tcp|/udp]
2
0
0
"""),
    # the drawing's lines against what the machine was started with, and what /proc and cgroup2 say of its monitor
    "explained": (("qemu",), r"""
head -c 65536 /dev/zero > d; ip link add w0 type veth
vm run -d --name t --mem 48M --cpus 2 --disk d,ro --net w0 --rng --hvc busybox -- sh -c 'wc -c < /dev/vda; sleep 1000' > /dev/null; wrote t 65536
vm explain t > e; p=$(sed -n 's/^pid //p' /run/vm/t/status); line() { grep -oE "$1" e | tr -s ' '; }
line '0x00000000-0x02ffffff +48M +RAM'; line '0x03000000-.*image, read-only.*'| cut -d' ' -f3-; line 'kernel /lib.*' | uniq; line 'initial file system'; line 'of 2 CPUs'
line '01.0 virtio disk +[1-9][0-9]* +d,ro' | sed 's/[0-9][0-9]* d/N d/'; line '0[2-4].0 virtio .*'; line '0x3f8.* 4 .*port'; line '0xc0000000-0xc0003fff.*rs'
[ "$(sed -nE 's/.*- (vCPU [01]|devices) +([0-9]+) .*/\2/p' e)" = "$(ls /proc/$p/task | sort -n)" ] && echo threads
[ "$(line ' net:.*' | cut -d' ' -f3)" = $(readlink /proc/$p/ns/net) ] && echo namespaces; line 'Seccomp .*'; [ $(sed '1,/open files/d' e | wc -l) = $(ls /proc/$p/fd | wc -l) ] && echo files
[ "$(vm explain --svg t | grep -c '<text.*</text>')" = $(wc -l < e) ] && echo drawn; vm pause t; vm explain t > e; line 'devices: .*'
[ "$(line 'their memory.*')" = "their memory $(awk '/^sec_pagetables/ { print $2 / 1024 "K" }' /sys/fs/cgroup/vm-t/memory.stat)" ] && echo tables
vm snapshot t s; vm unpause t; vm snapshot t /dev/null;  kill -STOP $p; vm explain t | grep -o 'devices: .*'; kill -CONT $p; vm rm -f t; vm explain t; ip link del w0
----
0x00000000-0x02ffffff 48M RAM
image, read-only /images/busybox.erofs
kernel /lib/dyad/dyad.elf
initial file system
of 2 CPUs
01.0 virtio disk N d,ro
02.0 virtio network 0 w0
03.0 virtio rng 0 getrandom(2)
04.0 virtio console 0
0x3f8-0x3ff 4 serial port
0xc0000000-0xc0003fff registers
threads
namespaces
Seccomp 0 2
files
drawn
devices: its CPUs and its monitor are paused (`vm unpause` lets them go on)
tables
vm: t: no snapshot: its CPUs and its monitor are paused (`vm unpause` lets them go on)
vm: /dev/null: not a plain file
devices: its monitor does not answer
vm: nothing named t runs (try `vm ps`)
"""),
    "names-unique": (("qemu",), r"""
for i in 1 2 3 4; do vm run -d --name t busybox -- sleep 1000 2> /dev/null & done > out; wait; cat out; vm rm -f t
for i in 1 2 3 4; do vm run -d busybox -- true & done > out; wait; sort -u out | wc -l; for n in $(vm ps -aq); do vm rm -f $n; done; ls /run/vm
----
t
4
"""),
}

# A start that is killed at one of its system calls, at many of them in turn: what it leaves, `rm -f` knows.
KILLED = r"""
n=1; while [ $n -lt 600 ]; do
	/tests/guest/killat $n %s > out 2>&1; s=$?; vm rm -f t >> out 2>&1 || { echo "at $n: rm says $?"; cat out; break; }
	[ ! "$(ls /run/vm)$(ls -d /sys/fs/cgroup/vm-* 2> /dev/null)" ] || { echo "at $n left: $(ls /run/vm /sys/fs/cgroup)"; vm ps -a; break; }
	[ $s = 0 ] || { echo "at $n: $s"; cat out; break; }
	n=$((n + 60))
done; echo $n
----
601
"""
SCRIPTS["killed-foreground"] = (("qemu",), KILLED % "vm run --name t busybox -- true")
SCRIPTS["killed-detached"] = (("qemu",), KILLED % "vm run -d --name t busybox -- true")

CASES = [Case(name, COMMON + text.partition("----\n")[0], out=text.partition("----\n")[2], seconds=90, on=on)
         for name, (on, text) in SCRIPTS.items()]
