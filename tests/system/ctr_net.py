# SPDX-License-Identifier: MIT
"""ctr run --net bridge and -p: addresses, names, published ports, and that all of it goes at the end. On Dyad, and the
same scripts on this machine's Linux, as root in a mount and a network namespace of their own."""
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ctr_life  # noqa: E402
import net_outside  # noqa: E402
from harness import Case  # noqa: E402

ON = ("qemu",)

# Of a link that was just put in, Linux's bridge may lose packets for a while: so all that is asked is asked until it is answered.
COMMON = ctr_life.COMMON + r"""
web() { ctr run -d --rm "$@" busybox -- sh -c 'mkdir /w; hostname > /w/f; exec httpd -f -p 80 -h /w' > /dev/null; }
ask() { until busybox wget -q -O - http://$1/f 2> /dev/null; do sleep 0.1; done; }
inside() { ctr run --net bridge busybox -- sh -c "until $1 2> /dev/null; do sleep 0.1; done"; }
gone() { until [ ! "$(ls -A /run/ctr)" ]; do sleep 0.1; done; ip link show ctr0 > /dev/null 2>&1 && echo the bridge is left; ip link | grep -c ctr0-; ps | grep '[c]tr run'; true; }
"""
SHARED = {
    "address": r"""
ctr run --net bridge --name a --hostname h busybox -- sh -c 'ip -o -4 addr | tr -s " " | cut -d" " -f2,4; ip route; cat /etc/hosts; echo x > /etc/hosts; until ping -c 1 -W 1 10.88.0.1 > /dev/null; do :; done; ping -c 1 -W 5 h | grep -c seq='; gone
----
lo 127.0.0.1/8
eth0 10.88.0.2/16
default via 10.88.0.1 dev eth0 
10.88.0.0/16 dev eth0 scope link  src 10.88.0.2 
127.0.0.1	localhost
::1	localhost
10.88.0.1	host.containers.internal
10.88.0.2	a h
sh: can't create /etc/hosts: Read-only file system
1
0
""",
    "names": r"""
web --net bridge --name one; web --net bridge --name two; inside 'wget -q -O - http://one/f'; inside 'wget -q -O - http://two/f'
ctr exec one sh -c 'until ping -c 1 -W 1 two; do :; done' | grep -c seq=; ctr exec two grep -c one /etc/hosts; ask 10.88.0.3
ctr stop one; ctr exec two grep -c one /etc/hosts; web --net bridge --name three; ctr exec two sed -n '/three/p' /etc/hosts; inside 'wget -q -O - http://three/f'; ctr stop two three; gone
----
one
two
1
1
two
0
10.88.0.2	three
three
0
""",
    "published": r"""
web --name one -p 8080:80; web --name two -p 127.0.0.1:8081:80/tcp -p 80; ask 127.0.0.1:8080; ask 127.0.0.1:8081; ask 10.88.0.1:8080
busybox wget -q -O - http://10.88.0.1:8081/f 2> /dev/null || echo not there
ask 127.0.0.1:$(ctr ps | sed -n 's/.*tcp, 0.0.0.0:\([0-9]*\)->80.*/\1/p')
ctr ps | sed -n 's/.*\(10.88.0.2.*tcp\) .*/\1/p' | tr -s ' '; ctr inspect one | grep -o '"network.*'; ctr explain one | grep -A1 'network of' | tr -s ' '
ctr run --name t -p 8080:80 busybox -- echo started; echo $?; ctr run -d --name t -p 8082:80 -p 8080:80 busybox -- echo started; echo $?
web --name three -p 8082:80; ask 127.0.0.1:8082; ctr stop one; web --name four -p 8080:80; ask 127.0.0.1:8080; ctr stop two three four; gone
----
one
two
one
not there
two
10.88.0.2 0.0.0.0:8080->80/tcp
"network": {"address": "10.88.0.2", "gateway": "10.88.0.1", "ports": "0.0.0.0:8080->80/tcp"},
|- network of the bridge 10.88.0.1 10.88.0.2
| `- published 0.0.0.0:8080->80/tcp
ctr: --publish 8080:80: Address in use
125
ctr: --publish 8080:80: Address in use
125
three
four
0
""",
    # md5sum answers when it has seen the end of what is sent to it, and no sooner.
    "half-closed": r"""
ctr run -d --rm --name sum -p 8080:80 busybox -- nc -ll -p 80 -e md5sum > /dev/null; until seq 10 | busybox nc 127.0.0.1 8080 | grep .; do sleep 0.1; done 2> /dev/null
for i in 1 2 3 4 5 6 7 8; do seq 20000 | busybox nc 127.0.0.1 8080 & done; wait
ctr run -d --rm --name big -p 8081:80 busybox -- nc -ll -p 80 -e seq 40000 > /dev/null; until busybox nc 127.0.0.1 8081 < /dev/null 2> /dev/null | grep -q 40000; do sleep 0.1; done
for i in 1 2 3; do busybox nc 127.0.0.1 8081 < /dev/null | md5sum & done; wait; seq 40000 | md5sum
busybox nc 127.0.0.1 8081 < /dev/null | sleep 0.5; mkfifo open; exec 3<> open; busybox nc 127.0.0.1 8080 <&3 2> /dev/null & ctr stop -t 0 sum big; wait; gone
----
3b0332e02daabf31651a5a0d81ba830a  -
""" + "e071f707df7bbeee2a6a1eb48011ddd0  -\n" * 8 + "1c0f34fee7176dc367bead8f96cba6bc  -\n" * 4 + "0\n",
    "twenty": r"""
for i in $(seq 20); do web --net bridge --name c$i & done; wait; ctr ps | sed -n 's/.* \(10\.88\.0\.[0-9]*\) .*/\1/p' | sort -u | wc -l
ctr exec c1 sh -c 'for i in $(seq 20); do until wget -q -O - http://c$i/f; do sleep 0.1; done; done 2> /dev/null' | sort -u | wc -l
for i in $(seq 20); do ctr stop -t 0 c$i & done; wait; gone
----
20
20
0
""",
    # What a killed keeper leaves is taken away by ps and rm, and its address by the next who wants one.
    "keeper-killed": r"""
keeper() { sed -n 's/^keeper //p' /run/ctr/$1/status; }
ctr run -d --name k -p 8080:80 busybox -- sleep 1000 > /dev/null; kill -9 $(keeper k); until ctr ps | grep -o dead; do sleep 0.1; done
until ctr run -d --name l -p 8080:80 busybox -- sleep 1000 2> /dev/null; do sleep 0.1; done; ctr rm k; ctr exec l ip -o -4 addr show eth0 | grep -o '10.88.0.2/'; ip link | grep -c ctr0-2; ctr rm -f l; gone
web --name m -p 8080:80; kill -9 $(keeper m); until [ ! "$(ctr ps -q)" ]; do sleep 0.1; done; gone
----
dead
l
10.88.0.2/
1
0
0
""",
    "wrong": r"""
for p in x 80:x 0 70000 80:70000 1:2:3 1.2.3.4.5:1:2 300.1.1.1:1:2 80/xyz '' : 1: -1 80:80:80:80 "$(head -c 10000 /dev/zero | tr '\0' 1)"; do ctr run --net bridge -p "$p" busybox -- echo started; echo $?; done 2>&1 | grep -vE '^(ctr: --publish .*: not of the form \[\[IP:\]PORT:\]PORT\[/tcp\|/udp\]|2)$'
for n in host none nosuch; do ctr run --net $n -p 80:80 busybox -- echo started; echo $?; done; ctr run -p 1.2.3.4:8080:80 busybox -- echo started; echo $?
ctr run --net bridge -v /nosuch:/x busybox -- echo started; ctr run --net bridge busybox -- nosuch; echo $?; ctr run -d --name t -p 8080:80 busybox -- nosuch; echo $?; gone
----
ctr: --publish: not with --net host
2
ctr: --publish: not with --net none
2
ctr: --net nosuch: not none, host or bridge
2
ctr: --publish 1.2.3.4:8080:80: Address not available
125
ctr: --volume /nosuch:/x: /nosuch: No such file or directory
ctr: nosuch: command not found in the container
127
ctr: nosuch: command not found in the container
127
0
""",
}

