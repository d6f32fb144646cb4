# SPDX-License-Identifier: MIT
"""Lab 06: mount namespaces, pivot_root and overlay, by what busybox's programs say; the same on Linux, as root."""
from harness import Case

# A root of its own in the folder r: a tmpfs with busybox, and a folder for the old root.
ROOT = ("mount --make-rprivate / && mkdir r && mount -t tmpfs t r && mkdir -p r/bin r/old r/proc && cp /bin/busybox r/bin && "
        "for a in sh ls cat umount pivot_root readlink mount sleep; do ln -s busybox r/bin/$a; done && "
        "mount -t proc p r/proc && cd r || exit 1\n")
OVL = "mkdir a b u w m || exit 1\n"
MOUNT = "mount -t overlay o -o lowerdir=a:b,upperdir=u,workdir=w m || exit 1\n"

SCRIPTS = {
    "plain": ("mkdir d; mount -t tmpfs t d; echo hi >d/f; cat d/f; umount d; ls -1 d", "hi"),
    # ---- mount namespaces
    "ns-own": ("mkdir d; unshare -m sh -c \"mount -t tmpfs t $PWD/d && touch d/inside; ls -1 $PWD/d\"; ls -1 d; "
               "grep -c $PWD/d /proc/mounts; :", "inside\n0"),
    "ns-cwd": ("mkdir -p d; mount -t tmpfs t d; cd d; mkdir s; unshare -m sh -c 'mount -t tmpfs t s && touch s/inside; ls -1 s'\n"
               "ls -1 s; cd ..; umount d", "inside"),
    "ns-nested": ("mkdir 1 2 3; unshare -m sh -c 'mount -t tmpfs t 1; unshare -m sh -c \"mount -t tmpfs t 2; "
                  "unshare -m sh -c \\\"mount -t tmpfs t 3; grep -c $PWD /proc/mounts\\\"; grep -c $PWD /proc/mounts\"; "
                  "grep -c $PWD /proc/mounts' | xargs", "3 2 1"),
    "ns-umount": ("mkdir d; mount -t tmpfs t d; touch d/x; unshare -m sh -c 'umount d; ls -1 d'; ls -1 d; umount d", "x"),
    # ---- pivot_root
    "pivot": ("unshare -m sh -c '" + ROOT + "pivot_root . old; cd /; ls -1 /; ls -d /old/images; cat /proc/mounts | head -1 | cut -d\" \" -f1-3'",
              "bin\nold\nproc\n/old/images\nt / tmpfs"),
    "pivot-dot": ("unshare -m sh -c '" + ROOT + "pivot_root . .; umount -l .; cd /; ls -1 /; grep -c . /proc/mounts'",
                  "bin\nold\nproc\n2"),
    "pivot-gone": ("unshare -m sh -c '" + ROOT + "pivot_root . old; umount -l /old; ls -1 /old; cat /proc/mounts' | cut -d' ' -f1-3; "
                   "ls -d /images", "t / tmpfs\np /proc proc\n/images"),
    "pivot-others": ("unshare -m sh -c '" + ROOT + "(cd /; exec sleep 99) & p=$!; sleep 0.2; pivot_root . old; "
                     "ls -1 /proc/$p/cwd/; kill $p'", "bin\nold\nproc"),
    "pivot-errors": ("unshare -m sh -c '" + ROOT + "mkdir d; pivot_root d d; pivot_root . /bin; pivot_root / /; cd /; pivot_root /proc /tmp' "
                     "2>&1 | sed 's/.*: //'", "Invalid argument\nDevice or resource busy\nDevice or resource busy\nInvalid argument"),
    # ---- overlay
    "ovl-merge": (OVL + "echo top >a/both; echo low >b/both; touch b/only; mkdir a/d b/d; touch a/d/1 b/d/2\n" + MOUNT +
                  "ls -1 m; cat m/both; ls -1 m/d; umount m", "both\nd\nonly\ntop\n1\n2"),
    "ovl-kinds": (OVL + "touch a/x; mkdir b/x; mkdir a/y; touch b/y; touch a/y/in\n" + MOUNT +
                  "ls -1F m; ls -1 m/y; umount m", "x\ny/\nin"),
    "ovl-rm": (OVL + "touch b/f\n" + MOUNT + "rm m/f; ls -1 m; ls -1 b; stat -c '%F %t:%T' u/f; umount m; " + MOUNT + "ls -1 m; umount m",
               "f\ncharacter special file 0:0"),
    "ovl-new-dir": (OVL + "mkdir b/d; touch b/d/old\n" + MOUNT + "rm -r m/d; ls -1 m; mkdir m/d; touch m/d/new; ls -1 m/d; umount m; " +
                    MOUNT + "ls -1 m/d; ls -1 b/d; umount m", "new\nnew\nold"),
    "ovl-write": (OVL + "echo one >b/f; chmod 640 b/f\n" + MOUNT + "echo two >>m/f; cat m/f; cat b/f; stat -c %a u/f; ls w/work; umount m",
                  "one\ntwo\none\n640"),
    "ovl-deep": (OVL + "mkdir -p b/1/2/3; chmod 711 b/1/2; echo x >b/1/2/3/f; echo y >b/1/2/other\n" + MOUNT +
                 "chmod 600 m/1/2/3/f; ls -R u | xargs; stat -c %a u/1/2; cat m/1/2/3/f m/1/2/other; umount m",
                 "u: 1 u/1: 2 u/1/2: 3 u/1/2/3: f\n711\nx\ny"),
    "ovl-mv": (OVL + "echo old >b/f\n" + MOUNT + "mv m/f m/g; ls -1 m; cat m/g; ls -1 b; umount m; " + MOUNT + "ls -1 m; umount m", "g\nold\nf\ng"),
    # ---- together
    "container": ("for i in 1 2; do ctr run busybox -- sh -c 'ls -1 /bin/vi; rm /bin/vi; ls -1 /bin/vi 2>&1 | cut -d: -f3; "
                  "echo $(ls -1 / | wc -l) >/etc/mine; ls -1 /etc/mine; grep -c \"^overlay / \" /proc/mounts'; done; ls -1 /bin/vi",
                  "\n".join(2 * ["/bin/vi\n No such file or directory\n/etc/mine\n1"]) + "\n/bin/vi"),
}

CASES = [Case(name, script, out=out, leak=name == "plain") for name, (script, out) in SCRIPTS.items()]
