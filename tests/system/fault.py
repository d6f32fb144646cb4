# SPDX-License-Identifier: MIT
"""Allocations that fail, one after the other, leave nothing behind (tests/guest/fault.c)."""
from harness import Case

ON = ("san",)
DONE = "nothing is left"


def fault(name, words, seconds=60):
    return Case(name, "/tests/guest/fault %s 2> /dev/null" % words, out=DONE, seconds=seconds)


CASES = [fault(name, name) for name in ("clone", "unshare", "cgroup", "socket", "ipc", "file", "device")] + [
    fault("mount-" + fs, "mount '%s %s'" % (fs, options)) for fs, options in (
        ("tmpfs", "size=1m,mode=700"), ("proc", ""), ("sysfs", ""), ("devpts", "newinstance"), ("mqueue", ""),
        ("cgroup2", ""), ("overlay", "lowerdir=/etc:/bin"), ("erofs", "/images/busybox.erofs"))
] + [
    # an image that is not mounted yet
    Case("mount-new-erofs", "cp /images/busybox.erofs /tmp/i; /tests/guest/fault mount 'erofs /tmp/i' 2> /dev/null; rm /tmp/i",
         out=DONE, seconds=60),
    fault("copy-up", "overlay /images/busybox.erofs"),
    fault("exec", "exec '' 1 150"),
    # a page that the tool itself needs and does not get ends it: the next one takes away what it had made
    fault("ctr", "command 'ctr run busybox true > /dev/null 2>&1; ctr ps > /dev/null' 41 3500", seconds=120),
]
