# SPDX-License-Identifier: MIT
"""Busybox's network tools over loopback, and what they show of it."""
from harness import Case

# Somebody listens on that port.
UP = 'up() { until netstat -ltn 2> /dev/null | grep -q ":$1 "; do sleep 0.05; done; }; '

CASES = [
    Case("ping", "ping -c 3 -i 0.1 127.0.0.1",
         match=(r"^PING 127\.0\.0\.1", r"seq=2 ttl=64", "3 packets transmitted, 3 packets received, 0% packet loss")),
    Case("ping-large", "ping -c 1 -s 40000 127.0.0.1", match="40008 bytes from 127.0.0.1: seq=0 ttl=64"),
    Case("ping-nowhere", "ping -c 1 -W 1 10.9.9.9 2>&1", status=1, match="Network unreachable|Network is unreachable"),
    Case("nc", UP + "nc -l -p 4000 > got & up 4000; echo through | nc 127.0.0.1 4000; wait; cat got", out="through"),
    Case("nc-refused", "nc 127.0.0.1 4001 2>&1", status=1, match="Connection refused"),
    Case("nc-both-ways", UP + "nc -l -p 4002 -e cat & up 4002; printf 'a\\nb\\n' | nc 127.0.0.1 4002", out="a\nb"),
    Case("http", UP + "mkdir w; echo hello > w/index.html; seq 100000 > w/large; "
                 "httpd -f -p 8080 -h w & p=$!; up 8080; wget -q -O - http://127.0.0.1:8080/; "
                 "wget -q -O got http://127.0.0.1:8080/large; cmp got w/large && echo same; "
                 "wget -q -O x http://127.0.0.1:8080/no 2>&1; kill $p", match=("^hello$", "^same$", "404 Not Found")),
    Case("many-at-once", UP + "mkdir w; seq 5000 > w/f; httpd -f -p 8081 -h w & p=$!; up 8081; "
                         "for i in 1 2 3 4 5 6 7 8; do wget -q -O g$i http://127.0.0.1:8081/f & j=\"$j $!\"; done; "
                         "wait $j; cat g? | wc -l; kill $p", out="40000"),
    Case("ifconfig", "ifconfig lo", match=("Link encap:Local Loopback", "inet addr:127.0.0.1  Mask:255.0.0.0",
                                            "UP LOOPBACK RUNNING  MTU:65536")),
    Case("own-stack", "unshare -n sh -c 'ifconfig -a | grep -c encap; ping -c 1 127.0.0.1 2>&1 | tail -n 1; "
                      "ifconfig lo up; ping -c 1 127.0.0.1 | grep -c seq=0'", match=("^1$", "unreachable", "^1$")),
    Case("alias", "unshare -n sh -c 'ifconfig lo up; ifconfig lo:1 10.1.2.3 netmask 255.255.255.0; "
                  "ifconfig lo:1 | grep -o \"inet addr.*\"; ping -c 1 10.1.2.3 | grep -o seq=0; "
                  "ifconfig lo:1 down; ping -c 1 10.1.2.3 2>&1 | tail -n 1'",
         match=("inet addr:10.1.2.3  Mask:255.255.255.0", "seq=0", "unreachable")),
    Case("route", "unshare -n sh -c 'ifconfig lo up; route add -net 10.5.0.0 netmask 255.255.0.0 dev lo; "
                  "route add -host 10.7.7.7 gw 10.5.0.1; route -n | tail -n +3; route del -host 10.7.7.7; "
                  "route -n | wc -l; route add default gw 192.168.1.1 2>&1'", status=1,
         match=(r"^10\.7\.7\.7 +10\.5\.0\.1 +255\.255\.255\.255 UGH +0 +0 +0 lo",
                r"^10\.5\.0\.0 +0\.0\.0\.0 +255\.255\.0\.0 +U +0 +0 +0 lo", "^3$", "unreachable")),
    Case("netstat", "nc -l -p 4003 & p=$!; sleep 0.1; netstat -tln 2>/dev/null; kill $p",
         match=r"^tcp +0 +0 0\.0\.0\.0:4003 +0\.0\.0\.0:\* +LISTEN"),
    Case("sysctl", "cd /proc/sys/net; cat ipv4/ip_local_port_range ipv4/ping_group_range core/somaxconn",
         match=("^32768\t60999$", "^1\t0$", "^4096$")),
    Case("stopped-by-a-signal", "nc -l -p 4004 & sleep 0.1; kill $!; wait $!; echo $?", match="^143$"),
]
