# SPDX-License-Identifier: MIT
"""The network card (virtio-net): what a guest fetches from outside, and what is fetched from it."""
import contextlib
import functools
import hashlib
import http.client
import http.server
import os
import random
import socket
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
                           "--net", "user", "--", """
                for i in 1 2; do wget -q -O - http://10.0.2.2:%d/file | md5sum; done
                wget -q -O - http://10.0.2.2:%d/none 2>&1; ping -c 1 -W 9 10.0.2.2 | grep -c ' 0%% packet loss'
                awk '/eth0/ { print ($2 > 10000000), $4, $5, $12, $13 }' /proc/net/dev
                """ % (port, port)], timeout=200, env=environment(run, san))
        line = hashlib.md5(data).hexdigest() + "  -\n"
        expected = 2 * line + "wget: server returned error: HTTP/1.0 404 File not found\n1\n1 0 0 0 0\n"
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


def upload(san=False):
    def test(run):
        web, bell = free_ports(2)
        command = ["tools/run", "--strict", "-t", str(int(90 * run.scale)), "--net", "%d:80" % web,
                   "--net", "%d:81" % bell, "--",
                   "mkdir /tmp/www; cat /bin/busybox /bin/busybox > /tmp/www/file; md5sum < /tmp/www/file; "
                   "httpd -p 80 -h /tmp/www; nc -l -p 81 < /dev/null; echo end"]
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


HOST = {
    "download": download(), "download-san": download(san=True), "download-1cpu": download(cpus=1),
    "upload": upload(), "upload-san": upload(san=True),
}
