# SPDX-License-Identifier: MIT
"""Debian packages, fetched and unpacked into build/cache, never installed."""
import glob
import os
import re
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(TOP, "build", "cache")


class Missing(Exception):
    pass


def unpack(package):
    """The folder that holds the package's files."""
    folder = os.path.join(CACHE, package)
    if os.path.isdir(folder):
        return folder
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise Missing(tool)
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package],
                   cwd=CACHE, check=True, stdout=subprocess.DEVNULL)
    archive = max(glob.glob(os.path.join(CACHE, package.split(":")[0] + "_*.deb")),
                  key=os.path.getmtime)
    subprocess.run(["dpkg-deb", "-x", archive, folder + ".tmp"], check=True)
    os.replace(folder + ".tmp", folder)
    os.unlink(archive)
    return folder


def cloud_kernel():
    """(vmlinuz, modules folder) of Debian's cloud kernel."""
    found = sorted(glob.glob(os.path.join(CACHE, "linux-image-*-cloud-amd64/boot/vmlinuz-*")))
    if not found:
        if not shutil.which("apt-cache"):
            raise Missing("apt-cache")
        said = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"],
                              capture_output=True, text=True, check=True).stdout
        names = re.findall(r"Depends: (linux-image-\S+)", said)
        if not names:
            raise Missing("the package linux-image-cloud-amd64")
        unpack(names[0])
        found = sorted(glob.glob(os.path.join(CACHE, names[0], "boot/vmlinuz-*")))
    folder = os.path.dirname(os.path.dirname(found[-1]))
    modules = (glob.glob(folder + "/lib/modules/*") + glob.glob(folder + "/usr/lib/modules/*"))[0]
    return found[-1], modules
