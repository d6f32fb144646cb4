# SPDX-License-Identifier: MIT
"""Debian packages, fetched and unpacked into build/cache, never installed."""
import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(TOP, "build", "cache")


class Missing(Exception):
    pass


@contextlib.contextmanager
def alone(folder):
    """Nobody else, thread or process, fills the folder meanwhile."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def extract(archive, folder):
    """Fills the folder, which is there whole or not at all."""
    shutil.rmtree(folder + ".tmp", ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", archive, folder + ".tmp"], check=True)
    os.replace(folder + ".tmp", folder)


def unpack(package):
    """The folder that holds the package's files."""
    folder = os.path.join(CACHE, package)
    if os.path.isdir(folder):
        return folder
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise Missing(tool)
    with alone(folder):
        if os.path.isdir(folder):
            return folder  # another has unpacked it meanwhile
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package],
                       cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
        archive = max(glob.glob(os.path.join(CACHE, package.split(":")[0] + "_*.deb")),
                      key=os.path.getmtime)
        extract(archive, folder)
        os.unlink(archive)
    return folder


def closure(packages, cache):
    """The .deb files of the packages and of all they depend on, downloaded into the folder `cache`.

    apt resolves and checks them as for a machine on which nothing is installed; its lists are this
    machine's own (`apt-get update`).
    """
    if not shutil.which("apt-get"):
        raise Missing("apt-get")
    cache = os.path.abspath(cache)  # apt takes a relative path as one below its own folder
    with alone(cache):
        return resolve(packages, cache)


def resolve(packages, cache):
    """closure(), for one at a time."""
    os.makedirs(os.path.join(cache, "partial"), exist_ok=True)
    status = os.path.join(cache, "nothing-installed")
    open(status, "a").close()  # with the time of its first making: what apt has made of the lists stays good
    apt = ["apt-get", "-qq", "-o", "Dir::State::status=" + status, "-o", "Dir::Cache::archives=" + cache,
           "-o", "Dir::Cache::pkgcache=" + status + ".pkgs", "-o", "Dir::Cache::srcpkgcache=" + status + ".lists",
           "-o", "APT::Install-Recommends=false", "-o", "APT::Sandbox::User=root",
           "-o", "Debug::NoLocking=1"]
    planned = subprocess.run([*apt, "-s", "install", *packages], capture_output=True, text=True)
    if planned.returncode:
        unknown = re.findall(r"Unable to locate package (\S+)", planned.stderr)
        if unknown:
            raise Missing("package %s: apt's lists are missing or old, run `apt-get update`" % unknown[0])
        raise Missing("package: " + planned.stderr.strip().replace("\n", "; "))
    names = re.findall(r"^Inst (\S+) \((\S+) .*\[(\S+)\]\)", planned.stdout, re.M)
    files = [os.path.join(cache, "%s_%s_%s.deb" % (name, version.replace(":", "%3a"), arch))
             for name, version, arch in names]
    if not all(map(os.path.exists, files)):
        said = subprocess.run([*apt, "--print-uris", "install", *packages], capture_output=True, text=True, check=True)
        # a line is 'URI' FILE SIZE HASH; files that are in the cache already are left out
        missing = [int(line.split()[2]) for line in said.stdout.splitlines() if line.startswith("'")]
        print("fetching %d packages, %.1f MB" % (len(missing), sum(missing) / 1e6), file=sys.stderr, flush=True)
        loud = ["-o", "quiet=0"] if sys.stderr.isatty() else []
        subprocess.run([*apt, *loud, "--download-only", "-y", "install", *packages], check=True,
                       stdout=sys.stderr)
    return files


def fetch(url, sha256):
    """The folder of a package that Debian 12 does not have, from another archive; its bytes are known."""
    folder = os.path.join(CACHE, os.path.basename(url).removesuffix(".deb"))
    if os.path.isdir(folder):
        return folder
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            package = answer.read()
    except OSError as e:
        raise Missing("%s: %s" % (url, e)) from e
    if hashlib.sha256(package).hexdigest() != sha256:
        raise Missing("%s: not the package that it was" % url)
    with alone(folder), tempfile.NamedTemporaryFile(dir=CACHE, suffix=".deb") as f:
        f.write(package)
        f.flush()
        if not os.path.isdir(folder):
            extract(f.name, folder)
    return folder


def linux_kernel(flavour="cloud-amd64"):
    """(vmlinuz, modules folder) of Debian's kernel: cloud-amd64, or amd64."""
    found = sorted(glob.glob(os.path.join(CACHE, "linux-image-*[0-9]-%s/boot/vmlinuz-*" % flavour)))
    if not found:
        if not shutil.which("apt-cache"):
            raise Missing("apt-cache")
        said = subprocess.run(["apt-cache", "depends", "linux-image-" + flavour],
                              capture_output=True, text=True, check=True).stdout
        names = re.findall(r"Depends: (linux-image-\S+)", said)
        if not names:
            raise Missing("the package linux-image-" + flavour)
        unpack(names[0])
        found = sorted(glob.glob(os.path.join(CACHE, names[0], "boot/vmlinuz-*")))
    folder = os.path.dirname(os.path.dirname(found[-1]))
    modules = (glob.glob(folder + "/lib/modules/*") + glob.glob(folder + "/usr/lib/modules/*"))[0]
    return found[-1], modules
