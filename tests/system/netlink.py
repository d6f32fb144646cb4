# SPDX-License-Identifier: MIT
"""The network by busybox's own programs, each in a namespace of its own: ip by netlink, ifconfig and
route by ioctls, DHCP by packet sockets. What they print is what they print on Linux."""
from harness import Case

ON = ("qemu",)

DHCP = r"""
ip link set lo up; ip addr add 10.7.0.1/24 dev lo; : > leases
printf "start 10.7.0.10\nend 10.7.0.20\ninterface lo\nlease_file $PWD/leases\nopt router 10.7.0.1
opt subnet 255.255.255.0\nstatic_lease 00:00:00:00:00:00 10.7.0.15\n" > conf
printf '#!/bin/sh\necho "$1 $ip $subnet $router"\n' > script; chmod +x script
udhcpd -f conf 2> /dev/null & sleep 0.5
udhcpc -i lo -n -q -f -t 3 -T 1 -s ./script; kill $!; wait $! 2> /dev/null; true
"""


def alone(script):
    return "cat > s <<'END'\n" + script + "\nEND\nunshare -n sh ./s"


CASES = [
    Case("ip", alone("ip link; ip link set lo up mtu 1500; ip addr add 10.1.2.3/24 dev lo; ip addr; "
                     "ip route add 10.9.0.0/16 dev lo; ip route; ip route get 127.0.0.1"),
         match=("^1: lo: <LOOPBACK> mtu 65536 qdisc noop qlen 1000$", "^1: lo: <LOOPBACK,UP,LOWER_UP> mtu 1500 ",
                "^    inet 10.1.2.3/24 scope global lo$", "^10.9.0.0/16 dev lo scope link $", "^local 127.0.0.1 dev lo ")),
    Case("ip-errors", alone("ip link set none up; ip addr del 10.1.2.3/24 dev lo; ip route del 10.9.0.0/16"),
         status=2, match=("No such device|can't find device", "Cannot assign requested address", "No such process")),
    Case("ioctls", alone("ifconfig lo 127.0.0.1 up; ifconfig lo; route add -net 10.8.0.0 netmask 255.255.0.0 dev lo; route -n"),
         match=("inet addr:127.0.0.1  Mask:255.0.0.0", "^10.8.0.0 +0.0.0.0 +255.255.0.0 +U .* lo$")),
    Case("dhcp", alone(DHCP), match=("lease of 10.7.0.15 obtained", "^bound 10.7.0.15 255.255.255.0 10.7.0.1$"), seconds=20),
]