CASES = [Case(name, COMMON + text.partition("----\n")[0], out=text.partition("----\n")[2], seconds=90)
         for name, text in SHARED.items()]

# As ctr_life kills at each step of a start and an end: no line, no link, no bridge is left either.
KILLED = ctr_life.KILLED.replace('\tnothing_left', '\t[ ! "$(ls -A /run/ctr 2> /dev/null; ip -o link | grep ctr0)" ] || { echo "at $n:"; '
                                 'ls -A /run/ctr; ip link; exit 1; }\n\tnothing_left')


# a datagram there and back, by the host's port
UDP = r"""
    cat > /tmp/www/echo.py <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 9000))
while True:
    data, who = s.recvfrom(99); s.sendto(data.upper(), who)
END
    cat > /tmp/www/ask.py <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.5); answer = None
while not answer:
    s.sendto(b"anybody?", ("127.0.0.1", 9000))
    try: answer = s.recv(99)
    except OSError: pass
print(answer.decode())
END
    ctr run -d --rm --name echo -p 9000/udp -p 9000:9000/udp -v /tmp/www:/www debian -- python3 /www/echo.py > /dev/null
    ctr run --rm --net host -v /tmp/www:/www debian -- python3 /www/ask.py; ctr stop -t 0 echo > /dev/null"""


