# SPDX-License-Identifier: MIT
"""The network card (virtio-net): its address by DHCP, what a guest fetches from outside, what is fetched
from it, a cable that is pulled, a card that does not send."""
import contextlib
import functools
import hashlib
import http.client
import http.server
import os
import random
import select
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request

MIB = 1 << 20


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def server(run, data):
    """A web server on this machine that has data as /file: its port."""
    with tempfile.TemporaryDirectory(dir=run.build, prefix="net-") as where:
        with open(os.path.join(where, "file"), "wb") as f:
            f.write(data)
        with http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0), functools.partial(Quiet, directory=where)) as web:
            threading.Thread(target=web.serve_forever, daemon=True).start()
            yield web.server_address[1]
            web.shutdown()


def environment(run, san):
    return {"DYAD_BUILD": run.build_for("san", {"san": True}) if san else run.build}


def download(san=False, cpus=2):
    def test(run):
        data = random.Random(5).randbytes(5 * MIB + 123)
        with server(run, data) as port:
            done = run.sh(["tools/run", "--strict", "-t", str(int(60 * run.scale)), "-c", str(cpus),
                           "--net", "user", "--", r"""
                ip addr flush dev eth0; ip route | wc -l
                printf '#!/bin/sh\n[ $1 = bound ] && ip addr add $ip/$mask dev $interface && ip route add default via $router\nexit 0' > /tmp/s
                chmod +x /tmp/s; udhcpc -i eth0 -n -q -s /tmp/s 2>&1 | grep lease
                ip addr show eth0 | grep inet; ip route | grep default
                for i in 1 2; do wget -q -O - http://10.0.2.2:%d/file | md5sum; done
                wget -q -O - http://10.0.2.2:%d/none 2>&1; ping -c 1 -W 9 10.0.2.2 | grep -c ' 0%% packet loss'
                awk '/eth0/ { print ($2 > 10000000), $4, $5, $12, $13 }' /proc/net/dev
                """ % (port, port)], timeout=200, env=environment(run, san))
        line = hashlib.md5(data).hexdigest() + "  -\n"
        expected = "0\nudhcpc: lease of 10.0.2.15 obtained from 10.0.2.2, lease time 86400\n" \
            "    inet 10.0.2.15/24 scope global eth0\ndefault via 10.0.2.2 dev eth0 \n" + 2 * line + "wget: server returned error: HTTP/1.0 404 File not found\n1\n1 0 0 0 0\n"
        got = done.stdout + done.stderr
        return None if got == expected else (expected, got)
    return test


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def fetch(port, end):
    """/file of the guest behind port; None when it is not served by then."""
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/file" % port, timeout=20) as answer:
                return answer.read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    return None


# The address moves to a bridge: TCP hands that long packets, and the card gets them in frames.
BRIDGED = "a=$(ip -o -4 addr show eth0 | awk '{ print $4 }'); ip link add br0 type bridge; ip addr flush dev eth0; " \
    "ip link set eth0 master br0; ip addr add $a dev br0; ip link set br0 up; "
SENT = "awk '/br0:/ { b = $11 } /eth0:/ { e = $11 } END { print (e > 4 * b ? \"end\" : \"no long packets\") }' /proc/net/dev"


def upload(san=False, bridged=False):
    def test(run):
        web, bell = free_ports(2)
        command = ["tools/run", "--strict", "-t", str(int(90 * run.scale)), "--net", "%d:80" % web,
                   "--net", "%d:81" % bell, "--",
                   (BRIDGED if bridged else "") +
                   "mkdir /tmp/www; cat /bin/busybox /bin/busybox > /tmp/www/file; md5sum < /tmp/www/file; "
                   "httpd -p 80 -h /tmp/www; nc -l -p 81 < /dev/null; " + (SENT if bridged else "echo end")]
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True,
                                 env=dict(os.environ, **environment(run, san)))
        try:
            end = time.monotonic() + 60 * run.scale
            data = fetch(web, end)
            again = [None] * 4  # side by side
            threads = [threading.Thread(target=lambda n=n: again.__setitem__(n, fetch(web, end)))
                       for n in range(len(again))]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", bell), timeout=20).close()
            got = guest.communicate(timeout=60 * run.scale)[0]
        finally:
            guest.kill()
        expected = hashlib.md5(data or b"").hexdigest() + "  -\nend\n"
        if data is None or got != expected:
            return expected, got
        return None if all(a == data for a in again) else ("four times the same", "something else")
    return test


