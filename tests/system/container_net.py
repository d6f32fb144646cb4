# SPDX-License-Identifier: MIT
"""Containers behind a bridge: Debian's ip makes their networks, `ctr run` starts them in these."""
from harness import Case

ON = ("debian",)

PLUG = ("ip link add br0 type bridge; ip addr add 10.9.0.254/24 dev br0; ip link set br0 up; "
        "for n in 1 2; do ip netns add n$n; ip link add v$n type veth peer name eth0 netns n$n; "
        "ip link set v$n master br0 up; ip -n n$n addr add 10.9.0.$n/24 dev eth0; "
        "ip -n n$n link set eth0 up; ip -n n$n link set lo up; done; ")
UNPLUG = "; ip netns del n1; ip netns del n2; ip link del br0"
ONE, TWO = "ip netns exec n1 ctr run busybox -- ", "ip netns exec n2 ctr run busybox -- "
SERVE = "sh -c 'mkdir /w; %s > /w/f; timeout 6 httpd -f -p 80 -h /w; true' 2> /dev/null & "
FETCH = ("sh -c 'until wget -q -O /g http://10.9.0.%d/f 2> /dev/null; do sleep 0.3; done; "
         "md5sum < /g'; ")

CASES = [
    Case("ping", PLUG + ONE + "ping -c 2 -i 0.2 10.9.0.2; " + TWO + "ping -c 1 -s 5000 10.9.0.1 | head -n 2; " +
         ONE + "ping -c 1 10.9.0.254 | grep -c seq=0; " + ONE + "ping -c 1 -W 1 10.9.0.9 | tail -n 1" + UNPLUG,
         match=("2 packets transmitted, 2 packets received, 0% packet loss", "5008 bytes from 10.9.0.1: seq=0 ttl=64",
                "^1$", "100% packet loss"), seconds=60),
    Case("tcp", PLUG + TWO + SERVE % "seq 100000" + ONE + FETCH % 2 + "seq 100000 | md5sum; wait" + UNPLUG,
         out="\n".join(["dea9193b768319cbb4ff1a137ac03113  -"] * 2), seconds=60),
    Case("own-ports", PLUG + ONE + SERVE % "echo one" + TWO + SERVE % "echo two" + ONE + FETCH % 2 +
         TWO + FETCH % 1 + "echo two | md5sum; echo one | md5sum; wait" + UNPLUG,
         out="\n".join(["c193497a1a06b2c72230e6146ff47080  -", "5bbf5a52328e7439ae6e719dfe712200  -"] * 2), seconds=60),
    Case("ends-with-its-namespace", "unshare -n sleep 100 & sleep 0.3; ip link add v1 type veth peer name v2; "
         "ip link set v2 netns $!; ip -br link show v1 | cut -d' ' -f1; kill $!; wait $!; sleep 0.2; ip link show v1",
         status=1, match=("v1@if", "does not exist")),
]
