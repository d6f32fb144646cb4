# SPDX-License-Identifier: MIT
"""Debian's kernels as guests' kernels: what `vm run --kernel linux IMAGE` starts.

A kernel is two files: NAME, Debian's vmlinuz as it is, and NAME.modules, an archive (cpio) of the
modules without which it cannot mount the image, as they are in the package, with the list
/etc/dyad/modules that says in which order user/init loads them; and of those for the devices that
`vm` can have, in the list modules.devices; and for its folders of the host's, behind those, in modules.share, if
the package has them. The same package gives the same bytes.
"""
import os
import re
import shutil
import threading

import debian
import newc

FLAVOURS = {"cloud": "cloud-amd64", "stock": "amd64"}  # the packages linux-image-...
# The image's memory as a block device, EROFS, overlayfs; and what libcrc32c asks for by another name.
WANTED = ("crc32c_generic", "nd_e820", "nd_pmem", "erofs", "overlay")
DEVICES = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng", "virtio_console")
SHARE = ("9pnet_virtio", "9p")  # for --share; the cloud flavour has them not
PLACE = "/lib/dyad/linux"  # in Dyad: the file that the word `linux` names


def modules(folder, wanted):
    """The files to load below /lib/modules/VERSION, each behind what it depends on."""
    files = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".ko"):
                files[name[:-3].replace("-", "_")] = os.path.join(where, name)
    order = []

    def visit(name):
        path = files.get(name)
        if not path or path in order:
            return  # a module that is not there is part of the kernel
        with open(path, "rb") as f:  # .modinfo: texts KEY=VALUE, each ended by NUL
            depends = re.search(rb"\0depends=([^\0]*)\0", f.read()).group(1).decode()
        for other in filter(None, depends.split(",")):
            visit(other.replace("-", "_"))
        order.append(path)

    for name in wanted:
        visit(name)
    return order


def make(flavour, folder):
    """Writes both files into the folder, unless they are there. Returns the kernel's path."""
    path = os.path.join(folder, flavour)
    there = os.path.exists(path) and os.path.exists(path + ".modules")
    if there and os.path.getmtime(path + ".modules") > os.path.getmtime(__file__):
        return path
    try:
        kernel, module_folder = debian.linux_kernel(FLAVOURS[flavour])
    except debian.Missing:
        if there:  # from another machine
            return path
        raise
    os.makedirs(folder, exist_ok=True)
    archive = newc.Archive()
    wanted, devices = modules(module_folder, WANTED), modules(module_folder, DEVICES)
    share = [file for file in modules(module_folder, SHARE) if file not in wanted + devices]
    for name, order in (("modules", wanted), ("modules.devices", devices), ("modules.share", share)):
        if not order:
            continue
        for file in order:
            archive.file("lib/modules/" + os.path.basename(file), file, 0o644)
        archive.data("etc/dyad/" + name, b"".join(b"/lib/modules/%s\0" % os.path.basename(f).encode() for f in order))
    for target, write in ((path + ".modules", archive.write), (path, None)):
        new = "%s.%d.tmp" % (target, threading.get_native_id())  # two may make it at once
        with open(new, "wb") as out:
            if write:
                write(out)
            else:
                with open(kernel, "rb") as f:
                    shutil.copyfileobj(f, out)
        os.replace(new, target)
    return path


def named(words):
    """Whether a command asks for Debian's kernel: --kernel linux, or ctr's --in-vm=linux."""
    return bool(words) and re.search(r"(--kernel|-k)[ =]linux\b|--in-vm=linux\b", " ".join(words)) is not None


def files(path, place=PLACE):
    """What a machine is given: (file here, place there)."""
    return [(path, place), (path + ".modules", place + ".modules")]