CARD = r"""
import re, socket, struct, subprocess
run = lambda *words: subprocess.run(words, capture_output=True, text=True).stdout
say = lambda *what: print(*what, flush=True)
link = lambda: say(*re.search(r"<(.*?)>.* (state \w+)", run("ip", "link", "show", "eth0")).groups())
late = lambda: run("dmesg").count("eth0: it does not send")
counts = lambda: list(map(int, re.search("eth0:(.*)", open("/proc/net/dev").read())[1].split()[8:12]))

news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
news.bind((0, 1))  # RTMGRP_LINK
link()
for _ in range(2):
    data = news.recv(8192)  # nlmsghdr, ifinfomsg: netlink(7), rtnetlink(7)
    say("type", struct.unpack_from("=H", data, 4)[0], "flags", hex(struct.unpack_from("=I", data, 24)[0]))
    link()

card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
card.bind(("eth0", 0x88b5))  # of local experiments
packet = lambda text: bytes([255] * 6 + [2, 0, 0, 0, 0, 1, 0x88, 0xb5]) + text.ljust(1400)
while not counts()[2]:
    for _ in range(50):
        card.send(packet(b"more"))
before = late()
for _ in range(200):
    card.send(packet(b"more"))
say("late", before == counts()[2] > 0, "said again", late() - before, "dropped", counts()[3] > 0)
card.settimeout(0.1)
while True:  # until the other end has taken this one and answers
    try:
        card.send(packet(b"last"))
        if b"answer" in card.recv(2000):
            break
    except TimeoutError:
        pass
say("goes on")
"""


def wire(end, until):
    """Reads what a card sends at its other end, a stream of lengths and frames, and answers the last."""
    data = b""
    while b"last" not in data:
        if not select.select([end], [], [], max(0, until - time.monotonic()))[0]:
            return
        data = data[-9:] + end.recv(1 << 16)
    frame = bytes([255] * 6 + [2, 0, 0, 0, 0, 2, 0x88, 0xb5]) + b"answer".ljust(46)
    end.sendall(struct.pack(">I", len(frame)) + frame)


def card(san=False):
    def test(run):
        """A cable that is pulled and put back; then a card whose other end takes nothing for a while."""
        done = run.sh(["make", "-s", "build/images/debian.erofs"], timeout=300)
        if done.returncode:
            return "an image", done.stderr
        seconds = 60 * run.scale * (4 if san else 1)
        got = []
        with tempfile.TemporaryDirectory(prefix="card-") as where, \
                socket.create_server(("127.0.0.1", 0)) as far, \
                socket.socket(socket.AF_UNIX) as monitor:
            far.settimeout(20)
            with open(os.path.join(where, "card.py"), "w") as f:
                f.write(CARD)
            guest = subprocess.Popen(
                ["tools/run", "--strict", "-t", str(int(seconds)), "--root", "build/images/debian.erofs",
                 "-f", where + "/card.py:/card.py",
                 "--qemu=-monitor", "--qemu=unix:%s/monitor,server=on,wait=off" % where, "--qemu=-netdev",
                 "--qemu=socket,id=far,connect=127.0.0.1:%d" % far.getsockname()[1],
                 "--qemu=-device", "--qemu=virtio-net-pci,netdev=far,romfile=", "--", "python3", "/card.py"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env=dict(os.environ, **environment(run, san)))
            try:
                for line in guest.stdout:  # each step of ours follows one of the guest's
                    got.append(line)
                    if len(got) == 1:
                        end = far.accept()[0]
                        monitor.connect(where + "/monitor")
                    if len(got) in (1, 3):
                        monitor.sendall(b"set_link far %s\n" % (b"off" if len(got) == 1 else b"on"))
                    if line.startswith("late"):
                        wire(end, time.monotonic() + seconds)
                guest.wait()
            finally:
                guest.kill()
        up, down = "BROADCAST,MULTICAST,UP,LOWER_UP state UP\n", "NO-CARRIER,BROADCAST,MULTICAST,UP state DOWN\n"
        expected = [up, "type 16 flags 0x1003\n", down, "type 16 flags 0x11043\n", up,
                    "late True said again 0 dropped True\n", "goes on\n"]
        return None if got == expected else ("".join(expected), "".join(got))
    return test


HOST = {
    "download": download(), "download-san": download(san=True), "download-1cpu": download(cpus=1),
    "card": card(), "card-san": card(san=True),
    "upload": upload(), "upload-san": upload(san=True), "upload-bridged": upload(bridged=True),
}