def from_outside(image, serve, more="", says=""):
    def test(run):
        """A web server in a container: fetched by name from another one, and from here by QEMU's and ctr's ports."""
        web, bell = net_outside.free_ports(2)
        path, _ = run.images_for("host", dict(image=image))
        guest = subprocess.Popen(
            ["tools/run", "--strict", "-m", "512M", "-t", str(int(120 * run.scale)), *(["-i", path[0]] if image != "busybox" else []),
             "--net", "%d:80" % web, "--net", "%d:81" % bell, "--", r"""
                mkdir /tmp/www; cat /bin/busybox > /tmp/www/file; md5sum < /tmp/www/file
                ctr run -d --rm --name web -p 80:8000 -v /tmp/www:/www %s -- %s > /dev/null
                ctr run --net bridge busybox -- sh -c 'until wget -q -O f http://web:8000/file 2> /dev/null; do sleep 0.1; done; md5sum < f'
                nc -l -p 81 < /dev/null; ctr stop -t 0 web > /dev/null
%s
ip link | grep -c ctr0""" % (image, serve, more)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ, DYAD_BUILD=run.build))
        try:
            data = net_outside.fetch(web, time.monotonic() + 90 * run.scale)
            while guest.poll() is None:  # nobody may be listening yet: QEMU takes the connection all the same
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", bell), timeout=20).close()
                time.sleep(0.1)
            got = guest.communicate()[0]
        finally:
            guest.kill()
        line = hashlib.md5(data or b"").hexdigest() + "  -\n"
        expected = line + line + says + "0\n"
        return None if data and got == expected else (expected, got)
    return test


HOST = {
    "from-outside": from_outside("busybox", "httpd -f -p 8000 -h /www"),
    "python-from-outside": from_outside("debian", "python3 -m http.server -d /www 8000", UDP, "ANYBODY?\n"),
    "killed": ctr_life.script("ip link set lo up\n" + KILLED % "ctr run -d --name $T -p 8080:80 busybox -- true", namespaces="-mn"),
    **{name: ctr_life.script("ip link set lo up\n" + COMMON + text, namespaces="-mn") for name, text in SHARED.items()},
}
